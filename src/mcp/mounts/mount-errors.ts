import { ClientError, ErrorCode } from '../../core/errors.ts';
import { foreignWords, sentenceOf, type Words, words } from '../../core/words.ts';

/** What a caller is told when a server cannot take the call; the model passes it on to the person. */
export const mountError = {
  switchedOff: (name: string) => unreachable(words('switchedOff', { name }), false),
  notStarted: (name: string) => unreachable(words('startedByHand', { name }), false),
  starting: (name: string) => unreachable(words('starting', { name })),
  notWorking: (name: string, problem: ClientError, againInMs: number) =>
    unreachable(words('notWorking', { name, problem: problemOf(problem), time: durationOf(againInMs) })),
  givenUp: (name: string, problem: ClientError | undefined, againInMs: number) =>
    unreachable(words('givenUp', { name, problem: problemOf(problem), time: durationOf(againInMs) })),
  stopped: (name: string) => unreachable(words('mountStopped', { name })),
  silent: (name: string) => unreachable(words('startedAnew', { name })),
};

function unreachable(said: Words, retryable = true): ClientError {
  return new ClientError(ErrorCode.toolUnreachable, sentenceOf(said, 'en').trimEnd(), {
    retryable,
    words: said,
  });
}

function problemOf(problem: ClientError | undefined): Words | string {
  return problem === undefined ? '' : (problem.words ?? foreignWords(problem.message));
}

function durationOf(ms: number): Words {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 90
    ? words('secondsShort', { count: seconds })
    : words('minutes', { count: Math.round(seconds / 60) });
}
