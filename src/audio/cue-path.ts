import type { Clock } from '../core/clock.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import type { Microphone } from '../ports/microphone.ts';
import { type CueLoudspeaker, createCueLoudspeaker } from './cue-loudspeaker.ts';
import { microphoneThrough } from './microphone-through.ts';
import { NotchFilter } from './notch-filter.ts';

export interface CuePath {
  /** The same microphone, without the notes of a cue while one may be heard. */
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  /**
   * Plays a sound that comes with a wish of the person, who may speak at the same time. Never rejects.
   * @param notesHz all that it consists of
   */
  play(pcm: Int16Array, sampleRateHz: number, notesHz: readonly number[]): void;
  /** See `CueLoudspeaker.endCues`. */
  end(): Promise<void>;
}

/** What was written last is heard so much later at most, echoes of the room and the microphone's own delay included. */
const tailMs = 250;

/**
 * The way of short sounds that come with a wish, below the echo canceller: one that has heard nothing yet knows nothing of the
 * room, and for a cue of 70 ms it would suppress the first words of the person. What is known of a cue is its notes, so they
 * are taken out of what the microphone hears, and with them no more of a voice than a hundred hertz for a moment.
 */
export function createCuePath(
  { microphone, loudspeaker }: { readonly microphone: Microphone; readonly loudspeaker: Loudspeaker },
  clock: Clock,
): CuePath {
  const cues: CueLoudspeaker = createCueLoudspeaker(loudspeaker, clock);
  let notesHz: readonly number[] = [];
  let playing = 0;
  let untilMs = Number.NEGATIVE_INFINITY;
  let filter: NotchFilter | undefined;

  const filtered = (pcm: Int16Array): Int16Array => {
    if (playing === 0 && clock.now() >= untilMs) {
      filter = undefined;
      return pcm;
    }
    filter ??= new NotchFilter(notesHz, microphone.sampleRateHz);
    return filter.push(pcm);
  };

  return {
    microphone: microphoneThrough(microphone, filtered),
    loudspeaker: cues,
    play: (pcm, sampleRateHz, notes) => {
      if (playing === 0 && clock.now() >= untilMs) notesHz = notes;
      else notesHz = [...new Set([...notesHz, ...notes])];
      filter = undefined;
      playing += 1;
      void cues.playCue(pcm, sampleRateHz).then(() => {
        playing -= 1;
        untilMs = clock.now() + cues.pendingMs() + tailMs;
      });
    },
    end: () => cues.endCues(),
  };
}
