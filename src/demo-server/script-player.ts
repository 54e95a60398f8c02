import { samplesPerFrame } from '../audio/format.ts';
import { createResampler } from '../audio/resampler.ts';
import { BoundedQueue } from '../core/bounded-queue.ts';
import { type Clock, wait } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { OpusCodec } from '../ports/opus-codec.ts';
import { createAnswerPlayer, leadFrames } from './answer-player.ts';
import type { LoadWav } from './answer-speech.ts';
import { type DeviceLinkHandler, downlinkFormat } from './device-link.ts';
import type { ScriptConnection, ScriptStep } from './script.ts';

const maxWaitingMessages = 1000;
const maxAudioMs = 3_600_000;

/** The wire under a script: it may break every rule. */
export interface ScriptedWire {
  helloFields(): Readonly<Record<string, unknown>>;
  sendText(text: string): void;
  sendBinary(bytes: Uint8Array): void;
  /** Bytes straight into the byte stream, past all framing. */
  sendRaw(bytes: Uint8Array): void;
  sendAudio(packet: Uint8Array, timestampMs: number): void;
  close(code: number, reason: string): void;
  /** Without a closing handshake: a TCP reset. */
  terminate(): void;
}

/** How one connection of a script went. */
export interface ScriptResult {
  readonly connection: number;
  readonly ok: boolean;
  /** Which step failed, from 0, and why. */
  readonly failure?: { readonly step: number; readonly reason: string };
}

export interface ScriptPlayerParts {
  readonly sessionId: string;
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly loadWav?: LoadWav | undefined;
}

/**
 * Plays the steps of one connection, one after the other; afterwards it stays connected and silent. `onResult` is called
 * once. A step that fails ends the connection with code 1011.
 */
export function playScript(
  connection: ScriptConnection,
  wire: ScriptedWire,
  parts: ScriptPlayerParts,
  onResult: (result: Omit<ScriptResult, 'connection'>) => void,
): DeviceLinkHandler {
  const { sessionId, codec, clock, logger, loadWav } = parts;
  const ended = new AbortController();
  const waiting = new BoundedQueue<Record<string, unknown>>(maxWaitingMessages, 'drop-oldest');
  let audioFrames = 0;
  let wake: () => void = () => {};
  /** True once the script itself ended the connection: then nothing can fail any more. */
  let leaving = false;

  const fill = (value: unknown): string => JSON.stringify(value).replaceAll('$session', sessionId);

  function answerHello(): void {
    if (connection.hello === false) return;
    wire.sendText(
      fill(
        connection.hello === true
          ? {
              type: 'hello',
              ...wire.helloFields(),
              audio_params: {
                format: 'opus',
                sample_rate: downlinkFormat.sampleRateHz,
                channels: 1,
                frame_duration: downlinkFormat.frameDurationMs,
              },
              session_id: '$session',
            }
          : connection.hello,
      ),
    );
  }

  /** Resolves when `ready` says so, looking again at every arrival; throws when time is over or the device has left. */
  async function until(ready: () => boolean, withinMs: number, missing: () => string): Promise<void> {
    const deadlineMs = clock.now() + withinMs;
    while (!ready()) {
      const leftMs = deadlineMs - clock.now();
      if (ended.signal.aborted) throw new Error(`the device left; ${missing()}`);
      if (leftMs <= 0) throw new Error(`${missing()} within ${withinMs} ms`);
      await arrivalOr(leftMs);
    }
  }

  function arrivalOr(leftMs: number): Promise<void> {
    const arrived = new AbortController();
    wake = () => arrived.abort();
    return wait(clock, leftMs, arrived.signal);
  }

  function takeMatching(expected: Record<string, unknown>): boolean {
    for (let message = waiting.shift(); message; message = waiting.shift())
      if (contains(message, expected)) return true;
    return false;
  }

  async function sendFile(step: Extract<ScriptStep, { audio: string }>): Promise<void> {
    if (!loadWav) throw new Error('this server cannot read WAV files');
    const { sampleRateHz, frameDurationMs } = step;
    const file = await loadWav(step.audio);
    const pcm = createResampler(file.sampleRateHz, sampleRateHz).push(file.pcm);
    const end =
      step.stopAfterFrames === undefined
        ? pcm.length
        : step.stopAfterFrames * samplesPerFrame(sampleRateHz, frameDurationMs);
    const player = createAnswerPlayer({
      codec,
      clock,
      sampleRateHz,
      frameDurationMs,
      leadFrames: step.paced ? leadFrames : Number.POSITIVE_INFINITY,
      sendAudio: (packet, timestampMs) => wire.sendAudio(packet, timestampMs),
    });
    let finished = false;
    player.play(pcm.subarray(0, end), () => {
      finished = true;
      wake();
    });
    try {
      await until(
        () => finished,
        maxAudioMs,
        () => 'the audio was not sent to its end',
      );
    } finally {
      player.cancel();
    }
  }

  async function play(step: ScriptStep): Promise<void> {
    if ('expect' in step)
      return until(
        () => takeMatching(step.expect),
        step.withinMs,
        () => `no ${JSON.stringify(step.expect)}`,
      );
    if ('expectAudioFrames' in step) {
      await until(
        () => audioFrames >= step.expectAudioFrames,
        step.withinMs,
        () => `${audioFrames} of ${step.expectAudioFrames} audio frames`,
      );
      audioFrames -= step.expectAudioFrames;
      return;
    }
    if ('send' in step) return wire.sendText(fill(step.send));
    if ('sendText' in step) return wire.sendText(step.sendText.repeat(step.times));
    if ('sendBinary' in step) return wire.sendBinary(Buffer.from(step.sendBinary.repeat(step.times), 'hex'));
    if ('sendRaw' in step) return wire.sendRaw(Buffer.from(step.sendRaw, 'hex'));
    if ('audio' in step) return sendFile(step);
    if ('waitMs' in step) return wait(clock, step.waitMs, ended.signal);
    leaving = true;
    if ('close' in step) return wire.close(step.close.code, step.close.reason);
    wire.terminate();
  }

  async function playAll(): Promise<void> {
    for (const [index, step] of connection.steps.entries()) {
      try {
        if (ended.signal.aborted && !leaving) throw new Error('the device left');
        await play(step);
      } catch (thrown) {
        const reason = messageOf(thrown);
        logger.error('script step failed', { step: index, reason });
        wire.close(1011, 'script failed');
        return onResult({ ok: false, failure: { step: index, reason } });
      }
    }
    logger.info('script finished', { steps: connection.steps.length });
    onResult({ ok: true });
  }

  void playAll();

  return {
    onText(text) {
      const message = parseObject(text);
      if (!message) return;
      if (message.type === 'hello') answerHello();
      waiting.push(message);
      wake();
    },
    onAudio() {
      audioFrames += 1;
      wake();
    },
    onClosed() {
      ended.abort();
      wake();
    },
  };
}

/** Every member of `expected` is in `message` with the same value; objects are compared the same way. */
function contains(message: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(message, expected);
  if (typeof message !== 'object' || message === null) return false;
  return Object.entries(expected).every(([key, value]) =>
    contains((message as Record<string, unknown>)[key], value),
  );
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
