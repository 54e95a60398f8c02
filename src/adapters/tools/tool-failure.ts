import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { networkWords } from '../../core/network-words.ts';
import { createQuote, type Quote } from '../../core/quoting.ts';
import { foreignWords, inWords, quotedWords, WordedError, type Words, words } from '../../core/words.ts';

/** The errors of one tool, as sentences a model can speak; configured secrets never appear in them. */
export interface FailureMaker {
  /** The tool itself said no, or ended badly. */
  failed(what: Words, cause?: unknown): ClientError;
  /** It answered, but not so that one could use it. */
  badOutput(what: Words): ClientError;
  /** It could not be reached, or the connection broke. */
  unreachable(thrown: unknown): ClientError;
  tooLarge(maxBytes: number): ClientError;
  /** A secret is to come from the environment and is not there. */
  missingVariable(name: string): ClientError;
  /** Why a run ended early: the signal's own reason when it is an expected failure. */
  aborted(signal: AbortSignal): ClientError;
  /** What an error says: our words where it has any, with what is somebody else's quoted. */
  reasonIn(thrown: unknown): Words;
  readonly quoted: Quote;
}

export function createFailureMaker(tool: string, secrets: readonly string[] = []): FailureMaker {
  const quoted = createQuote(secrets);
  const maker: FailureMaker = {
    quoted,
    reasonIn: (thrown) =>
      thrown instanceof WordedError
        ? quotedWords(thrown.words, quoted)
        : foreignWords(quoted(messageOf(thrown)).replace(/\.$/, '')),
    failed: (what, cause) =>
      new ClientError(ErrorCode.toolFailed, `The tool ${tool} failed: ${inWords(what, 'en')}.`, {
        cause,
        words: what,
      }),
    badOutput: (what) =>
      new ClientError(
        ErrorCode.toolBadOutput,
        `The tool ${tool} gave no usable answer: ${inWords(what, 'en')}.`,
        { words: words('badAnswer', { what }) },
      ),
    unreachable: (thrown) => {
      const what = networkWords(thrown) ?? maker.reasonIn(thrown);
      return new ClientError(
        ErrorCode.toolUnreachable,
        `The tool ${tool} cannot be reached: ${inWords(what, 'en')}.`,
        { retryable: true, cause: thrown, words: words('unreachable', { what }) },
      );
    },
    tooLarge: (maxBytes) => maker.badOutput(words('tooLarge', { bytes: maxBytes })),
    missingVariable: (name) => maker.failed(words('variableMissing', { name })),
    aborted: (signal) =>
      signal.reason instanceof ClientError
        ? signal.reason
        : new ClientError(ErrorCode.toolCancelled, `The tool ${tool} was stopped before it had finished.`, {
            words: words('stoppedEarly'),
          }),
  };
  return maker;
}
