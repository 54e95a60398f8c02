import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { createSpeechLine, type Sentence, type SpeechLineOptions } from './speech-line.ts';

/** Makes an answer; what it gives after `signal` aborted is dropped. */
export type MakeAnswer = (signal: AbortSignal) => Promise<readonly Sentence[]>;

export interface AnswerOrder {
  /** Something is being thought of or said. */
  readonly busy: boolean;
  readonly speaking: boolean;
  /** Answered when all that was added before has been made; said behind it. */
  add(make: MakeAnswer): void;
  /** Nothing of what was added is made or said any more, and `onEnd` does not come for it. True when it was busy. */
  cut(): boolean;
}

interface Round {
  readonly cut: AbortController;
  /** Answers that have begun and have nothing to say yet. */
  pending: number;
  order: Promise<void>;
}

const newRound = (): Round => ({ cut: new AbortController(), pending: 0, order: Promise.resolve() });

/** Answers in the order in which they were asked for, on one line of speech; `onEnd` comes when none is left. */
export function createAnswerOrder(options: SpeechLineOptions & { readonly logger: Logger }): AnswerOrder {
  const { logger, onEnd } = options;
  let round = newRound();
  const line = createSpeechLine({ ...options, onEnd: endIfNothingIsLeft });

  const isBusy = (): boolean => round.pending > 0 || line.speaking;

  function endIfNothingIsLeft(): void {
    if (!isBusy()) onEnd();
  }

  return {
    get busy() {
      return isBusy();
    },
    get speaking() {
      return line.speaking;
    },
    add(make) {
      const begun = round;
      const { signal } = begun.cut;
      begun.pending += 1;
      begun.order = begun.order
        .then(() => (signal.aborted ? [] : make(signal)))
        .catch((thrown: unknown) => {
          logger.error('no answer could be made', { reason: messageOf(thrown) });
          return [];
        })
        .then((sentences) => {
          if (signal.aborted) return;
          begun.pending -= 1;
          if (sentences.length > 0) line.say(sentences);
          else endIfNothingIsLeft();
        });
    },
    cut() {
      const wasBusy = isBusy();
      round.cut.abort();
      round = newRound();
      line.cancel();
      return wasBusy;
    },
  };
}
