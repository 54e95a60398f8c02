import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { ClientError } from '../../core/errors.ts';
import { stringifyExact, withExactMember } from '../../core/exact-json.ts';
import { words } from '../../core/words.ts';
import type { Failures } from './failures.ts';
import { createLineReader } from './line-reader.ts';
import { createLogLines } from './log-lines.ts';
import { readWithinBudget } from './read-budget.ts';
import type { Road, RoadHooks } from './road.ts';
import { type ServerProcess, type StdioTarget, startServerProcess } from './server-process.ts';
import { isAnswer, type RequestId, usableAnswer } from './usable-answer.ts';

/** Longest message of a server, in bytes. */
export const maxMessageBytes = 8 * 1024 * 1024;
const maxUnsentBytes = 16 * 1024 * 1024;
const maxLogLineBytes = 4096;
const maxLogCharacters = 1000;
/** What a server may say unasked: enough for any log, little enough that a flood costs next to nothing. */
const stderrBudget = { unitsPerWindow: 256 * 1024, windowMs: 50 };
/** In bytes: many short lines are as much work as few long ones. */
const costOfLogLine = 128;
const unaskedBudget = { unitsPerWindow: 100, windowMs: 100 };

/**
 * A server of ours to start and to end: one line of JSON per message over its standard input and output. Lines that are
 * none, and its standard error, go to the log.
 * @throws ClientError when the program cannot be started
 */
export async function openStdioRoad(
  target: StdioTarget,
  env: Readonly<Record<string, string | undefined>>,
  failures: Failures,
  hooks: RoadHooks,
): Promise<Road> {
  const server = await startServerProcess(target, env, hooks.clock, failures);
  const transport = new StdioTransport(server, failures, hooks);
  return {
    kind: 'stdio',
    transport,
    pid: server.pid,
    problem: () => transport.problem,
    heard: () => transport.heard,
    close: () => transport.close(),
  };
}

class StdioTransport implements Transport {
  onmessage?: NonNullable<Transport['onmessage']>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  problem: ClientError | undefined;
  /** Lines on standard output. */
  heard = 0;
  readonly #server: ServerProcess;
  readonly #failures: Failures;
  readonly #log: (line: string) => void;
  readonly #onLost: (error: ClientError) => void;
  #lastWords = '';
  /** Requests that are not answered yet. */
  readonly #open = new Set<RequestId>();
  #closing = false;

  constructor(server: ServerProcess, failures: Failures, { clock, onLog, onLost }: RoadHooks) {
    this.#server = server;
    this.#failures = failures;
    this.#onLost = onLost;
    this.#log = createLogLines(clock, (line) => onLog(failures.quoted(line, maxLogCharacters)));
    const { stdout, stderr, stdin } = server.child;

    let unaskedLines = 0;
    const readMessages = createLineReader({
      maxBytes: maxMessageBytes,
      onLine: (line, isCut) => {
        if (isCut) this.#lose(failures.badOutput(words('messageTooLong', { bytes: maxMessageBytes })));
        else if (this.#receive(line) === 'unasked') unaskedLines += 1;
      },
    });
    const unasked = readWithinBudget(stdout, {
      clock,
      ...unaskedBudget,
      take: (piece) => {
        unaskedLines = 0;
        readMessages(piece);
        return unaskedLines;
      },
    });
    let logLines = 0;
    const readLog = createLineReader({
      maxBytes: maxLogLineBytes,
      onLine: (line) => {
        logLines += 1;
        if (line.trim() === '') return;
        this.#lastWords = line;
        this.#log(line);
      },
    });
    const logged = readWithinBudget(stderr, {
      clock,
      ...stderrBudget,
      take: (piece) => {
        logLines = 0;
        readLog(piece);
        return piece.length + logLines * costOfLogLine;
      },
    });
    // A server that has gone breaks the pipe; how it ended says what there is to say.
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => {});
    void server.closed.then((end) => {
      unasked.release();
      logged.release();
      this.#lose(this.#endedBecause(end));
    });
    server.child.on('exit', () => {
      unasked.release();
      logged.release();
    });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  send(message: JSONRPCMessage): Promise<void> {
    const { stdin } = this.#server.child;
    if (!stdin.writable) return Promise.reject(this.problem ?? this.#failures.unreachable(words('hasEnded')));
    const line = `${stringifyExact(message)}\n`;
    if (stdin.writableLength + line.length > maxUnsentBytes)
      return Promise.reject(this.#failures.unreachable(words('doesNotRead')));
    stdin.write(line);
    if (!('method' in message)) return Promise.resolve();
    if ('id' in message) this.#open.add(message.id);
    else if (message.method === 'notifications/cancelled')
      this.#open.delete(message.params?.requestId as RequestId);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const isFirst = !this.#closing;
    this.#closing = true;
    if (isFirst && this.problem === undefined) this.onclose?.();
    await this.#server.stop();
  }

  #receive(line: string): 'answer' | 'unasked' {
    this.heard += 1;
    const message = parsed(line);
    if (message === undefined) {
      if (line.trim() !== '') this.#log(`(on standard output) ${line.slice(0, maxLogLineBytes)}`);
      return 'unasked';
    }
    const usable = usableAnswer(message, this.#open);
    this.onmessage?.(usable);
    return 'id' in usable && !('method' in usable) && this.#open.delete(usable.id as RequestId)
      ? 'answer'
      : 'unasked';
  }

  #lose(error: ClientError): void {
    if (this.problem !== undefined || this.#closing) return;
    this.problem = error;
    this.#onLost(error);
    this.onclose?.();
    void this.#server.stop();
  }

  #endedBecause({ code, signal }: { code: number | null; signal: NodeJS.Signals | null }): ClientError {
    const what =
      code === null ? words('wasEndedBy', { signal: signal ?? '' }) : words('endedWithCode', { code });
    const text = this.#failures.quoted(this.#lastWords);
    return this.#failures.unreachable(text === '' ? what : words('because', { what, text }));
  }
}

/** Only what can be a message of JSON-RPC; blanks around it, and a byte order mark, are none of its content. */
function parsed(line: string): JSONRPCMessage | undefined {
  const text = line.trim();
  if (!text.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(text) as JSONRPCMessage;
    if (!('jsonrpc' in value) && !isAnswer(value)) return undefined;
    return withExactMember({ ...(value as object) }, text, [
      'result',
      'structuredContent',
    ]) as unknown as JSONRPCMessage;
  } catch {
    return undefined;
  }
}
