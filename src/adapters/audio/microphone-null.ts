import type { Microphone } from '../../ports/microphone.ts';
import { PacedMicrophone } from './paced-microphone.ts';
import type { Pacer } from './pacer.ts';

export interface NullMicrophoneOptions {
  readonly pacer: Pacer;
  readonly sampleRateHz?: number;
}

/** Digital silence in real time, for devices that are only listened to. */
export function createNullMicrophone({ pacer, sampleRateHz = 16_000 }: NullMicrophoneOptions): Microphone {
  let silence = new Int16Array(0);
  const next = (samples: number) => {
    if (silence.length < samples) silence = new Int16Array(samples);
    return silence.length === samples ? silence : silence.subarray(0, samples);
  };
  return new PacedMicrophone('null', pacer, () => Promise.resolve({ sampleRateHz, next }));
}
