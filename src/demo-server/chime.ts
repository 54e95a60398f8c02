import type { SpokenAudio } from './device-link.ts';

const noteMs = 220;
const notesHz = [523.25, 659.25, 783.99, 1046.5];
const peak = 9000;

/** Three rising notes and an octave: what is heard when there is neither a voice nor a recording. Shorter than a second. */
export function createChime(sampleRateHz: number): SpokenAudio {
  const samplesPerNote = Math.round((sampleRateHz * noteMs) / 1000);
  const pcm = new Int16Array(samplesPerNote * notesHz.length);
  notesHz.forEach((frequencyHz, note) => {
    for (let i = 0; i < samplesPerNote; i++) {
      const seconds = i / sampleRateHz;
      const attack = Math.min(1, seconds / 0.01);
      const decay = Math.exp(-seconds * 9) * Math.min(1, (samplesPerNote - i) / (0.01 * sampleRateHz));
      pcm[note * samplesPerNote + i] = Math.round(
        peak * attack * decay * Math.sin(2 * Math.PI * frequencyHz * seconds),
      );
    }
  });
  return { sampleRateHz, pcm };
}
