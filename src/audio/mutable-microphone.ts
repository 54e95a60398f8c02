import type { Microphone, MicrophoneSink } from '../ports/microphone.ts';

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
    microphone: {
      get name() {
        return microphone.name;
      },
      get sampleRateHz() {
        return microphone.sampleRateHz;
      },
      get xruns() {
        return microphone.xruns ?? 0;
      },
      start: (sink: MicrophoneSink) =>
        microphone.start({
          onChunk: (pcm) => sink.onChunk(muted ? new Int16Array(pcm.length) : pcm),
          onError: (error) => sink.onError(error),
        }),
      stop: () => microphone.stop(),
    },
    get muted() {
      return muted;
    },
    setMuted: (wanted) => {
      muted = wanted;
    },
  };
}
