import { durationMs } from '../../audio/format.ts';
import type { Pacer } from './pacer.ts';

/** Written but not yet heard, at most: two frames of 60 ms, so that a barge-in is followed by little of the old answer. */
const MAX_PENDING_MS = 120;
/** As a sound card has a buffer, a write may come this much too late and nothing is missed. */
const DEVICE_BUFFER_MS = 40;

/** The time line of a loudspeaker that has none of its own: when what was written will have been heard. */
export class PacedPlayback {
  readonly #pacer: Pacer;
  readonly #sampleRateHz: number;
  readonly #latencyMs: number;
  #endMs = Number.NEGATIVE_INFINITY;
  #waiting: { readonly roomMs: number; readonly resolve: () => void }[] = [];
  #unsubscribe: (() => void) | undefined;

  /** @param latencyMs of a real device behind the time line: how much later than written in time a sample is heard */
  constructor(pacer: Pacer, sampleRateHz: number, latencyMs = 0) {
    this.#pacer = pacer;
    this.#sampleRateHz = sampleRateHz;
    this.#latencyMs = latencyMs;
  }

  /** Silence, in ms, since the last sample was heard; 0 while playing. Infinite when nothing was ever played. */
  gapMs(): number {
    const gapMs = this.#pacer.clock.now() - this.#endMs;
    return gapMs <= DEVICE_BUFFER_MS ? 0 : gapMs;
  }

  /** Puts `samples` at the end of the time line. Resolves when there is room for as many again. */
  play(samples: number): Promise<void> {
    if (samples === 0) return Promise.resolve();
    const lengthMs = durationMs(samples, this.#sampleRateHz);
    const fromMs = this.gapMs() === 0 ? this.#endMs : this.#pacer.clock.now();
    this.#endMs = fromMs + lengthMs;
    this.#unsubscribe ??= this.#pacer.add('playback', (dueMs) => this.#tick(dueMs));
    const roomMs = Math.max(MAX_PENDING_MS - lengthMs, MAX_PENDING_MS / 2);
    if (this.#endMs - this.#pacer.clock.now() <= roomMs) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ roomMs, resolve }));
  }

  /** How long, in ms, until the last written sample has been heard. */
  pendingMs(): number {
    return Math.max(0, this.#endMs + this.#latencyMs - this.#pacer.clock.now());
  }

  /** Takes back what has not been heard yet, tells how many samples that were, and lets all writers go on. */
  flush(): number {
    const unheard = Math.round((this.pendingMs() * this.#sampleRateHz) / 1000);
    this.#endMs = Math.min(this.#endMs, this.#pacer.clock.now());
    this.end();
    return unheard;
  }

  /** Ends the ticking and lets all writers go on. */
  end(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    const released = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of released) resolve();
  }

  #tick(dueMs: number): void {
    const pendingMs = this.#endMs - dueMs;
    while (this.#waiting[0] && pendingMs <= this.#waiting[0].roomMs) this.#waiting.shift()?.resolve();
    if (this.#waiting.length === 0 && pendingMs <= 0) this.end();
  }
}
