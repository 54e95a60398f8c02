import type { Microphone } from '../ports/microphone.ts';
import { microphoneThrough } from './microphone-through.ts';

export interface MutableMicrophone {
  /** For everybody who hears the room: conversations, the wake word, recordings. */
  readonly microphone: Microphone;
  readonly muted: boolean;
  /** From the next chunk on; what was muted gives silence of the same length, so that nobody takes it for lost. */
  setMuted(muted: boolean): void;
}

/** A microphone with a switch in front of all who listen. */
export function createMutableMicrophone(microphone: Microphone, initiallyMuted: boolean): MutableMicrophone {
  let muted = initiallyMuted;
  return {
    microphone: microphoneThrough(microphone, (pcm) => (muted ? new Int16Array(pcm.length) : pcm)),
    get muted() {
      return muted;
    },
    setMuted: (wanted) => {
      muted = wanted;
    },
  };
}
