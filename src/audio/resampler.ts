/** Changes the sample rate of one mono stream; see `createResampler`. */
export interface Resampler {
  /**
   * The next stretch of the stream at the new rate: a fresh array, or `pcm` itself when both rates are equal. Over the
   * stream exactly `ceil(pushed × toHz / fromHz)` samples come out, however it is cut.
   */
  push(pcm: Int16Array): Int16Array;
  /** Forgets the stream; the next push begins another. */
  reset(): void;
}

/** Zero crossings of the sinc on each side: 64 taps when going up, in proportion more when going down. */
const ZERO_CROSSINGS = 32;
/** Kaiser's β for 80 dB stopband attenuation, 0.12285 × (80 − 8.7). */
const KAISER_BETA = 7.86;
/** Share of the lower Nyquist frequency where the filter is 6 dB down, so that its stopband begins at Nyquist. */
const CUTOFF_SHARE = 0.92;
const BLOCK_SAMPLES = 4096;

/**
 * Streaming polyphase resampler with a Kaiser-windowed sinc: flat to 84 % of the lower Nyquist frequency, everything that
 * would fold back is 80 dB down. The ratio is exact (44 100 → 16 000 is 160/441), so long streams do not drift. The delay
 * is `ZERO_CROSSINGS` samples of the lower rate (2 ms at 16 kHz).
 */
export function createResampler(fromHz: number, toHz: number): Resampler {
  for (const rateHz of [fromHz, toHz]) {
    if (!Number.isInteger(rateHz) || rateHz < 1) throw new RangeError(`Not a sample rate: ${rateHz} Hz`);
  }
  if (fromHz === toHz) return { push: (pcm) => pcm, reset: () => {} };
  return new PolyphaseResampler(fromHz, toHz);
}

class PolyphaseResampler implements Resampler {
  readonly #phases: number;
  readonly #taps: number;
  /** Coefficients of phase p at [p × taps, (p + 1) × taps), oldest input first. */
  readonly #coefficients: Float32Array;
  readonly #wholeStep: number;
  readonly #phaseStep: number;
  /** The last `taps − 1` inputs, then the block at hand. */
  readonly #window: Float32Array;
  /** Inputs still to skip before the next output, and its phase. */
  #skip = 0;
  #phase = 0;

  constructor(fromHz: number, toHz: number) {
    const divisor = greatestCommonDivisor(fromHz, toHz);
    const step = fromHz / divisor;
    this.#phases = toHz / divisor;
    this.#wholeStep = Math.floor(step / this.#phases);
    this.#phaseStep = step % this.#phases;
    this.#taps = 2 * Math.ceil(ZERO_CROSSINGS * Math.max(1, fromHz / toHz));
    this.#coefficients = designFilter(this.#phases, this.#taps, Math.min(1, toHz / fromHz));
    this.#window = new Float32Array(this.#taps - 1 + BLOCK_SAMPLES);
  }

  push(pcm: Int16Array): Int16Array {
    const output = new Int16Array(this.#outputLength(pcm.length));
    let written = 0;
    for (let start = 0; start < pcm.length; start += BLOCK_SAMPLES) {
      const length = Math.min(BLOCK_SAMPLES, pcm.length - start);
      const history = this.#taps - 1;
      for (let i = 0; i < length; i++) this.#window[history + i] = pcm[start + i] as number;
      written = this.#convert(length, output, written);
      this.#window.copyWithin(0, length, length + history);
    }
    return output;
  }

  reset(): void {
    this.#window.fill(0);
    this.#skip = 0;
    this.#phase = 0;
  }

  #outputLength(inputs: number): number {
    if (inputs <= this.#skip) return 0;
    const step = this.#wholeStep * this.#phases + this.#phaseStep;
    return Math.floor(((inputs - this.#skip) * this.#phases - this.#phase - 1) / step) + 1;
  }

  #convert(length: number, output: Int16Array, written: number): number {
    const window = this.#window;
    const coefficients = this.#coefficients;
    const taps = this.#taps;
    let newest = this.#skip;
    let phase = this.#phase;
    let next = written;
    while (newest < length) {
      const base = phase * taps;
      let sum = 0;
      for (let k = 0; k < taps; k++) {
        sum += (coefficients[base + k] as number) * (window[newest + k] as number);
      }
      output[next] = saturate(sum);
      next += 1;
      newest += this.#wholeStep;
      phase += this.#phaseStep;
      if (phase >= this.#phases) {
        phase -= this.#phases;
        newest += 1;
      }
    }
    this.#skip = newest - length;
    this.#phase = phase;
    return next;
  }
}

/** @param bandwidth lower rate over input rate, at most 1 */
function designFilter(phases: number, taps: number, bandwidth: number): Float32Array {
  const coefficients = new Float32Array(phases * taps);
  const centre = taps / 2;
  const cutoff = bandwidth * CUTOFF_SHARE;
  for (let phase = 0; phase < phases; phase++) {
    const row = new Float64Array(taps);
    for (let k = 0; k < taps; k++) {
      // Distance, in input samples, between this tap and the middle of the filter; tap `taps − 1` is the newest input.
      const distance = taps - 1 - k + phase / phases - centre;
      row[k] = sinc(cutoff * distance) * kaiser(distance / centre);
    }
    // Each phase passes a constant unchanged, otherwise silence with an offset would hum at the phase rate.
    const sum = row.reduce((total, value) => total + value, 0);
    for (let k = 0; k < taps; k++) coefficients[phase * taps + k] = (row[k] as number) / sum;
  }
  return coefficients;
}

function saturate(value: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(value)));
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** @param position −1 … 1 over the window */
function kaiser(position: number): number {
  return besselI0(KAISER_BETA * Math.sqrt(Math.max(0, 1 - position * position))) / besselI0(KAISER_BETA);
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
