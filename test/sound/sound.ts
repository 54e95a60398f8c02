import { readWavFile, type WavAudio } from '../../src/adapters/audio/wav-file.ts';

const file = new URL('../fixtures/speech-short.wav', import.meta.url).pathname;

/** A spoken sentence with a tenth of a second of silence around it. */
export async function speech(): Promise<WavAudio> {
  const { pcm, sampleRateHz } = await readWavFile(file);
  const around = sampleRateHz / 10;
  return { sampleRateHz, pcm: pcm.slice(firstLoud(pcm) - around, lastLoud(pcm) + around) };
}

/** Never early: timers may fire a millisecond before their time. */
export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms + 2));

const LOUD = 300;

/** Index of the first sample that is no background. */
export const firstLoud = (pcm: Int16Array) => pcm.findIndex((sample) => Math.abs(sample) > LOUD);

export const lastLoud = (pcm: Int16Array) => pcm.findLastIndex((sample) => Math.abs(sample) > LOUD);

export const rms = (pcm: Int16Array) =>
  Math.sqrt(pcm.reduce((sum, sample) => sum + sample ** 2, 0) / pcm.length);

export function longestHoleMs(pcm: Int16Array, sampleRateHz: number): number {
  let longest = 0;
  let quiet = 0;
  for (const sample of pcm) {
    quiet = Math.abs(sample) > LOUD ? 0 : quiet + 1;
    longest = Math.max(longest, quiet);
  }
  return (longest / sampleRateHz) * 1000;
}
