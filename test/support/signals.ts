/** Test signals as mono 16-bit PCM, and what to measure on them. */

/** A sine of `frequencyHz`; `amplitude` is a share of full scale. */
export function tone(
  frequencyHz: number,
  sampleRateHz: number,
  durationMs: number,
  amplitude = 0.5,
): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(Math.round((sampleRateHz * durationMs) / 1000));
  for (let i = 0; i < pcm.length; i++) {
    pcm[i] = Math.round(32_767 * amplitude * Math.sin((2 * Math.PI * frequencyHz * i) / sampleRateHz));
  }
  return pcm;
}

/** White noise, the same for the same seed. */
export function noise(samples: number, amplitude = 0.5, seed = 1): Int16Array<ArrayBuffer> {
  let state = seed >>> 0;
  return Int16Array.from({ length: samples }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.round((state / 2 ** 31 - 1) * 32_767 * amplitude);
  });
}

/** Power of one frequency in `pcm`, in dB relative to a full-scale sine (Hann window, single-bin DFT). */
export function toneLevelDb(pcm: Int16Array, frequencyHz: number, sampleRateHz: number): number {
  let re = 0;
  let im = 0;
  let weights = 0;
  for (let i = 0; i < pcm.length; i++) {
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / pcm.length);
    const angle = (2 * Math.PI * frequencyHz * i) / sampleRateHz;
    re += weight * (pcm[i] as number) * Math.cos(angle);
    im -= weight * (pcm[i] as number) * Math.sin(angle);
    weights += weight;
  }
  return 20 * Math.log10((2 * Math.hypot(re, im)) / weights / 32_767 + 1e-12);
}

export function concat(parts: readonly Int16Array[]): Int16Array<ArrayBuffer> {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** `pcm` in pieces of the given lengths, which are used over and over; the pieces are copies. */
export function cut(pcm: Int16Array, lengths: readonly number[]): Int16Array[] {
  const pieces: Int16Array[] = [];
  for (let start = 0, i = 0; start < pcm.length; i++) {
    const length = Math.max(1, lengths[i % lengths.length] ?? 1);
    pieces.push(pcm.slice(start, start + length));
    start += length;
  }
  return pieces;
}

/** Best normalised correlation (−1 … 1) of `needle` anywhere in `haystack`, looked for in steps of `step` samples. */
export function bestCorrelation(haystack: Int16Array, needle: Int16Array, step = 1): number {
  let best = 0;
  for (let lag = 0; lag + needle.length <= haystack.length; lag += step) {
    let dot = 0;
    let energyA = 0;
    let energyB = 0;
    for (let i = 0; i < needle.length; i++) {
      const a = haystack[lag + i] as number;
      const b = needle[i] as number;
      dot += a * b;
      energyA += a * a;
      energyB += b * b;
    }
    if (energyA > 0 && energyB > 0) best = Math.max(best, dot / Math.sqrt(energyA * energyB));
  }
  return best;
}
