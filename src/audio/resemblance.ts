/** Against the strong low tones, in which all voices resemble each other. */
const PRE_EMPHASIS = 0.9;
/** Amplitude below which a sound has nothing to be recognised by: about −60 dBFS. */
const AUDIBLE = 33;
const LEAST_ENERGY_PER_SAMPLE = (AUDIBLE * (1 - PRE_EMPHASIS)) ** 2;

/** Where a part lies in a whole, in samples, and how much of it is found there: correlation, 0 to 1. */
export interface Match {
  readonly at: number;
  readonly similarity: number;
}

/** With its high tones made stronger. */
export function emphasised(pcm: Int16Array): Float64Array {
  const sharp = new Float64Array(pcm.length);
  for (let i = 1; i < pcm.length; i++) sharp[i] = (pcm[i] as number) - PRE_EMPHASIS * (pcm[i - 1] as number);
  return sharp;
}

/** At half the rate, by a filter that is good enough to tell places by. */
export function halved(pcm: Int16Array): Int16Array {
  return Int16Array.from({ length: pcm.length >> 1 }, (_, i) => {
    const here = pcm[2 * i] as number;
    return ((pcm[2 * i - 1] ?? here) + 2 * here + (pcm[2 * i + 1] as number)) / 4;
  });
}

/** How similar `part` is to `whole` at each place; 0 where one of both is silent. Costs a product per sample and place. */
export function similarities(part: Float64Array, whole: Float64Array): Float64Array {
  const found = new Float64Array(Math.max(0, whole.length - part.length + 1));
  const least = LEAST_ENERGY_PER_SAMPLE * part.length;
  const partEnergy = energyOf(part);
  if (partEnergy < least) return found;
  let wholeEnergy = energyOf(whole.subarray(0, part.length));
  for (let place = 0; place < found.length; place++) {
    if (wholeEnergy >= least) found[place] = similarity(part, whole, place, partEnergy * wholeEnergy);
    wholeEnergy += square(whole[place + part.length] ?? 0) - square(whole[place] as number);
  }
  return found;
}

/** The places of the greatest values above 0, `count` at most, and not two so near each other. The values are used up. */
export function takePeaks(values: Float64Array, count: number, distance: number): number[] {
  const places: number[] = [];
  while (places.length < count) {
    const at = greatest(values);
    if (!values[at]) break;
    places.push(at);
    values.fill(0, Math.max(0, at - distance), at + distance + 1);
  }
  return places;
}

export function greatest(values: Float64Array): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[at] as number)) at = i;
  return at;
}

/** Either way up: loudspeakers are wired both ways. */
function similarity(part: Float64Array, whole: Float64Array, place: number, energies: number): number {
  let product = 0;
  for (let i = 0; i < part.length; i++) product += (part[i] as number) * (whole[place + i] as number);
  return Math.min(1, Math.abs(product) / Math.sqrt(energies));
}

function energyOf(samples: Float64Array): number {
  let energy = 0;
  for (const sample of samples) energy += square(sample);
  return energy;
}

function square(value: number): number {
  return value * value;
}
