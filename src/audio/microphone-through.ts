import type { Microphone, MicrophoneSink } from '../ports/microphone.ts';

/**
 * The same microphone with something on its way to whoever listens.
 * @param change gives what is heard in place of a chunk; it may be the chunk itself, which it must not write into
 */
export function microphoneThrough(
  microphone: Microphone,
  change: (pcm: Int16Array) => Int16Array,
): Microphone {
  return {
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
        onChunk: (pcm) => sink.onChunk(change(pcm)),
        onError: (error) => sink.onError(error),
      }),
    stop: () => microphone.stop(),
  };
}
