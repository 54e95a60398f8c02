import type { Clock } from '../core/clock.ts';
import { type ClientError, toClientError } from '../core/errors.ts';
import type { OpusEncoder } from '../ports/opus-codec.ts';
import { durationMs } from './format.ts';
import { Framer } from './framer.ts';
import { Gate, type GatePosition } from './gate.ts';
import { createResampler, type Resampler } from './resampler.ts';

export interface UplinkOptions {
  readonly encoder: OpusEncoder;
  readonly clock: Clock;
  /** Sound kept while the channel is being opened. */
  readonly preRollMs: number;
  readonly onProblem: (error: ClientError) => void;
}

/** Where packets go; false when one was dropped because the network is backed up. */
export type PacketSender = (packet: Uint8Array) => boolean;

export interface UplinkCounters {
  readonly captured: number;
  readonly encoded: number;
  readonly sent: number;
  readonly dropped: number;
}

/**
 * Microphone → frames → gate → Opus → transport, all in the microphone's own call: there is no queue in which sound could
 * grow old. The gate stands before the encoder, so silence between conversations costs nothing.
 */
export class Uplink {
  readonly #encoder: OpusEncoder;
  readonly #framer: Framer;
  readonly #gate: Gate<Int16Array>;
  readonly #onProblem: (error: ClientError) => void;
  #resampler: Resampler;
  #send: PacketSender | undefined;
  #tap: ((frame: Int16Array) => void) | undefined;
  #listener: ((pcm: Int16Array) => void) | undefined;
  #captured = 0;
  #encoded = 0;
  #sent = 0;
  #lost = 0;

  constructor({ encoder, clock, preRollMs, onProblem }: UplinkOptions) {
    const frameMs = durationMs(encoder.samplesPerFrame, encoder.sampleRateHz);
    this.#encoder = encoder;
    this.#onProblem = onProblem;
    this.#framer = new Framer(encoder.samplesPerFrame, (frame) => this.#onFrame(frame));
    this.#resampler = createResampler(encoder.sampleRateHz, encoder.sampleRateHz);
    this.#gate = new Gate({
      clock,
      // Older speech than this belongs to no question that is still being asked; a slow connection must not flood the server.
      capacity: Math.max(1, Math.floor(preRollMs / frameMs)),
      maxAgeMs: preRollMs,
      copy: (frame) => frame.slice(),
      sink: (frame) => this.#encodeAndSend(frame),
    });
  }

  /** Call when the microphone has (re)started. */
  useInputRate(sampleRateHz: number): void {
    this.#resampler = createResampler(sampleRateHz, this.#encoder.sampleRateHz);
    this.#framer.reset();
  }

  /** Lends each captured frame to one listener (a meter), whether or not it is sent. */
  tap(onFrame: ((frame: Int16Array) => void) | undefined): void {
    this.#tap = onFrame;
  }

  /**
   * Lends all sound at the encoder's rate, as it comes and when it has been through the gate, to whoever looks for voices and
   * words in it: a frame of 60 ms would be late news.
   */
  listen(onSound: (pcm: Int16Array) => void): void {
    this.#listener = onSound;
  }

  connect(send: PacketSender): void {
    this.#send = send;
  }

  disconnect(): void {
    this.#send = undefined;
  }

  setGate(position: GatePosition): void {
    const before = this.#gate.position;
    if (before === 'closed' && position !== 'closed') this.#framer.reset();
    // Each conversation begins with a fresh encoder; remembered sound is part of the next one.
    if (before !== position && (before === 'closed' || position === 'remembering')) this.#encoder.reset();
    this.#gate.set(position);
  }

  /** Sends what has been kept, before the gate opens: the wake word goes out ahead of `listen/detect` (firmware F50). */
  sendHeld(): void {
    this.#gate.release();
  }

  /**
   * One frame of silence, past the gate: a real server is deaf for two seconds of sound after a text, counted from the next
   * frame, which shall not be the person's next word.
   */
  sendSilence(): void {
    this.#encodeAndSend(new Int16Array(this.#encoder.samplesPerFrame));
  }

  /** Mono PCM at the microphone's rate; lent. */
  push(pcm: Int16Array): void {
    const sound = this.#resampler.push(pcm);
    this.#framer.push(sound);
    this.#listener?.(sound);
  }

  get counters(): UplinkCounters {
    return {
      captured: this.#captured,
      encoded: this.#encoded,
      sent: this.#sent,
      dropped: this.#lost + this.#gate.dropped,
    };
  }

  #onFrame(frame: Int16Array): void {
    this.#captured += 1;
    this.#tap?.(frame);
    this.#gate.push(frame);
  }

  #encodeAndSend(frame: Int16Array): void {
    try {
      const packet = this.#encoder.encode(frame);
      this.#encoded += 1;
      if (this.#send?.(packet)) this.#sent += 1;
      else this.#lost += 1;
    } catch (thrown) {
      this.#lost += 1;
      this.#onProblem(toClientError(thrown));
    }
  }
}
