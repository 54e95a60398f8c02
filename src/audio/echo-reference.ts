import { samplesPerFrame } from './format.ts';

/** How far what was written may be off the time line before it is put elsewhere on it: clocks and timers are not exact. */
const TOLERANCE_MS = 30;
/** Longest stretch that is kept: all that a loudspeaker holds, and all by which an echo may come late. */
const CAPACITY_MS = 4_000;

/**
 * What the loudspeaker plays, on a time line: written when it is handed to the loudspeaker, read when it is heard. Times
 * are in ms of one monotonic clock, sound is mono PCM of one rate. Never grows; what is older than 4 s is forgotten.
 */
export class EchoReference {
  readonly #sampleRateHz: number;
  readonly #ring: Int16Array;
  readonly #tolerance: number;
  /** Positions on the time line, in samples since the clock's zero: what is kept lies in [from, to). */
  #from = 0;
  #to = 0;

  constructor(sampleRateHz: number) {
    this.#sampleRateHz = sampleRateHz;
    this.#ring = new Int16Array(samplesPerFrame(sampleRateHz, CAPACITY_MS));
    this.#tolerance = samplesPerFrame(sampleRateHz, TOLERANCE_MS);
  }

  /** Sound of which the first sample is heard at `startMs`. Joins what came before if it nearly does so. */
  write(pcm: Int16Array, startMs: number): void {
    const start = this.#positionOf(startMs);
    if (Math.abs(start - this.#to) > this.#tolerance) this.#moveEnd(start);
    this.#append(pcm);
  }

  /** All that is kept turns out to be heard so much later, in whole ms. */
  setClock(byMs: number): void {
    const by = samplesPerFrame(this.#sampleRateHz, 1) * byMs;
    const from = Math.max(this.#from, -by);
    const kept = Int16Array.from({ length: this.#to - from }, (_, i) => this.#at(from + i));
    this.#from = from + by;
    this.#to = this.#from;
    this.#append(kept);
  }

  /** Whatever was to be heard later than this is not heard at all. */
  cut(atMs: number): void {
    const at = this.#positionOf(atMs);
    if (at < this.#to) this.#moveEnd(at);
  }

  /** Fills `frame` with what is heard from `startMs` on; silence where nothing is. */
  read(frame: Int16Array, startMs: number): void {
    const start = this.#positionOf(startMs);
    for (let i = 0; i < frame.length; i++) {
      const at = start + i;
      frame[i] = at < this.#from || at >= this.#to ? 0 : this.#at(at);
    }
  }

  #at(position: number): number {
    return this.#ring[position % this.#ring.length] as number;
  }

  #append(pcm: Int16Array): void {
    for (let i = 0; i < pcm.length; i++) this.#ring[(this.#to + i) % this.#ring.length] = pcm[i] as number;
    this.#to += pcm.length;
    this.#from = Math.max(this.#from, this.#to - this.#ring.length);
  }

  #positionOf(timeMs: number): number {
    return Math.max(0, Math.round((timeMs * this.#sampleRateHz) / 1000));
  }

  #moveEnd(to: number): void {
    if (to > this.#to + this.#ring.length || to < this.#from) {
      this.#from = to;
    } else {
      for (let at = this.#to; at < to; at++) this.#ring[at % this.#ring.length] = 0;
      this.#from = Math.max(this.#from, to - this.#ring.length);
    }
    this.#to = to;
  }
}
