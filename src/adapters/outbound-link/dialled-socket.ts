import WebSocket from 'ws';
import { isCertificateError } from '../../core/certificate-errors.ts';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { loginPageWords } from '../../core/login-page.ts';
import { createMessagePump, peerAllowance } from '../../core/message-pump.ts';
import type { Words } from '../../core/words.ts';
import { beginningOf } from '../../network/beginning-of.ts';
import { proxyAgent } from '../../network/proxy.ts';

export interface SocketTarget {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Authorities to trust in place of the usual ones, PEM. */
  readonly ca?: readonly string[];
}

/** How a connection ended, or why there was none. */
export interface SocketEnd {
  /** Close code of WebSocket; 1006 without a closing handshake. */
  readonly code: number;
  /** As it came: may be long, may quote secrets. */
  readonly reason: string;
  /** The answer of a server that refused the upgrade. */
  readonly httpStatus?: number;
  /** It was not the server that answered: what to tell of the network. */
  readonly loginPage?: Words;
  /** What Node reported first, for words. */
  readonly failure?: unknown;
  /** The server could not show whom it is. */
  readonly untrusted: boolean;
  /** How long it was open; undefined when it never was. */
  readonly livedMs: number | undefined;
}

export interface SocketHandlers {
  onOpen(): void;
  onText(text: string): void;
  onBinary(): void;
  /** Once, when the connection is gone for good. */
  onEnd(end: SocketEnd): void;
}

export interface DialledSocket {
  /** False when it is not open, or the other end reads nothing. */
  send(text: string): boolean;
  /** Says goodbye and cuts the connection when the other end does not answer that. */
  hangUp(): void;
  /** The network may have changed: whoever gives no sign of life in time is cut off. */
  checkLife(): void;
  /** For those at the other end who do not keep to what was agreed. */
  cut(reason: string): void;
}

/** TCP, TLS and upgrade together. */
const handshakeTimeoutMs = 10_000;
const pingIntervalMs = 20_000;
/** Two pings without an answer: noticed within a minute. */
const livenessMs = 40_000;
const closeGraceMs = 2000;
/** A sign of life takes no longer on a slow network. */
const signOfLifeMs = 5000;
/** Arguments of calls are short; a longer message ends the connection with 1009. */
const maxMessageBytes = 1_048_576;
/** What somebody who reads nothing may leave in our memory: some of the longest answers. */
const maxUnreadBytes = 4_194_304;

/**
 * One WebSocket connection with its heartbeat. Any frame is a sign of life, also a ping or pong.
 * @throws what `ws` throws for a URL or header that it cannot use
 */
export function dial(
  { url, headers, ca }: SocketTarget,
  clock: Clock,
  handlers: SocketHandlers,
): DialledSocket {
  const agent = proxyAgent(url, { ca });
  const socket = new WebSocket(url, {
    ...(agent && { agent }),
    ...(headers && { headers }),
    ...(ca && { ca: [...ca] }),
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    followRedirects: false,
  });
  let openedMs: number | undefined;
  let heardMs = clock.now();
  let httpStatus: number | undefined;
  let loginPage: Words | undefined;
  /** Why it failed, in the words of whoever noticed first. */
  let failure: string | undefined;
  let thrown: unknown;
  let untrusted = false;
  let timer: TimerHandle = clock.setTimeout(
    () => cut(`no answer within ${handshakeTimeoutMs / 1000} s`),
    handshakeTimeoutMs,
  );

  const pump = createMessagePump<string>({
    clock,
    allowance: peerAllowance,
    handle: handlers.onText,
    pause: () => socket.pause(),
    resume: () => socket.isPaused && socket.resume(),
  });

  function cut(reason: string): void {
    failure ??= reason;
    socket.terminate();
  }

  function beat(): void {
    if (clock.now() - heardMs >= livenessMs) {
      cut(`nothing heard for ${livenessMs / 1000} s`);
      return;
    }
    if (socket.readyState === WebSocket.OPEN) socket.ping();
    timer = clock.setTimeout(beat, pingIntervalMs);
  }

  const heard = (): void => {
    heardMs = clock.now();
  };

  socket.on('open', () => {
    clock.clearTimeout(timer);
    heard();
    openedMs = clock.now();
    timer = clock.setTimeout(beat, pingIntervalMs);
    handlers.onOpen();
  });
  socket.on('ping', heard);
  socket.on('pong', heard);
  socket.on('message', (data, isBinary) => {
    heard();
    if (isBinary) handlers.onBinary();
    else pump.push(data.toString());
  });
  socket.on('unexpected-response', (_request, response) => {
    const status = response.statusCode ?? 0;
    httpStatus = status;
    void beginningOf(response, clock).then((body) => {
      loginPage = loginPageWords({ status, location: response.headers.location, body }, url);
      cut(`HTTP ${status}`);
    });
  });
  // Stays for good: a socket that is torn down may report more than one error, and one without listener ends the process.
  socket.on('error', (error) => {
    failure ??= error.message;
    thrown ??= error;
    untrusted ||= isCertificateError(error);
  });
  socket.on('close', (code, said) => {
    pump.stop();
    clock.clearTimeout(timer);
    handlers.onEnd({
      code,
      reason: said.toString() || (failure ?? ''),
      ...(httpStatus !== undefined && { httpStatus }),
      ...(loginPage && { loginPage }),
      ...(thrown !== undefined && { failure: thrown }),
      untrusted,
      livedMs: openedMs === undefined ? undefined : clock.now() - openedMs,
    });
  });

  return {
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      if (socket.bufferedAmount > maxUnreadBytes) {
        cut('it reads nothing of what it is sent');
        return false;
      }
      socket.send(text);
      return true;
    },
    checkLife() {
      if (socket.readyState !== WebSocket.OPEN) return;
      const askedMs = clock.now();
      socket.ping();
      clock.clearTimeout(timer);
      timer = clock.setTimeout(() => {
        if (heardMs < askedMs) cut('nothing heard since the network changed');
        else beat();
      }, signOfLifeMs);
    },
    hangUp() {
      pump.stop();
      clock.clearTimeout(timer);
      timer = clock.setTimeout(() => socket.terminate(), closeGraceMs);
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else socket.close(1000);
    },
    cut,
  };
}
