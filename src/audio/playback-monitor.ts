import type { Clock, TimerHandle } from '../core/clock.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import type { Microphone, MicrophoneSink } from '../ports/microphone.ts';
import { EchoReference } from './echo-reference.ts';
import { durationMs, samplesPerFrame } from './format.ts';
import { createResampler, type Resampler } from './resampler.ts';
import { type FarEndWatcher, watchLoudspeaker } from './watched-loudspeaker.ts';

export interface MonitoredLoudspeaker {
  readonly loudspeaker: Loudspeaker;
  /** Hears what the loudspeaker plays when it plays it, silence included; for one user. */
  readonly monitor: Microphone;
}

/** The rate of speech that servers send. */
const RATE_HZ = 24_000;
const PERIOD_MS = 60;
/** After a stall of the process what is older is not in the time line any more. */
const MAX_BEHIND_MS = 3_000;

/** A loudspeaker, and a microphone that hears what it plays: for machines whose sound system offers none. */
export function monitorLoudspeaker(loudspeaker: Loudspeaker, clock: Clock): MonitoredLoudspeaker {
  const monitor = new PlaybackMonitor(loudspeaker, clock);
  return {
    loudspeaker: watchLoudspeaker(loudspeaker, monitor),
    monitor,
  };
}

class PlaybackMonitor implements Microphone, FarEndWatcher {
  readonly sampleRateHz = RATE_HZ;
  readonly #loudspeaker: Loudspeaker;
  readonly #clock: Clock;
  readonly #chunk = new Int16Array(samplesPerFrame(RATE_HZ, PERIOD_MS));
  #sink: MicrophoneSink | undefined;
  #timeline = new EchoReference(RATE_HZ);
  #resampler: Resampler = createResampler(RATE_HZ, RATE_HZ);
  #inputHz = RATE_HZ;
  #heardUntilMs = 0;
  #timer: TimerHandle;

  constructor(loudspeaker: Loudspeaker, clock: Clock) {
    this.#loudspeaker = loudspeaker;
    this.#clock = clock;
  }

  get name(): string {
    return `monitor of ${this.#loudspeaker.name}`;
  }

  get isWatching(): boolean {
    return this.#sink !== undefined;
  }

  start(sink: MicrophoneSink): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    this.#sink = sink;
    this.#timeline = new EchoReference(RATE_HZ);
    this.#resampler.reset();
    this.#heardUntilMs = this.#clock.now();
    this.#arm();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#sink = undefined;
    this.#clock.clearTimeout(this.#timer);
    return Promise.resolve();
  }

  /** See `OnPlayed`. */
  played(pcm: Int16Array, sampleRateHz: number, pendingMs: number): void {
    if (!this.#sink) return;
    if (sampleRateHz !== this.#inputHz) {
      this.#resampler = createResampler(sampleRateHz, RATE_HZ);
      this.#inputHz = sampleRateHz;
    }
    const startMs = this.#clock.now() + pendingMs - durationMs(pcm.length, sampleRateHz);
    this.#timeline.write(this.#resampler.push(pcm), startMs);
  }

  /** See `OnCut`. */
  cut(pendingMs: number): void {
    if (!this.#sink) return;
    this.#timeline.cut(this.#clock.now() + pendingMs);
    this.#resampler.reset();
  }

  #arm(): void {
    const dueMs = this.#heardUntilMs + PERIOD_MS - this.#clock.now();
    this.#timer = this.#clock.setTimeout(() => this.#wake(), Math.max(0, dueMs));
  }

  #wake(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#heardUntilMs > MAX_BEHIND_MS) this.#heardUntilMs = nowMs - MAX_BEHIND_MS;
    while (this.#sink && this.#heardUntilMs + PERIOD_MS <= nowMs) {
      this.#timeline.read(this.#chunk, this.#heardUntilMs);
      this.#heardUntilMs += PERIOD_MS;
      this.#sink.onChunk(this.#chunk);
    }
    if (this.#sink) this.#arm();
  }
}
