import { ClientError, ErrorCode } from '../../core/errors.ts';

/** What a caller is told when a server cannot take the call; the model passes it on to the person. */
export const mountError = {
  switchedOff: (name: string) =>
    new ClientError(
      ErrorCode.toolUnreachable,
      `${name} is switched off; switch it on with mcp enable ${name}.`,
    ),
  notStarted: (name: string) =>
    new ClientError(
      ErrorCode.toolUnreachable,
      `${name} is started by hand only; start it with mcp restart ${name}.`,
    ),
  starting: (name: string) =>
    new ClientError(ErrorCode.toolUnreachable, `${name} is still starting, try again in a moment.`, {
      retryable: true,
    }),
  notWorking: (name: string, problem: string, againInMs: number) =>
    new ClientError(
      ErrorCode.toolUnreachable,
      `${name} does not work at the moment and is tried again in ${inWords(againInMs)}. ${problem}`,
      { retryable: true },
    ),
  givenUp: (name: string, problem: string, againInMs: number) =>
    new ClientError(
      ErrorCode.toolUnreachable,
      `${name} does not work at the moment and is tried again in ${inWords(againInMs)}, or by a call that is made 10 s after the last try. ${problem}`,
      { retryable: true },
    ),
  stopped: (name: string) =>
    new ClientError(ErrorCode.toolUnreachable, `${name} has been stopped, call it again if it is needed.`, {
      retryable: true,
    }),
  silent: (name: string) =>
    new ClientError(ErrorCode.toolUnreachable, `${name} does not answer any more and is started anew.`, {
      retryable: true,
    }),
};

function inWords(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
