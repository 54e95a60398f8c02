import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { printableText } from '../../core/printable-text.ts';

const connectWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing is listening there',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host could not be looked up',
  ETIMEDOUT: 'it did not answer',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to this host',
  ENOENT: 'there is no such socket',
  ENOTSOCK: 'the path is not a socket',
  EACCES: 'access is not allowed',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP',
};

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
  /** Somebody else's words, fit for a sentence. */
  quoted(text: string): string;
}

const maxQuotedCharacters = 200;

export function createFailureMaker(tool: string, secrets: readonly string[] = []): FailureMaker {
  const hidden = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  const quoted = (text: string) => printableText(withoutSecrets(text, hidden), maxQuotedCharacters);
  const maker: FailureMaker = {
    quoted,
    failed: (what, cause) =>
      new ClientError(ErrorCode.toolFailed, `The tool ${tool} failed: ${what}.`, { cause }),
    badOutput: (what) =>
      new ClientError(ErrorCode.toolBadOutput, `The tool ${tool} gave no usable answer: ${what}.`),
    unreachable: (thrown) => {
      const code = (thrown as { code?: unknown } | undefined)?.code;
      const words = (typeof code === 'string' && connectWords[code]) || quoted(messageOf(thrown));
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

const secretName = /token|secret|pass|pwd|key|auth|credential/i;

/** The values whose names say that they are secrets. */
export function secretsIn(settings: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) =>
    typeof value === 'string' && secretName.test(name) ? [value] : [],
  );
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '••••'), text);
}
