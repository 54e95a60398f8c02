import type { Agent } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import { backoffDelayMs } from '../../core/backoff.ts';
import { type Clock, type TimerHandle, wait } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { createMessagePump, peerAllowance } from '../../core/message-pump.ts';
import { foreignWords, WordedError, type Words, words } from '../../core/words.ts';
import type { ToolArguments } from '../../mcp/tool.ts';
import { proxyAgent } from '../../network/proxy.ts';
import { type JsonRpcAnswer, jsonRpcRequest, parseJsonRpc } from './json-rpc.ts';

/** Why a call got no answer; the runner words it with the name of its tool. */
export class LinkError extends WordedError {
  readonly kind: 'unreachable' | 'closed' | 'not-json' | 'too-large' | 'busy';
  constructor(kind: LinkError['kind'], said: Words, cause?: unknown) {
    super(said, cause);
    this.kind = kind;
  }
}

export interface LinkOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const maxCallsInFlight = 256;
const handshakeTimeoutMs = 10_000;
const idleCloseMs = 60_000;
const pingIntervalMs = 20_000;
/** For the peer's part of the closing handshake. */
const closeLimitMs = 500;
const backoff = { firstMs: 250, maxMs: 10_000, jitterShare: 0.2 };

interface PendingCall {
  resolve(answer: JsonRpcAnswer): void;
  reject(error: unknown): void;
}

/**
 * One kept WebSocket connection that carries many calls at once, told apart by the JSON-RPC id. Connects on the first
 * call, again (with growing waits) on a call after a loss, and hangs up when it has been quiet for a minute.
 */
export class WebSocketLink {
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, PendingCall>();
  #lastId = 0;
  #failures = 0;
  #notBeforeMs = 0;
  #socket: WebSocket | undefined;
  #opening: Promise<WebSocket> | undefined;
  #idleTimer: TimerHandle;
  #pingTimer: TimerHandle;
  #heard = false;
  readonly #ended = new AbortController();
  /** Answers to calls that nobody waits for any more. */
  strayAnswers = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Rejects with a LinkError, or with the signal's reason. */
  async call(method: string, params: ToolArguments, signal: AbortSignal): Promise<JsonRpcAnswer> {
    if (this.#pending.size >= maxCallsInFlight)
      throw new LinkError('busy', words('tooManyWaiting', { count: maxCallsInFlight }));
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = deferred();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#pending.set(id, { resolve, reject });
    this.#options.clock.clearTimeout(this.#idleTimer);
    this.#connected()
      .then((socket) => {
        if (this.#pending.has(id)) socket.send(jsonRpcRequest(id, method, params));
      })
      .catch(reject);
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#closeWhenIdle();
    }
  }

  /** Calls that still wait fail; resolves when the socket is closed. */
  async end(): Promise<void> {
    this.#ended.abort();
    this.#options.clock.clearTimeout(this.#idleTimer);
    await this.#opening?.catch(() => {});
    await this.#hangUp();
  }

  async #hangUp(): Promise<void> {
    const { clock } = this.#options;
    const socket = this.#socket;
    this.#socket = undefined;
    clock.clearTimeout(this.#pingTimer);
    if (!socket || socket.readyState === socket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const limit = clock.setTimeout(() => socket.terminate(), closeLimitMs);
      socket.once('close', () => {
        clock.clearTimeout(limit);
        resolve();
      });
      socket.close(1000);
    });
  }

  #connected(): Promise<WebSocket> {
    if (this.#socket) return Promise.resolve(this.#socket);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<WebSocket> {
    const { clock, url, headers, maxMessageBytes } = this.#options;
    const pauseMs = this.#notBeforeMs - clock.now();
    if (pauseMs > 0) await wait(clock, pauseMs, this.#ended.signal);
    const { WebSocket } = await import('ws');
    if (this.#ended.signal.aborted) throw new LinkError('closed', words('shuttingDown'));
    const socket = new WebSocket(url, {
      headers,
      handshakeTimeout: handshakeTimeoutMs,
      maxPayload: maxMessageBytes,
      perMessageDeflate: false,
      ...throughProxy(url),
    });
    try {
      await opened(socket, this.#ended.signal);
    } catch (cause) {
      this.#notBeforeMs = clock.now() + backoffDelayMs(this.#failures, backoff);
      this.#failures += 1;
      throw cause instanceof LinkError ? cause : new LinkError('unreachable', words('noAnswer'), cause);
    }
    this.#failures = 0;
    this.#adopt(socket);
    return socket;
  }

  #adopt(socket: WebSocket): void {
    const { maxMessageBytes } = this.#options;
    this.#socket = socket;
    this.#heard = true;
    let broken: LinkError | undefined;
    const pump = createMessagePump<RawData>({
      clock: this.#options.clock,
      allowance: peerAllowance,
      handle: (data) => this.#take(data),
      pause: () => socket.pause(),
      resume: () => socket.isPaused && socket.resume(),
    });
    socket.on('message', (data) => {
      this.#heard = true;
      pump.push(data);
    });
    socket.on('pong', () => {
      this.#heard = true;
    });
    socket.on('error', (error) => {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
        broken = new LinkError('too-large', words('tooLarge', { bytes: maxMessageBytes }), error);
    });
    socket.on('close', (code) => {
      pump.stop();
      // One that we hung up on has no calls any more; those that wait belong to its successor.
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#options.clock.clearTimeout(this.#pingTimer);
      this.#failAll(broken ?? new LinkError('closed', words('closedWithCode', { code })));
    });
    this.#ping(socket);
  }

  /** A peer that has vanished closes nothing; only silence shows it. */
  #ping(socket: WebSocket): void {
    if (!this.#heard) socket.terminate();
    if (socket.readyState !== socket.OPEN) return;
    this.#heard = false;
    socket.ping();
    this.#pingTimer = this.#options.clock.setTimeout(() => this.#ping(socket), pingIntervalMs);
  }

  #take(data: RawData): void {
    const text = data.toString();
    const message = parseJsonRpc(text);
    if (message === undefined) {
      this.#failAll(new LinkError('not-json', foreignWords(text.slice(0, 500))));
      return;
    }
    const { answer } = message;
    if (answer === undefined) return;
    const call = typeof answer.id === 'number' ? this.#pending.get(answer.id) : undefined;
    if (call) call.resolve(answer);
    else {
      this.strayAnswers += 1;
      this.#options.logger.debug('An answer that nobody waits for', { strayAnswers: this.strayAnswers });
    }
  }

  #failAll(error: LinkError): void {
    for (const call of this.#pending.values()) call.reject(error);
  }

  #closeWhenIdle(): void {
    if (this.#ended.signal.aborted) return;
    this.#options.clock.clearTimeout(this.#idleTimer);
    this.#idleTimer = this.#options.clock.setTimeout(() => void this.#hangUp(), idleCloseMs);
  }
}

function deferred() {
  let resolve!: (answer: JsonRpcAnswer) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<JsonRpcAnswer>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function opened(socket: WebSocket, ended: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onEnd = () => socket.terminate();
    ended.addEventListener('abort', onEnd, { once: true });
    const settle = (done: () => void) => {
      ended.removeEventListener('abort', onEnd);
      done();
    };
    socket.once('open', () => settle(resolve));
    // Stays for good: a socket that is torn down may report more than one error.
    socket.on('error', (error) => settle(() => reject(error)));
  });
}

function throughProxy(url: string): { readonly agent?: Agent } {
  const agent = proxyAgent(url);
  return agent ? { agent } : {};
}
