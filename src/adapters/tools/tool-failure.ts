import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { networkWords } from '../../core/network-words.ts';
import { createQuote, type Quote } from '../../core/quoting.ts';

/** The errors of one tool, as sentences a model can speak; configured secrets never appear in them. */
export interface FailureMaker {
  /** The tool itself said no, or ended badly. */
  failed(what: string, cause?: unknown): ClientError;
  /** It answered, but not so that one could use it. */
  badOutput(what: string): ClientError;
  /** It could not be reached, or the connection broke. */
  unreachable(thrown: unknown): ClientError;
  tooLarge(maxBytes: number): ClientError;
  /** A secret is to come from the environment and is not there. */
  missingVariable(name: string): ClientError;
  /** Why a run ended early: the signal's own reason when it is an expected failure. */
  aborted(signal: AbortSignal): ClientError;
  readonly quoted: Quote;
}

export function createFailureMaker(tool: string, secrets: readonly string[] = []): FailureMaker {
  const quoted = createQuote(secrets);
  const maker: FailureMaker = {
    quoted,
    failed: (what, cause) =>
      new ClientError(ErrorCode.toolFailed, `The tool ${tool} failed: ${what}.`, { cause }),
    badOutput: (what) =>
      new ClientError(ErrorCode.toolBadOutput, `The tool ${tool} gave no usable answer: ${what}.`),
    unreachable: (thrown) => {
      const words = networkWords(thrown) ?? quoted(messageOf(thrown));
      return new ClientError(ErrorCode.toolUnreachable, `The tool ${tool} cannot be reached: ${words}.`, {
        retryable: true,
        cause: thrown,
      });
    },
    tooLarge: (maxBytes) => maker.badOutput(`it is larger than ${maxBytes} bytes`),
    missingVariable: (name) =>
      maker.failed(`the environment variable ${name} is not set; set it where the device is started`),
    aborted: (signal) =>
      signal.reason instanceof ClientError
        ? signal.reason
        : new ClientError(ErrorCode.toolCancelled, `The tool ${tool} was stopped before it had finished.`),
  };
  return maker;
}
