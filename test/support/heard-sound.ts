import { createConcealer } from '../../src/audio/concealment.ts';
import { frameMs, type Heard } from './network-simulation.ts';

const stepMs = 10;

/**
 * How much what was heard resembles what was sent: correlation of loudness, 10 ms by 10 ms, between each frame and what was
 * played in its place (made-up sound, or silence); 1 is the same. The contour of loudness carries the syllables; waveforms
 * of a voice and of its continuation differ after some milliseconds, however alike they sound. Sound that put playback
 * off is heard but not compared.
 */
export function resemblance({ order, timeline }: Heard, reference: Int16Array, sampleRateHz: number): number {
  const frameSamples = (sampleRateHz * frameMs) / 1000;
  const concealer = createConcealer(sampleRateHz);
  const sent = (frame: number) => {
    const from = (frame * frameSamples) % (reference.length - frameSamples);
    return reference.slice(from, from + frameSamples);
  };
  const sums = { product: 0, sent: 0, heard: 0 };
  const compare = (frame: number, heard: Int16Array) => {
    const original = sent(frame);
    const step = (sampleRateHz * stepMs) / 1000;
    for (let from = 0; from < original.length; from += step) {
      const [a, b] = [loudness(original, from, step), loudness(heard, from, step)];
      sums.product += a * b;
      sums.sent += a * a;
      sums.heard += b * b;
    }
  };
  let next = 0;
  let made: Int16Array[] = [];
  const fill = (until: number) => {
    const sound = Int16Array.from(made.flatMap((piece) => [...piece]));
    // The sound closest before the next frame stands for the missing ones; what is more only put playback off.
    const gap = until - next;
    const start = Math.max(0, sound.length - gap * frameSamples);
    for (let i = 0; i < gap; i++)
      compare(next + i, sound.subarray(start + i * frameSamples, start + (i + 1) * frameSamples));
    made = [];
  };
  for (const [at, frame] of order.entries()) {
    if (frame < 0) {
      const { durationMs } = timeline[at] as Heard['timeline'][number];
      made.push(concealer.conceal((sampleRateHz * durationMs) / 1000));
      continue;
    }
    fill(frame);
    const heard = sent(frame);
    concealer.good(heard);
    compare(frame, heard);
    next = frame + 1;
  }
  return sums.product / Math.sqrt(sums.sent * sums.heard);
}

function loudness(pcm: Int16Array, from: number, length: number): number {
  let energy = 0;
  for (let i = from; i < from + length; i++) energy += (pcm[i] ?? 0) ** 2;
  return Math.sqrt(energy);
}
