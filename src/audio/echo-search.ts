import { EchoReference } from './echo-reference.ts';
import { durationMs, samplesPerFrame } from './format.ts';
import { createResampler, type Resampler } from './resampler.ts';

/** Speech has most of its strength below 2 kHz, and every sample costs a product at each place that is tried. */
const RATE_HZ = 4_000;
/** Against the strong low tones, in which all voices resemble each other. */
const PRE_EMPHASIS = 0.9;
/** Amplitude below which a sound has nothing to be recognised by: about −60 dBFS. */
const AUDIBLE = 33;
const LEAST_ENERGY_PER_SAMPLE = (AUDIBLE * (1 - PRE_EMPHASIS)) ** 2;

export interface FoundEcho {
  /** How much later than it was to be heard the microphone heard it; negative: sooner. */
  readonly delayMs: number;
  /** How much of what the microphone heard it explains: correlation, 0 to 1. */
  readonly similarity: number;
}

/** What a microphone heard, as an `EchoSearch` wants it. */
export interface Heard {
  readonly pcm: Int16Array;
  /** When its first sample was captured. */
  readonly startMs: number;
}

/** Keeps the last moments of what a microphone hears. */
export class HeardMoments {
  readonly #pcm: Int16Array;
  readonly #toSearch: Resampler;
  #endMs = 0;

  constructor(sampleRateHz: number, lengthMs: number) {
    this.#pcm = new Int16Array(samplesPerFrame(RATE_HZ, lengthMs));
    this.#toSearch = createResampler(sampleRateHz, RATE_HZ);
  }

  /** `endMs`: when the last sample was captured. Lent. */
  push(pcm: Int16Array, endMs: number): void {
    const heard = this.#toSearch.push(pcm).subarray(-this.#pcm.length);
    this.#pcm.copyWithin(0, heard.length);
    this.#pcm.set(heard, this.#pcm.length - heard.length);
    this.#endMs = endMs;
  }

  /** Of these the last so many ms. */
  last(lengthMs: number): Heard {
    const pcm = this.#pcm.subarray(-samplesPerFrame(RATE_HZ, lengthMs));
    return { pcm, startMs: this.#endMs - durationMs(pcm.length, RATE_HZ) };
  }
}

/** How much earlier and later than promised an echo may be heard. */
export interface EchoRange {
  readonly leadMs: number;
  readonly latestMs: number;
}

/**
 * Looks for what a microphone has just heard in what was played, sample by sample. Costs a million products, and finds at
 * once and to a fraction of a millisecond what loudness alone tells after seconds. Times are in ms of one monotonic clock.
 */
export class EchoSearch {
  readonly #reference = new EchoReference(RATE_HZ);
  #toSearch: Resampler = createResampler(RATE_HZ, RATE_HZ);
  #farRateHz = RATE_HZ;

  /** What is played, and when its first sample is to be heard; lent. */
  pushFar(pcm: Int16Array, sampleRateHz: number, startMs: number): void {
    if (sampleRateHz !== this.#farRateHz) {
      this.#toSearch = createResampler(sampleRateHz, RATE_HZ);
      this.#farRateHz = sampleRateHz;
    }
    this.#reference.write(this.#toSearch.push(pcm), startMs);
  }

  /** What was to be heard later is not heard. */
  cutFar(atMs: number): void {
    this.#reference.cut(atMs);
    this.#toSearch.reset();
  }

  /** The best resemblance in the range, however weak; undefined when one of both is silent. */
  find({ pcm, startMs }: Heard, { leadMs, latestMs }: EchoRange): FoundEcho | undefined {
    const played = new Int16Array(samplesPerFrame(RATE_HZ, leadMs + latestMs) + pcm.length);
    this.#reference.read(played, startMs - latestMs);
    const best = bestMatch(emphasised(pcm), emphasised(played));
    if (!best) return undefined;
    return { delayMs: latestMs - durationMs(best.at, RATE_HZ), similarity: Math.min(1, best.similarity) };
  }
}

function emphasised(pcm: Int16Array): Float64Array {
  const sharp = new Float64Array(pcm.length);
  for (let i = 1; i < pcm.length; i++) sharp[i] = (pcm[i] as number) - PRE_EMPHASIS * (pcm[i - 1] as number);
  return sharp;
}

/** Where `part` lies in `whole`. Either way up: loudspeakers are wired both ways. */
function bestMatch(
  part: Float64Array,
  whole: Float64Array,
): { readonly at: number; readonly similarity: number } | undefined {
  const least = LEAST_ENERGY_PER_SAMPLE * part.length;
  const partEnergy = energyOf(part);
  if (partEnergy < least) return undefined;
  const similarities = new Float64Array(whole.length - part.length + 1);
  let at = 0;
  let wholeEnergy = energyOf(whole.subarray(0, part.length));
  for (let place = 0; place < similarities.length; place++) {
    if (wholeEnergy >= least) similarities[place] = resemblance(part, whole, place, partEnergy * wholeEnergy);
    if ((similarities[place] as number) > (similarities[at] as number)) at = place;
    wholeEnergy += square(whole[place + part.length] ?? 0) - square(whole[place] as number);
  }
  const similarity = similarities[at] as number;
  return similarity === 0 ? undefined : { at, similarity };
}

function resemblance(part: Float64Array, whole: Float64Array, place: number, energies: number): number {
  let product = 0;
  for (let i = 0; i < part.length; i++) product += (part[i] as number) * (whole[place + i] as number);
  return Math.abs(product) / Math.sqrt(energies);
}

function energyOf(samples: Float64Array): number {
  let energy = 0;
  for (const sample of samples) energy += square(sample);
  return energy;
}

function square(value: number): number {
  return value * value;
}
