import { backoffDelayMs } from '../../core/backoff.ts';
import { type Clock, wait } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { parseExact, stringifyExact, withExactMember } from '../../core/exact-json.ts';
import type { Logger } from '../../core/logger.ts';
import { networkWords } from '../../core/network-words.ts';
import { createQuote } from '../../core/quoting.ts';
import { secretsOfConnection, shownConnection } from '../../core/secrets.ts';
import { inWords, type Words } from '../../core/words.ts';
import type { OutboundLinkState, OutboundLinkStatus } from '../../ports/outbound-link.ts';
import { type DialledSocket, dial, type SocketEnd, type SocketTarget } from './dialled-socket.ts';

/** What is trusted with this PEM file. @throws ClientError CONFIG_UNREADABLE */
export type ReadAuthorities = (caFile: string) => readonly string[];

export interface LinkTarget extends Omit<SocketTarget, 'ca'> {
  readonly token?: string;
  readonly caFile?: string | undefined;
}

export interface OutboundLinkOptions {
  /** `access point home`: for logs and messages. */
  readonly label: string;
  /** Where to dial; asked before each attempt. */
  readonly target: () => LinkTarget;
  readonly readAuthorities: ReadAuthorities;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /** `afterLoss`: the connection before it was cut, or somebody else took its place; the other end may still mean that one. */
  onOpen(connection: { readonly afterLoss: boolean }): void;
  onMessage(payload: Readonly<Record<string, unknown>>): void;
  /** A text that is no JSON. */
  onNotJson(): void;
  /** A connection that was open is gone. */
  onClosed(): void;
  /** Somebody else took the place of this connection. */
  onReplaced?(): void;
  onChange(): void;
  /** Told once until the link has worked again. */
  onProblem(error: ClientError): void;
}

const backoff = { firstMs: 1000, maxMs: 30_000, jitterShare: 0.2 };
const refusedBackoff = { firstMs: 300_000, maxMs: 300_000, jitterShare: 0.2 };
/** Two programs with one token take the place from each other: each time we come back later. */
const replacedBackoff = { firstMs: 30_000, maxMs: 300_000, jitterShare: 0.2 };
/** Brokers forget a connection a moment after it is closed; dialled sooner, they forget the new one (mcp.md 2.3). */
const settleMs = 1000;
/** A connection that has served a call is as good. */
const healthyAfterMs = 20_000;
/** An address that nobody answers at is told after so many tries in a row. */
const unansweredTries = 3;
/** So long without being replaced: nobody else has our token. */
const unchallengedAfterMs = 600_000;

interface Plan {
  readonly state: 'waiting' | 'refused';
  readonly delayMs: number;
}

/**
 * A connection that we dial and keep: heartbeat, back-off with jitter, and never a second connection before the first is
 * closed completely. Started once, stopped once.
 */
export class OutboundLink {
  readonly #options: OutboundLinkOptions;
  readonly #stopped = new AbortController();
  #nudge = new AbortController();
  #running: Promise<void> | undefined;
  #socket: DialledSocket | undefined;
  #state: OutboundLinkState = 'stopped';
  #lastClose: OutboundLinkStatus['lastClose'];
  #nextAttemptAtMs: number | undefined;
  #attempt = 0;
  #replacements = 0;
  #unanswered = 0;
  #hasServed = false;
  #redialWanted = false;
  #afterLoss = false;
  #problemTold = false;
  readonly counters = { binary: 0, notJson: 0, connections: 0 };

  constructor(options: OutboundLinkOptions) {
    this.#options = options;
  }

  get status(): Pick<OutboundLinkStatus, 'url' | 'state' | 'lastClose' | 'nextAttemptInMs'> {
    const { target, clock } = this.#options;
    const nextMs = this.#nextAttemptAtMs;
    return {
      url: shownConnection(target().url),
      state: this.#state,
      ...(this.#lastClose && { lastClose: this.#lastClose }),
      ...(nextMs !== undefined && { nextAttemptInMs: Math.max(0, Math.round(nextMs - clock.now())) }),
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#nudge.abort();
    this.#socket?.hangUp();
    await this.#running;
  }

  /** One object as one text frame; false when there is no connection for it. */
  send(payload: unknown): boolean {
    return this.#socket?.send(JSON.stringify(payload)) ?? false;
  }

  /** Says that the other end takes part; only it knows when that is. */
  logConnected(): void {
    const { logger, label, target } = this.#options;
    logger.info('Connected', { link: label, url: shownConnection(target().url) });
  }

  /** The connection is good for what it is there for. */
  noteServed(): void {
    this.#hasServed = true;
  }

  /** Closes completely and dials again; a link without connection dials soon anyway. */
  redial(): void {
    if (!this.#socket) return;
    this.#redialWanted = true;
    this.#socket.hangUp();
  }

  /** The target is another: what happened with the old one counts no more. */
  retarget(): void {
    this.#attempt = 0;
    this.#replacements = 0;
    this.#unanswered = 0;
    this.#problemTold = false;
    if (this.#socket) this.redial();
    else this.#nudge.abort();
  }

  /** The network may have changed: a connection has to show that it lives, and who waits for the next try waits no longer. */
  checkLife(): void {
    if (this.#socket) this.#socket.checkLife();
    else if (this.#state === 'waiting' && this.#replacements === 0) this.#nudge.abort();
  }

  /** Ends a connection whose other end does not keep to what was agreed. */
  cut(reason: string): void {
    this.#socket?.cut(reason);
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      const end = await this.#connection();
      if (this.#stopped.signal.aborted) break;
      const { state, delayMs } = this.#planAfter(end);
      this.#nudge = new AbortController();
      this.#nextAttemptAtMs = clock.now() + delayMs;
      this.#become(state);
      this.#logEnd(delayMs);
      await wait(clock, delayMs, this.#nudge.signal);
      this.#nextAttemptAtMs = undefined;
      if (this.#nudge.signal.aborted) await wait(clock, settleMs, this.#stopped.signal);
    }
    this.#become('stopped');
  }

  #connection(): Promise<SocketEnd> {
    const { clock, onOpen, onClosed } = this.#options;
    this.#become('connecting');
    return new Promise((resolve) => {
      try {
        this.#socket = dial(this.#socketTarget(), clock, {
          onOpen: () => {
            this.counters.connections += 1;
            this.#become('connected');
            onOpen({ afterLoss: this.#afterLoss });
          },
          onText: (text) => this.#take(text),
          onBinary: () => {
            this.counters.binary += 1;
          },
          onEnd: (end) => {
            this.#socket = undefined;
            if (end.livedMs !== undefined) onClosed();
            resolve(end);
          },
        });
      } catch (thrown) {
        if (thrown instanceof ClientError) this.#tell(thrown);
        resolve({ code: 1006, reason: messageOf(thrown), untrusted: false, livedMs: undefined });
      }
    });
  }

  #socketTarget(): SocketTarget {
    const { target, readAuthorities } = this.#options;
    const { url, headers, caFile } = target();
    return {
      url,
      ...(headers && { headers }),
      ...(caFile !== undefined && url.startsWith('wss:') && { ca: readAuthorities(caFile) }),
    };
  }

  #take(text: string): void {
    const payloads = parseObjects(text);
    if (payloads === 'not JSON') this.#options.onNotJson();
    else for (const payload of payloads) this.#options.onMessage(payload);
    if (payloads === 'not JSON' || payloads.length === 0) this.counters.notJson += 1;
  }

  #planAfter(end: SocketEnd): Plan {
    const { random } = this.#options;
    const { url, token } = this.#options.target();
    const livedMs = end.livedMs ?? 0;
    this.#lastClose = { code: end.code, reason: createQuote(secretsOfConnection(url, token))(end.reason) };
    if (livedMs >= healthyAfterMs || this.#hasServed) {
      this.#attempt = 0;
      this.#problemTold = false;
    }
    this.#hasServed = false;
    this.#unanswered = end.livedMs === undefined ? this.#unanswered + 1 : 0;
    if (livedMs >= unchallengedAfterMs) this.#replacements = 0;
    this.#afterLoss = false;
    if (this.#redialWanted) {
      this.#redialWanted = false;
      return { state: 'waiting', delayMs: settleMs };
    }
    if (isRefusal(end)) {
      this.#tellProblem();
      return { state: 'refused', delayMs: backoffDelayMs(0, { ...refusedBackoff, random }) };
    }
    if (end.untrusted) this.#tellUntrusted();
    else if (end.loginPage) this.#tellLoginPage(end.loginPage);
    else if (this.#unanswered >= unansweredTries) this.#tellUnanswered(end);
    const replaced = isReplacement(end);
    this.#afterLoss = replaced || (end.livedMs !== undefined && end.code === 1006);
    if (replaced) return { state: 'waiting', delayMs: this.#delayAfterReplacement() };
    const delayMs = backoffDelayMs(this.#attempt, { ...backoff, random });
    this.#attempt += 1;
    return { state: 'waiting', delayMs };
  }

  #delayAfterReplacement(): number {
    const { random, label } = this.#options;
    this.#replacements += 1;
    this.#options.onReplaced?.();
    this.#tellOf(
      ErrorCode.transportRefused,
      `Another program uses the same ${label}; only one can. Stop the other, or give this device an address of its own.`,
    );
    if (this.#replacements === 1) return settleMs + Math.round(random() * settleMs);
    return backoffDelayMs(this.#replacements - 2, { ...replacedBackoff, random });
  }

  #tellProblem(): void {
    const { label } = this.#options;
    const { url } = this.status;
    const said = this.#lastClose?.reason ? ` It said: ${this.#lastClose.reason}.` : '';
    this.#tellOf(
      ErrorCode.transportRefused,
      `The ${label} at ${url} refused this device.${said} Copy its address and token again; the next attempt is in 5 minutes.`,
    );
  }

  #tellUnanswered(end: SocketEnd): void {
    const { label } = this.#options;
    const { url } = this.status;
    this.#tellOf(
      ErrorCode.transportUnreachable,
      `The ${label} at ${url} cannot be reached: ${whyUnanswered(end, this.#lastClose?.reason ?? '')}. Check its address and your network; it is tried again for as long as it takes.`,
    );
  }

  /** Nobody has to try three times to know it. */
  #tellLoginPage(said: Words): void {
    const { label } = this.#options;
    this.#tellOf(
      ErrorCode.transportUnreachable,
      `The ${label} at ${this.status.url} cannot be reached: ${inWords(said, 'en')}. It is tried again for as long as it takes.`,
    );
  }

  #tellUntrusted(): void {
    const { label } = this.#options;
    this.#tellOf(
      ErrorCode.transportTls,
      `The certificate of the ${label} at ${this.status.url} cannot be trusted (${this.#lastClose?.reason}). If this is your own server, put its CA certificate into a file and set caFile beside the url to it.`,
    );
  }

  #tellOf(code: ErrorCode, message: string): void {
    this.#tell(new ClientError(code, message, { retryable: true }));
  }

  #tell(problem: ClientError): void {
    if (this.#problemTold) return;
    this.#problemTold = true;
    this.#options.onProblem(problem);
  }

  #logEnd(delayMs: number): void {
    const { logger, label } = this.#options;
    const fields = { link: label, ...this.#lastClose, nextAttemptInMs: delayMs };
    if (this.#attempt <= 1) logger.info('No connection; the next attempt follows', fields);
    else logger.debug('Still no connection', fields);
  }

  #become(state: OutboundLinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onChange();
  }
}

/** Also for `doctor`. `reason`: without secrets. */
export function whyUnanswered({ httpStatus, loginPage, failure }: SocketEnd, reason: string): string {
  if (loginPage) return inWords(loginPage, 'en');
  if (httpStatus !== undefined) return `it answers with HTTP ${httpStatus}`;
  const known = networkWords(failure);
  return known === undefined ? reason || 'it does not answer' : inWords(known, 'en');
}

/** Close code 4004 is no refusal: the official broker uses it for its own troubles (mcp.md 2.1). */
const isRefusal = ({ code, httpStatus }: SocketEnd): boolean =>
  code === 1008 || httpStatus === 401 || httpStatus === 403;

/** "Replaced by a new connection", as the self-hosted relay says it. */
const isReplacement = ({ code, reason }: SocketEnd): boolean =>
  code === 1000 && reason.includes('新连接替换');

/** Requests in one message; nobody has more. */
const maxBatch = 100;

/** None for JSON that is no object; several for a batch, whose requests are answered one by one. */
function parseObjects(text: string): readonly Readonly<Record<string, unknown>>[] | 'not JSON' {
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return exactObject(value, text);
    const batch = parseExact(text) as readonly unknown[];
    return batch.slice(0, maxBatch).flatMap((one) => {
      const own = stringifyExact(one) ?? 'null';
      return exactObject(JSON.parse(own), own);
    });
  } catch {
    return 'not JSON';
  }
}

function exactObject(value: unknown, text: string): readonly Readonly<Record<string, unknown>>[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const json = withExactMember(value as Readonly<Record<string, unknown>>, text, ['params', 'arguments']);
  return [withExactMember(json, text, ['params', 'args'])];
}
