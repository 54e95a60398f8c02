import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, toClientError } from '../../core/errors.ts';
import { secondsIn, sentenceOf, type Words, words } from '../../core/words.ts';
import type {
  ConnectMcpServer,
  ForeignToolList,
  McpClientConnection,
  McpClientHooks,
} from '../../ports/mcp-client.ts';
import type { MountedServerDefinition } from '../../ports/mounted-server.ts';

/** One try to connect, initialise and read the first list. */
export interface StartAttempt {
  /** Rejects with a ClientError; also at once on `abort`. */
  readonly result: Promise<Started>;
  /** Resolves when nothing of a try that has failed is left. */
  readonly ended: Promise<void>;
  /** Has no effect on a try that has succeeded, except on `reason`. */
  abort(reason: ClientError): void;
  /** Why it was aborted. */
  readonly reason: ClientError | undefined;
}

export interface Started {
  readonly connection: McpClientConnection;
  readonly list: ForeignToolList;
}

export interface StartAttemptParts {
  readonly definition: MountedServerDefinition;
  readonly connect: ConnectMcpServer;
  readonly hooks: McpClientHooks;
  readonly clock: Clock;
  /** What must be over before the connection is made. */
  readonly after: Promise<unknown>;
}

export function startAttempt({ definition, connect, hooks, clock, after }: StartAttemptParts): StartAttempt {
  const { name, target, startTimeoutMs } = definition;
  const control = new AbortController();
  const { signal } = control;
  const timer = clock.setTimeout(() => control.abort(tooSlow(name, startTimeoutMs)), startTimeoutMs);
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(toClientError(signal.reason)), { once: true });
  });

  const work = (async (): Promise<Started> => {
    await after;
    signal.throwIfAborted();
    const connection = await connect(target, hooks, signal);
    try {
      const list = await connection.listTools(signal);
      signal.throwIfAborted();
      return { connection, list };
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
  })();
  const result = Promise.race([work, aborted]).catch((thrown: unknown) => {
    throw toClientError(thrown, ErrorCode.toolUnreachable);
  });
  const over = () => clock.clearTimeout(timer);
  result.then(over, over);
  return {
    result,
    ended: work.then(
      () => {},
      () => {},
    ),
    abort: (reason) => control.abort(reason),
    get reason() {
      return signal.aborted ? toClientError(signal.reason) : undefined;
    },
  };
}

const tooSlow = (name: string, startTimeoutMs: number): ClientError =>
  tooSlowError(words('didNotStart', { name, time: secondsIn(Math.round(startTimeoutMs / 100) / 10) }));

const tooSlowError = (said: Words): ClientError =>
  new ClientError(ErrorCode.toolTimeout, sentenceOf(said, 'en'), { retryable: true, words: said });
