import type { Clock, TimerHandle } from '../core/clock.ts';
import type { OpusCodec, OpusEncoder } from '../ports/opus-codec.ts';

/** How far the packets run ahead of the ear: the first six leave at once. */
export const leadFrames = 6;
/** `tts stop` comes this long after the last packet, as a real server has it. */
export const stopDelayMs = 420;
/** A machine that slept goes on from here instead of sending all that is overdue in one burst. */
const maxLagMs = 1000;

export interface AnswerPlayerOptions {
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly sampleRateHz: number;
  readonly frameDurationMs: number;
  /** How many packets leave at once; 6 when not given. */
  readonly leadFrames?: number;
  sendAudio(packet: Uint8Array, timestampMs: number): void;
}

/** Where one answer differs from the player's others. */
export interface AnswerPace {
  readonly leadFrames: number;
  readonly tailMs: number;
}

export interface AnswerPlayer {
  readonly playing: boolean;
  /**
   * Encodes and sends `pcm` (at the player's rate) in real time; `onFinished` comes `tailMs` after the last packet (420
   * unless given), and not at all after `cancel`. Playing again cancels what plays.
   */
  play(pcm: Int16Array, onFinished: () => void, pace?: AnswerPace): void;
  /** No packet follows. True when something was playing. */
  cancel(): boolean;
}

interface Playback extends AnswerPace {
  readonly pcm: Int16Array;
  readonly onFinished: () => void;
  readonly frames: number;
  sentFrames: number;
  /** When frame 0 was due; deadlines are counted from here, so late timers do not add up. */
  startMs: number;
}

/** Speaks: one timer per answer, armed for the next deadline; whatever is due leaves in one wake-up. */
export function createAnswerPlayer(options: AnswerPlayerOptions): AnswerPlayer {
  const { codec, clock, sampleRateHz, frameDurationMs, sendAudio } = options;
  const usualPace = { leadFrames: options.leadFrames ?? leadFrames, tailMs: stopDelayMs };
  const samplesPerFrame = (sampleRateHz * frameDurationMs) / 1000;
  const frame = new Int16Array(samplesPerFrame);
  let encoder: OpusEncoder | undefined;
  let playback: Playback | undefined;
  let timer: TimerHandle;

  function encodeFrame(current: Playback): Uint8Array {
    const from = current.sentFrames * samplesPerFrame;
    frame.fill(0);
    frame.set(current.pcm.subarray(from, from + samplesPerFrame));
    return (encoder as OpusEncoder).encode(frame);
  }

  /** When the next thing is to happen: another frame, or the end. */
  function nextDueMs({ startMs, frames, sentFrames, leadFrames: lead, tailMs }: Playback): number {
    return sentFrames < frames
      ? startMs + Math.max(0, sentFrames - lead + 1) * frameDurationMs
      : startMs + Math.max(0, sentFrames - lead) * frameDurationMs + tailMs;
  }

  function sendWhatIsDue(): void {
    const current = playback;
    if (!current) return;
    const lagMs = clock.now() - nextDueMs(current);
    if (lagMs > maxLagMs) current.startMs += lagMs;
    while (playback === current && current.sentFrames < current.frames && nextDueMs(current) <= clock.now()) {
      sendAudio(encodeFrame(current), clock.now());
      current.sentFrames += 1;
    }
    if (playback !== current) return;
    if (current.sentFrames === current.frames && nextDueMs(current) <= clock.now()) {
      playback = undefined;
      current.onFinished();
      return;
    }
    timer = clock.setTimeout(sendWhatIsDue, nextDueMs(current) - clock.now());
  }

  function cancel(): boolean {
    if (!playback) return false;
    clock.clearTimeout(timer);
    playback = undefined;
    return true;
  }

  return {
    get playing() {
      return playback !== undefined;
    },
    play(pcm, onFinished, pace = usualPace) {
      cancel();
      encoder ??= codec.createEncoder({
        sampleRateHz,
        frameDurationMs,
        complexity: 0,
        variableBitrate: true,
        discontinuousTransmission: false,
      });
      encoder.reset();
      const frames = Math.ceil(pcm.length / samplesPerFrame);
      playback = { ...pace, pcm, onFinished, frames, sentFrames: 0, startMs: clock.now() };
      sendWhatIsDue();
    },
    cancel,
  };
}
