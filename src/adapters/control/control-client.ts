import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';

const maxAnswerBytes = 16 * 1024 * 1024;
/** A mount may take its time to start; whoever does not want to wait presses Ctrl-C. */
const timeoutMs = 120_000;

/** Asks a running device through its unix socket. */
export interface ControlClient {
  /**
   * The JSON of the answer.
   * @throws ClientError CONTROL_UNAVAILABLE when no device listens there; else what the device answered
   */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
}

export function createControlClient(socketPath: string, stop?: AbortSignal): ControlClient {
  async function exchange(method: string, path: string, body: unknown): Promise<IncomingMessage> {
    const asked = request({
      socketPath,
      method,
      path,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(stop ? [stop] : [])]),
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return response;
  }

  return {
    async ask(method, path, body) {
      const response = await exchange(method, path, body).catch((cause: NodeJS.ErrnoException) => {
        throw unavailable(socketPath, cause);
      });
      const answer = await jsonOf(response);
      if ((response.statusCode ?? 500) < 300) return answer;
      throw answeredError(answer);
    },
  };
}

async function jsonOf(response: IncomingMessage): Promise<unknown> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) {
      text += chunk;
      if (text.length > maxAnswerBytes) throw new Error('the answer is too long');
    }
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ClientError(
      ErrorCode.controlUnavailable,
      `The device did not finish its answer (${messageOf(cause)}). Look at its log.`,
      { cause },
    );
  }
}

const knownCodes: ReadonlySet<string> = new Set(Object.values(ErrorCode));

function answeredError(answer: unknown): ClientError {
  const { code = '', message = 'The device refused without a reason.' } =
    (answer as { error?: { code?: string; message?: string } } | null)?.error ?? {};
  return new ClientError(knownCodes.has(code) ? (code as ErrorCode) : ErrorCode.internal, message);
}

/** The error says that no device listens, and not that one does not answer well. */
export function isNobodyThere(error: unknown): boolean {
  return error instanceof ClientError && isNobody(error.cause);
}

const isNobody = (cause: unknown): boolean =>
  ['ENOENT', 'ECONNREFUSED'].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? '');

function unavailable(socketPath: string, cause: NodeJS.ErrnoException): ClientError {
  return new ClientError(
    ErrorCode.controlUnavailable,
    isNobody(cause)
      ? 'No device runs on this state directory, or its control API is switched off (control.enabled). Start one with "xiaozhi-speaker run".'
      : `The device cannot be asked at ${socketPath} (${messageOf(cause)}).`,
    { cause },
  );
}
