/** Makes sound for what never came. One stream; libopus can take its place. */
export interface Concealer {
  /** `samples` of made-up PCM that go on from what was last heard and fade out; the caller owns the array. */
  conceal(samples: number): Int16Array;
  /** Real sound, in the order it is heard. Its first samples are blended with made-up sound before them, in place. */
  good(pcm: Int16Array): void;
  /** What was heard before does not count any more. */
  reset(): void;
}

/** Voices from 66 to 400 Hz. */
const shortestPeriodMs = 2.5;
const longestPeriodMs = 15;
/** How long a made-up voice sounds before it is silent: longer, and it is a robot. */
const fadeMs = 120;
const blendMs = 5;
/** The search looks at every so many Hz of samples: pitch needs no more. */
const searchHz = 8_000;

/**
 * Repeats the last pitch period and fades it out (the idea of ITU-T G.711 Appendix I): a lost vowel goes on, a lost
 * consonant becomes a breath, and silence stays silence.
 */
export function createConcealer(sampleRateHz: number): Concealer {
  const samplesIn = (ms: number) => Math.round((sampleRateHz * ms) / 1000);
  const historyLength = samplesIn(longestPeriodMs) * 3;
  const blendLength = samplesIn(blendMs);
  const fadeLength = samplesIn(fadeMs);
  const history = new Int16Array(historyLength);
  let period = new Float32Array(0);
  /** Samples made up since the last real one. */
  let made = 0;

  function remember(pcm: Int16Array): void {
    if (pcm.length >= historyLength) {
      // With every frame, and a loop touches less than making a view of it.
      const from = pcm.length - historyLength;
      for (let i = 0; i < historyLength; i++) history[i] = pcm[from + i] as number;
      return;
    }
    history.copyWithin(0, pcm.length);
    history.set(pcm, historyLength - pcm.length);
  }

  /** The next sample of the voice that goes on, unfaded. */
  const voice = (at: number): number => (period.length === 0 ? 0 : (period[at % period.length] as number));
  const fade = (at: number): number => Math.max(0, 1 - at / fadeLength);

  return {
    conceal(samples) {
      if (made === 0) period = lastPeriod(history, sampleRateHz, blendLength);
      const pcm = new Int16Array(samples);
      if (made >= fadeLength) {
        made += samples;
        return pcm;
      }
      for (let i = 0; i < samples; i++) pcm[i] = Math.round(voice(made + i) * fade(made + i));
      made += samples;
      return pcm;
    },
    good(pcm) {
      if (made > 0) {
        const blended = Math.min(blendLength, pcm.length);
        for (let i = 0; i < blended; i++) {
          const real = (i + 1) / (blended + 1);
          pcm[i] = Math.round((pcm[i] as number) * real + voice(made + i) * fade(made + i) * (1 - real));
        }
        made = 0;
      }
      remember(pcm);
    },
    reset() {
      history.fill(0);
      made = 0;
    },
  };
}

/** The last period, its end blended into what came one period earlier, so that it joins itself without a click. */
function lastPeriod(
  history: Int16Array,
  sampleRateHz: number,
  blendLength: number,
): Float32Array<ArrayBuffer> {
  const length = pitchPeriod(history, sampleRateHz);
  const start = history.length - length;
  const period = Float32Array.from(history.subarray(start));
  const blended = Math.min(blendLength, length >> 2);
  for (let i = 0; i < blended; i++) {
    const at = length - blended + i;
    const earlier = (i + 1) / (blended + 1);
    period[at] = (period[at] as number) * (1 - earlier) + (history[start - blended + i] as number) * earlier;
  }
  return period;
}

/** Samples after which the end of `history` resembles itself most (normalised cross-correlation). */
function pitchPeriod(history: Int16Array, sampleRateHz: number): number {
  const stride = Math.max(1, Math.floor(sampleRateHz / searchHz));
  const shortest = Math.round((sampleRateHz * shortestPeriodMs) / 1000);
  const longest = Math.floor(history.length / 3);
  let best = longest;
  let bestMatch = 0;
  for (let lag = shortest; lag <= longest; lag += stride) {
    const match = similarity(history, lag, longest, stride);
    if (match > bestMatch) {
      bestMatch = match;
      best = lag;
    }
  }
  return best;
}

function similarity(history: Int16Array, lag: number, length: number, stride: number): number {
  let product = 0;
  let energy = 1;
  for (let i = history.length - length; i < history.length; i += stride) {
    const earlier = history[i - lag] as number;
    product += (history[i] as number) * earlier;
    energy += earlier * earlier;
  }
  return product <= 0 ? 0 : (product * product) / energy;
}
