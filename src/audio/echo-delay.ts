import { levelDbfs } from './gain.ts';

const FRAME_MS = 10;
/** Levels are compared above this; below, both ends are silent. */
const FLOOR_DBFS = -65;
/** A far end below this says nothing about echoes. */
const AUDIBLE_DBFS = -45;
/** How fast old sound is forgotten: in so many frames to a third. */
const MEMORY_FRAMES = 400;
/** The least that must have been heard before the delay is believed, and the least resemblance. */
const LEAST_FRAMES = 80;
const LEAST_CORRELATION = 0.5;

export interface EchoDelayOptions {
  /** How early an echo may seem to come, in ms: the latency of a loudspeaker may be overstated. */
  readonly leadMs: number;
  readonly latestMs: number;
}

/**
 * Finds by how much the echo in the near end comes later than the far end was expected to be heard: the lag at which the
 * loudness of both resembles each other most. Works frame by frame of 10 ms, to 10 ms.
 */
export class EchoDelay {
  readonly #leadFrames: number;
  readonly #lags: number;
  /** Changes of loudness of the far end, newest at `#next − 1`; index = frame modulo length. */
  readonly #far: Float64Array;
  readonly #near: Float64Array;
  readonly #products: Float64Array;
  readonly #farEnergies: Float64Array;
  #nearEnergy = 0;
  #frames = 0;
  #audible = 0;
  /** Frames since the far end was heard. */
  #quiet = Number.MAX_SAFE_INTEGER;
  #farLevel = FLOOR_DBFS;
  #nearLevel = FLOOR_DBFS;

  constructor({ leadMs, latestMs }: EchoDelayOptions) {
    this.#leadFrames = Math.round(leadMs / FRAME_MS);
    this.#lags = Math.round((latestMs + leadMs) / FRAME_MS) + 1;
    this.#far = new Float64Array(this.#lags);
    this.#near = new Float64Array(this.#leadFrames + 1);
    this.#products = new Float64Array(this.#lags);
    this.#farEnergies = new Float64Array(this.#lags);
  }

  /** One frame of each end that should belong together. */
  push(near: Int16Array, far: Int16Array): void {
    const farDbfs = Math.max(FLOOR_DBFS, levelDbfs(far));
    const nearDbfs = Math.max(FLOOR_DBFS, levelDbfs(near));
    this.#far[this.#frames % this.#far.length] = farDbfs - this.#farLevel;
    this.#near[this.#frames % this.#near.length] = nearDbfs - this.#nearLevel;
    // Against the level of the last moments, because it is syllables that tell the delay and not how loud somebody speaks.
    this.#farLevel += (farDbfs - this.#farLevel) / 16;
    this.#nearLevel += (nearDbfs - this.#nearLevel) / 16;
    this.#frames += 1;
    this.#quiet = farDbfs > AUDIBLE_DBFS ? 0 : this.#quiet + 1;
    if (this.#quiet === 0) this.#audible = Math.min(this.#audible + 1, MEMORY_FRAMES);
    // Without far end there is no echo, and what is known of it is kept.
    if (this.#quiet < this.#lags) this.#correlate();
  }

  /** In ms; undefined as long as nothing is certain. */
  get delayMs(): number | undefined {
    if (this.#audible < LEAST_FRAMES) return undefined;
    let best = 0;
    let most = LEAST_CORRELATION;
    for (let lag = 0; lag < this.#lags; lag++) {
      const energy = Math.sqrt((this.#farEnergies[lag] as number) * this.#nearEnergy);
      const correlation = energy > 0 ? (this.#products[lag] as number) / energy : 0;
      if (correlation <= most) continue;
      most = correlation;
      best = lag + 1;
    }
    return best === 0 ? undefined : (best - 1 - this.#leadFrames) * FRAME_MS;
  }

  reset(): void {
    for (const memory of [this.#far, this.#near, this.#products, this.#farEnergies]) memory.fill(0);
    this.#nearEnergy = 0;
    this.#frames = 0;
    this.#audible = 0;
    this.#quiet = Number.MAX_SAFE_INTEGER;
  }

  /** The near end is held back by the lead, so that all lags lie in the past. */
  #correlate(): void {
    const kept = 1 - 1 / MEMORY_FRAMES;
    const heldFrame = this.#frames - 1 - this.#leadFrames;
    if (heldFrame < 0) return;
    const near = this.#near[heldFrame % this.#near.length] as number;
    this.#nearEnergy = this.#nearEnergy * kept + near * near;
    for (let lag = 0; lag < this.#lags; lag++) {
      const frame = this.#frames - 1 - lag;
      const far = frame < 0 ? 0 : (this.#far[frame % this.#far.length] as number);
      this.#products[lag] = (this.#products[lag] as number) * kept + far * near;
      this.#farEnergies[lag] = (this.#farEnergies[lag] as number) * kept + far * far;
    }
  }
}
