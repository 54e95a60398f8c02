import type { ClientError } from '../../src/core/errors.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import type { Microphone, MicrophoneSink } from '../../src/ports/microphone.ts';
import type { FakeClock } from './fake-clock.ts';
import { noise } from './signals.ts';

export interface RoomOptions {
  readonly clock: FakeClock;
  /** From writing to the air, and what the loudspeaker believes it is. */
  readonly outputLatencyMs?: number;
  readonly claimedLatencyMs?: number;
  /** From the air to the delivery of the last sample of a chunk. */
  readonly inputLatencyMs?: number;
  /** Loudness of the direct path. */
  readonly leak?: number;
  /** Silent but for what `nearSpeech` says at the microphone, 16 kHz. */
  readonly nearSpeech?: Int16Array;
  readonly noiseAmplitude?: number;
  /** Moments at which a busy machine lets the loudspeaker run dry: all that is still to be played is heard so much later. */
  readonly stalls?: readonly Stall[];
  /** Moments at which so much of what the microphone hears is lost: all that follows is delivered so much earlier. */
  readonly losses?: readonly Stall[];
}

export interface Stall {
  readonly atMs: number;
  readonly durationMs: number;
}

const rateHz = 16_000;
const perMs = rateHz / 1000;
const chunkMs = 20;

/**
 * A loudspeaker and a microphone in one room, in the time of a fake clock: what is played is heard by the microphone
 * directly and as reverberation. Both at 16 kHz.
 */
export class LeakingRoom {
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  /** All that the microphone has captured, from the clock's zero. */
  readonly captured: number[] = [];
  onLost: (error: ClientError) => void = () => {};
  readonly #options: RoomOptions;
  readonly #played: number[] = [];
  readonly #taps: readonly (readonly [lag: number, gain: number])[];
  readonly #noise: Int16Array;
  #sink: MicrophoneSink | undefined;
  #endMs = 0;
  /** By so much what is played now is later than the loudspeaker knows. */
  #lateMs = 0;
  #stalls: Stall[];
  #losses: Stall[];

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#stalls = [...(options.stalls ?? [])];
    this.#losses = [...(options.losses ?? [])];
    this.#noise = noise(rateHz, options.noiseAmplitude ?? 0.0003, 5);
    this.#taps = roomTaps(options.leak ?? 0.3);
    const { clock, outputLatencyMs = 40, claimedLatencyMs = outputLatencyMs } = options;
    const pendingMs = () => Math.max(0, this.#endMs - clock.now() + claimedLatencyMs);
    this.loudspeaker = {
      name: 'room',
      sampleRateHz: rateHz,
      start: () => Promise.resolve(),
      write: (pcm) => {
        // A loudspeaker that has run dry begins anew, in time.
        if (this.#endMs <= clock.now()) this.#lateMs = 0;
        this.#endMs = Math.max(this.#endMs, clock.now());
        const from = Math.round((this.#endMs + outputLatencyMs + this.#lateMs) * perMs);
        for (const [i, sample] of pcm.entries()) this.#played[from + i] = sample;
        this.#endMs += pcm.length / perMs;
        pcm.fill(0);
        return Promise.resolve();
      },
      flush: () => {
        this.#endMs = Math.min(this.#endMs, clock.now());
        this.#played.length = Math.min(
          this.#played.length,
          Math.round((this.#endMs + outputLatencyMs) * perMs),
        );
      },
      pendingMs: () => (this.#endMs + claimedLatencyMs > clock.now() ? pendingMs() : 0),
      stop: () => Promise.resolve(),
    };
    this.microphone = {
      name: 'room',
      sampleRateHz: rateHz,
      start: (sink) => {
        this.#sink = sink;
        return Promise.resolve();
      },
      stop: () => {
        this.#sink = undefined;
        return Promise.resolve();
      },
    };
  }

  /** Lets 20 ms pass, at the end of which the microphone delivers. */
  step(): void {
    this.#options.clock.advance(chunkMs);
    const nowMs = this.#options.clock.now();
    if (this.#stalls[0] && this.#stalls[0].atMs <= nowMs) this.#stall(this.#stalls.shift() as Stall);
    const loss = this.#losses[0];
    if (loss && loss.atMs <= nowMs) {
      if (loss.atMs + loss.durationMs <= nowMs) this.#losses.shift();
      return;
    }
    const endMs = nowMs - (this.#options.inputLatencyMs ?? 20);
    const from = Math.round((endMs - chunkMs) * perMs);
    const chunk = Int16Array.from({ length: chunkMs * perMs }, (_, i) => this.#hear(from + i));
    for (const [i, sample] of chunk.entries()) if (from + i >= 0) this.captured[from + i] = sample;
    this.#sink?.onChunk(chunk);
  }

  /** What has not been heard yet moves back. */
  #stall({ durationMs }: Stall): void {
    const at = Math.round(this.#options.clock.now() * perMs);
    const waiting = this.#played.splice(at);
    for (let i = 0; i < durationMs * perMs; i++) this.#played.push(0);
    for (const sample of waiting) this.#played.push(sample);
    this.#lateMs += durationMs;
  }

  #hear(at: number): number {
    if (at < 0) return 0;
    let sum = (this.#options.nearSpeech?.[at] ?? 0) + (this.#noise[at % this.#noise.length] as number);
    for (const [lag, gain] of this.#taps) sum += gain * (this.#played[at - lag] ?? 0);
    return Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
}

/** Half a metre, then 150 ms of reverberation that fades. */
function roomTaps(leak: number): [number, number][] {
  const directLag = 24;
  const tail = noise(200, 1, 3);
  return [
    [directLag, leak],
    ...Array.from(tail, (value, i): [number, number] => {
      const lag = 12 * (i + 1);
      return [directLag + lag, leak * 0.45 * (value / 32_767) * Math.exp(-lag / 400)];
    }),
  ];
}
