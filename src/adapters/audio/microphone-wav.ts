import type { Microphone } from '../../ports/microphone.ts';
import { PacedMicrophone, type PcmSource } from './paced-microphone.ts';
import type { Pacer } from './pacer.ts';
import { readWavFile, type WavAudio } from './wav-file.ts';

/**
 * A recording as microphone: for tests, demos and bug reports. It plays in real time at the rate of the file, keeps its
 * place while stopped, like a tape, and gives silence after its end. The file is read by the first `start`, which rejects
 * with ClientError AUDIO_FILE_INVALID when it is none.
 */
export function createWavMicrophone(path: string, { pacer }: { readonly pacer: Pacer }): Microphone {
  return new PacedMicrophone(`wav:${path}`, pacer, async () => tape(await readWavFile(path)));
}

function tape({ pcm, sampleRateHz }: WavAudio): PcmSource {
  let position = 0;
  let silence = new Int16Array(0);
  const next = (samples: number): Int16Array => {
    const chunk = pcm.subarray(position, position + samples);
    position += chunk.length;
    if (chunk.length === samples) return chunk;
    if (chunk.length === 0) {
      if (silence.length < samples) silence = new Int16Array(samples);
      return silence.subarray(0, samples);
    }
    const lastChunk = new Int16Array(samples);
    lastChunk.set(chunk);
    return lastChunk;
  };
  return { sampleRateHz, next };
}
