/** What the microphone made of two sweeps that the loudspeaker played. */
export interface LoopFigures {
  /** How sure it is that the sweep was heard: 1 is the sweep itself, noise stays below 0.1. */
  readonly resemblance: number;
  /** From the write to the chunk that holds it. */
  readonly delayMs: number;
  /** Level of the recorded sweep and of the silence before it, in dB below full scale. */
  readonly levelDb: number;
  readonly backgroundDb: number;
  /** What the sweep lost on its way. */
  readonly lossDb: number;
  /** Samples at the limit. */
  readonly clipped: number;
  /** How much faster the loudspeaker runs than the microphone, in parts per million; undefined when the second was not heard. */
  readonly driftPpm: number | undefined;
}

export interface LoopRecording {
  readonly sampleRateHz: number;
  /** All the microphone heard. */
  readonly heard: Int16Array;
  /** The sweep at the microphone's rate. */
  readonly sweep: Int16Array;
  /** How much had been heard when the first sweep was written, in samples. */
  readonly writtenAt: number;
  /** From the beginning of the first to that of the second, in samples of the microphone's rate. */
  readonly distance: number;
}

const LOWEST_HZ = 200;
const HIGHEST_HZ = 6_000;
const LOUDNESS = 0.3;
const FADE_MS = 10;
const MAX_DELAY_MS = 1_200;
const CLIPPED = 32_700;

/** A tone that rises through the range of speech in half a second: found again in noise and echoes, pleasant enough. */
export function makeSweep(sampleRateHz: number, durationMs = 500): Int16Array {
  const seconds = durationMs / 1000;
  const samples = Math.round(seconds * sampleRateHz);
  const rise = Math.log(HIGHEST_HZ / LOWEST_HZ);
  const fade = (FADE_MS / 1000) * sampleRateHz;
  return Int16Array.from({ length: samples }, (_, i) => {
    const phase = ((2 * Math.PI * LOWEST_HZ * seconds) / rise) * (Math.exp((i / samples) * rise) - 1);
    const edge = Math.min(1, i / fade, (samples - i) / fade);
    return Math.round(32_767 * LOUDNESS * edge * Math.sin(phase));
  });
}

export function analyseLoop(recording: LoopRecording): LoopFigures {
  const { sampleRateHz, heard, sweep, writtenAt, distance } = recording;
  const range = (MAX_DELAY_MS / 1000) * sampleRateHz;
  const first = find(sweep, heard, writtenAt, range);
  const near = sampleRateHz / 100;
  const second = find(sweep, heard, first.at + distance - near, 2 * near);
  const recorded = heard.subarray(first.at, first.at + sweep.length);
  const levelDb = level(recorded);
  return {
    resemblance: first.resemblance,
    delayMs: ((first.at - writtenAt) / sampleRateHz) * 1000,
    levelDb,
    backgroundDb: level(heard.subarray(0, writtenAt)),
    lossDb: level(sweep) - levelDb,
    clipped: recorded.reduce((count, sample) => count + (Math.abs(sample) >= CLIPPED ? 1 : 0), 0),
    driftPpm:
      second.resemblance < first.resemblance / 2 ? undefined : (1 - (second.at - first.at) / distance) * 1e6,
  };
}

/** Where `needle` resembles `haystack` most, from `from` on, within `range` samples. */
function find(needle: Int16Array, haystack: Int16Array, from: number, range: number) {
  let best = { at: from, resemblance: 0 };
  const needleEnergy = energy(needle);
  const last = Math.min(from + range, haystack.length - needle.length);
  for (let at = Math.max(0, from); at <= last; at++) {
    let product = 0;
    let heardEnergy = 0;
    for (let i = 0; i < needle.length; i++) {
      const sample = haystack[at + i] as number;
      product += (needle[i] as number) * sample;
      heardEnergy += sample * sample;
    }
    // Loudspeakers may be wired the wrong way round.
    const resemblance = Math.abs(product) / Math.sqrt(needleEnergy * heardEnergy || 1);
    if (resemblance > best.resemblance) best = { at, resemblance };
  }
  return best;
}

function energy(pcm: Int16Array): number {
  return pcm.reduce((sum, sample) => sum + sample * sample, 0);
}

/** RMS in dB below full scale; silence is −100. */
function level(pcm: Int16Array): number {
  return Math.max(-100, 10 * Math.log10(energy(pcm) / Math.max(1, pcm.length) / 32_768 ** 2 + 1e-12));
}
