import type { Clock, TimerHandle } from '../../src/core/clock.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import type {
  ChannelEnd,
  SessionTransport,
  TransportFactory,
  TransportHandlers,
} from '../../src/ports/session-transport.ts';
import { readServerHello } from '../../src/protocol/hello.ts';
import { parseMessageText } from '../../src/protocol/messages.ts';

export interface FakeTransportOptions {
  readonly clock: Clock;
  readonly helloTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  /** There is nobody at the other end. */
  readonly unreachable?: boolean;
  /** Called for all that the device sends. */
  readonly onSent?: (sent: string | Uint8Array) => void;
}

/** A channel without a network; the contract suite keeps it honest. The lower half is the far end. */
export class FakeTransport implements SessionTransport {
  readonly kind = 'websocket';
  /** What the device sent, in order; the hello is not among it. */
  readonly sent: (string | Uint8Array)[] = [];
  /** Packets are refused, as by a socket that is backed up. */
  backedUp = false;
  /** Texts are refused, as by a socket that is gone. */
  deaf = false;
  /** The device has hung up or given up. */
  left = false;
  readonly #options: Required<FakeTransportOptions>;
  #handlers: TransportHandlers | undefined;
  #connected = false;
  #lastHeardMs = 0;
  #timers: TimerHandle[] = [];

  constructor(options: FakeTransportOptions) {
    this.#options = {
      helloTimeoutMs: 10_000,
      idleTimeoutMs: 0,
      unreachable: false,
      onSent: () => {},
      ...options,
    };
  }

  open(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    queueMicrotask(() => this.#connect());
  }

  sendText(text: string): boolean {
    if (!this.#connected || this.deaf) return false;
    this.sent.push(text);
    this.#options.onSent(text);
    return true;
  }

  sendAudio(packet: Uint8Array): boolean {
    if (!this.#connected || this.deaf || this.backedUp) return false;
    this.sent.push(packet.slice());
    this.#options.onSent(packet);
    return true;
  }

  close(): Promise<void> {
    this.#leave();
    return Promise.resolve();
  }

  // What the far end does.

  get connected(): boolean {
    return this.#connected;
  }

  sayHello(sessionId = 'session-1'): void {
    this.send({ type: 'hello', transport: 'websocket', session_id: sessionId });
  }

  send(message: object | string): void {
    this.#lastHeardMs = this.#options.clock.now();
    const parsed = parseMessageText(typeof message === 'string' ? message : JSON.stringify(message));
    if (!parsed.ok) {
      this.#handlers?.onProblem(
        new ClientError(ErrorCode.protocolBadMessage, `A bad message: ${parsed.reason}.`),
      );
    } else if (parsed.json.type === 'hello') {
      const read = readServerHello(parsed.json, 'websocket');
      if (read.ok) this.#handlers?.onSession(read.hello);
    } else {
      this.#handlers?.onMessage(parsed.json);
    }
  }

  sendAudioDown(packet: Uint8Array, timestampMs = 0): void {
    this.#lastHeardMs = this.#options.clock.now();
    this.#handlers?.onAudio(packet, timestampMs);
  }

  hangUp(): void {
    this.#end({ normal: true, description: 'the server hung up' });
  }

  fail(code: ErrorCode = ErrorCode.transportClosed, retryable = true): void {
    this.#fail(code, retryable);
  }

  #connect(): void {
    if (!this.#handlers) return;
    if (this.#options.unreachable) {
      this.#fail(ErrorCode.transportUnreachable);
      return;
    }
    this.#connected = true;
    const { clock, helloTimeoutMs, idleTimeoutMs } = this.#options;
    this.#lastHeardMs = clock.now();
    let greeted = false;
    const handlers = this.#handlers;
    this.#handlers = {
      ...handlers,
      onSession: (info) => {
        greeted = true;
        handlers.onSession(info);
      },
    };
    this.#timers.push(
      clock.setTimeout(() => !greeted && this.#fail(ErrorCode.transportTimeout), helloTimeoutMs),
    );
    if (idleTimeoutMs > 0) this.#watch(idleTimeoutMs);
  }

  #watch(remainingMs: number): void {
    const { clock, idleTimeoutMs } = this.#options;
    const timer = clock.setTimeout(() => {
      const leftMs = this.#lastHeardMs + idleTimeoutMs - clock.now();
      if (leftMs > 0) this.#watch(leftMs);
      else this.#fail(ErrorCode.transportIdle, false);
    }, remainingMs);
    this.#timers.push(timer);
  }

  #fail(code: ErrorCode, retryable = true): void {
    const error = new ClientError(code, `The fake channel failed (${code}).`, { retryable });
    this.#end({ normal: false, error, description: error.message });
  }

  #end(end: ChannelEnd): void {
    const handlers = this.#handlers;
    this.#leave();
    handlers?.onEnd(end);
  }

  #leave(): void {
    this.left = true;
    this.#connected = false;
    this.#handlers = undefined;
    for (const timer of this.#timers) this.#options.clock.clearTimeout(timer);
    this.#timers = [];
  }
}

/** Keeps every channel that the device made, newest last. */
export class FakeTransports implements TransportFactory {
  readonly made: FakeTransport[] = [];
  readonly #options: FakeTransportOptions;
  /** The next channels find nobody. */
  unreachable = false;

  constructor(options: FakeTransportOptions) {
    this.#options = options;
  }

  create(): FakeTransport {
    const transport = new FakeTransport({ ...this.#options, unreachable: this.unreachable });
    this.made.push(transport);
    return transport;
  }
}
