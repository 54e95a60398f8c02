import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { IdleSignal } from '../../ports/idle-signal.ts';
import type { AccessPointStatus, LinkServer } from '../../ports/outbound-link.ts';
import { parseErrorAnswer } from '../../protocol/parse-error.ts';
import { CallTimes } from './call-times.ts';
import { OutboundLink, type ReadAuthorities } from './outbound-link.ts';
import { Reannouncer } from './reannouncer.ts';

/** What the MCP server at one connection has to know of it. */
export interface AccessPointConnection {
  send(payload: unknown): boolean;
  readonly failures: 'rpc-error' | 'tool-result';
  readonly replyWithinMs: number;
  readonly maxPageBytes: number;
  readonly maxPayloadBytes: () => number;
  readonly maxPageTools: number;
}

/** The MCP server at one connection. */
export interface AccessPointServer extends LinkServer {
  isOutdated(): boolean;
  announceChange(): void;
  /** Calls that wait for their answer. */
  readonly openCalls: number;
}

export interface AccessPointOptions {
  readonly name: string;
  /** `ws:` or `wss:`; the token in its query is the only credential. */
  readonly url: string;
  readonly caFile?: string | undefined;
  readonly profile: 'official' | 'self-hosted';
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly readAuthorities: ReadAuthorities;
  readonly idle: IdleSignal;
  /** One for each connection. */
  openServer(connection: AccessPointConnection): AccessPointServer;
  /** The state has changed. Must not throw. */
  onStatus(status: AccessPointStatus): void;
  /** Somebody should look. Must not throw. */
  onProblem(error: ClientError): void;
}

export interface AccessPoint {
  start(): void;
  /** Resolves when the connection is closed. */
  stop(): Promise<void>;
  status(): AccessPointStatus;
  /** The list of tools may have changed: the other end is told, or met anew when nobody talks. */
  toolsChanged(): void;
  /** See `OutboundLink.checkLife`. */
  checkLife(): void;
}

/**
 * The official broker shows the model results only and waits 300 s; the relay shows errors only and waits 30 s (mcp.md 2.2,
 * 2.3). Both want all tools on one page.
 */
const dialects = {
  official: { failures: 'tool-result', replyWithinMs: 290_000 },
  'self-hosted': { failures: 'rpc-error', replyWithinMs: 25_000 },
} as const;
export const onePage = { maxPageBytes: 1_000_000, maxPageTools: 10_000 };
/** What WebSocket servers in Python take in one message when nobody set a limit is 1 MiB; a longer one ends the connection. */
const maxPayloadBytes = () => 1_040_000;
/** A relay that has mixed up the old connection and the new one sends nothing, for ever (mcp.md 2.3). */
const suspiciousSilenceMs = 5000;
/**
 * … and some forget the connection later, when that of the other program ends: as long as nothing is called after we were
 * replaced, the place is taken anew, each time later.
 */
const doubtMs = 600_000;
const firstDoubtMs = 30_000;

/** An access point (接入点): we dial, they speak first, and call our tools. */
export function createAccessPoint(options: AccessPointOptions): AccessPoint {
  const { name, url, caFile, profile, clock, idle } = options;
  const times = new CallTimes(clock);
  let server: AccessPointServer | undefined;
  let closing: Promise<void> = Promise.resolve();
  let suspicion: TimerHandle;
  let doubt: TimerHandle;
  let doubtUntilMs = Number.NEGATIVE_INFINITY;
  let doubts = 0;
  let lastList: { readonly at: number; readonly toolCount: number } | undefined;

  const link = new OutboundLink({
    ...options,
    label: name === '' ? 'access point' : `access point ${name}`,
    target: () => ({ url, caFile }),
    onNotJson: () => void send(parseErrorAnswer),
    onOpen({ afterLoss }) {
      link.logConnected();
      server = options.openServer({ send, maxPayloadBytes, ...dialects[profile], ...onePage });
      if (afterLoss) suspicion = clock.setTimeout(() => link.redial(), suspiciousSilenceMs);
      const delayMs = firstDoubtMs * 2 ** doubts;
      if (clock.now() + delayMs <= doubtUntilMs) doubt = clock.setTimeout(takePlaceAnew, delayMs);
    },
    onMessage(payload) {
      clock.clearTimeout(suspicion);
      if (payload.method === 'tools/call') {
        times.began(payload.id);
        trust();
      }
      server?.receive(payload);
    },
    onReplaced() {
      if (clock.now() > doubtUntilMs) doubts = 0;
      doubtUntilMs = clock.now() + doubtMs;
    },
    onClosed() {
      clock.clearTimeout(suspicion);
      clock.clearTimeout(doubt);
      reannouncer.reset();
      times.forget();
      const ended = server;
      server = undefined;
      closing = Promise.all([closing, ended?.close()]).then(() => {});
    },
    onChange: () => options.onStatus(status()),
  });

  const reannouncer = new Reannouncer({
    clock,
    idle,
    isOutdated: () => server?.isOutdated() ?? false,
    isBusy: () => (server?.openCalls ?? 0) > 0,
    announce: () => server?.announceChange(),
    redial: () => link.redial(),
  });

  function trust(): void {
    link.noteServed();
    clock.clearTimeout(doubt);
    doubtUntilMs = Number.NEGATIVE_INFINITY;
  }

  function takePlaceAnew(): void {
    doubts += 1;
    link.redial();
  }

  function send(payload: unknown): boolean {
    const { id, result } = payload as {
      readonly id?: unknown;
      readonly result?: { readonly tools?: unknown };
    };
    times.answered(id);
    if (Array.isArray(result?.tools)) lastList = { at: options.wallClock(), toolCount: result.tools.length };
    return link.send(payload);
  }

  const status = (): AccessPointStatus => ({
    name,
    ...link.status,
    ...times.summary,
    ...(lastList && { lastListAt: lastList.at, toolCount: lastList.toolCount }),
  });

  return {
    start: () => link.start(),
    async stop() {
      reannouncer.stop();
      await link.stop();
      await closing;
      options.logger.debug('Access point stopped', { ...link.counters });
    },
    status,
    toolsChanged: () => reannouncer.changed(),
    checkLife: () => link.checkLife(),
  };
}
