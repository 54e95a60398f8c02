import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { LinkServer, TunnelStatus } from '../../ports/outbound-link.ts';
import { parseErrorAnswer } from '../../protocol/parse-error.ts';
import { CallTimes } from './call-times.ts';
import { OutboundLink, type ReadAuthorities } from './outbound-link.ts';

/** Where a tunnel leads and who we are there. */
export interface TunnelTarget {
  /** `ws:` or `wss:`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly token: string;
  readonly caFile?: string | undefined;
}

/** The tools at one connection. */
export interface TunnelLinkServer extends LinkServer {
  /** Sends the capability report when it is not what was reported last. */
  report(): void;
  readonly approvedTools: number | undefined;
}

export interface TunnelOptions {
  readonly name: string;
  readonly target: TunnelTarget;
  readonly clock: Clock;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly readAuthorities: ReadAuthorities;
  /** One for each connection, once the other end has accepted it. */
  openServer(send: (payload: unknown) => boolean): TunnelLinkServer;
  /** The state has changed. Must not throw. */
  onStatus(status: TunnelStatus): void;
  /** Somebody should look. Must not throw. */
  onProblem(error: ClientError): void;
}

export interface Tunnel {
  start(): void;
  /** Resolves when the connection is closed. */
  stop(): Promise<void>;
  status(): TunnelStatus;
  /** Other tools are reported; many changes at once are one report. */
  toolsChanged(): void;
  /** See `OutboundLink.checkLife`. */
  checkLife(): void;
  /** Closes the connection completely, then dials the new target. */
  reconfigure(target: TunnelTarget): void;
}

/** From the upgrade to `{"type":"connected"}`. */
const acceptTimeoutMs = 10_000;
const coalesceMs = 1000;
const maxUserIdCharacters = 200;

/** A tunnel: we dial with a token, are accepted, report what we can do, and are called. */
export function createTunnel(options: TunnelOptions): Tunnel {
  const { name, clock, logger } = options;
  const times = new CallTimes(clock);
  let { target } = options;
  let server: TunnelLinkServer | undefined;
  let closing: Promise<void> = Promise.resolve();
  let userId: string | undefined;
  let timer: TimerHandle;

  const link = new OutboundLink({
    ...options,
    label: name === '' ? 'tunnel' : `tunnel ${name}`,
    target: () => ({ ...target, headers: { Authorization: `Bearer ${target.token}` } }),
    onNotJson: () => void (server && send(parseErrorAnswer)),
    onOpen() {
      timer = clock.setTimeout(
        () => link.cut(`not accepted within ${acceptTimeoutMs / 1000} s`),
        acceptTimeoutMs,
      );
    },
    onMessage(message) {
      if (!server) {
        if (message.type === 'connected') accept(message.userId);
        return;
      }
      if (message.method === 'tool_call') {
        times.began(message.id);
        link.noteServed();
      }
      server.receive(message);
      if (message.type === 'approved_tools') options.onStatus(status());
    },
    onClosed() {
      clock.clearTimeout(timer);
      times.forget();
      const ended = server;
      server = undefined;
      userId = undefined;
      closing = Promise.all([closing, ended?.close()]).then(() => {});
    },
    onChange: () => options.onStatus(status()),
  });

  function accept(user: unknown): void {
    clock.clearTimeout(timer);
    timer = undefined;
    if (typeof user === 'string' || typeof user === 'number')
      userId = String(user).slice(0, maxUserIdCharacters);
    link.logConnected();
    server = options.openServer(send);
    server.report();
    options.onStatus(status());
  }

  function send(payload: unknown): boolean {
    times.answered((payload as { readonly id?: unknown }).id);
    return link.send(payload);
  }

  function status(): TunnelStatus {
    const { state, ...rest } = link.status;
    return {
      name,
      ...rest,
      state: state === 'connected' && !server ? 'connecting' : state,
      ...times.summary,
      ...(userId !== undefined && { userId }),
      ...(server?.approvedTools !== undefined && { approvedTools: server.approvedTools }),
    };
  }

  return {
    start: () => link.start(),
    async stop() {
      await link.stop();
      await closing;
      logger.debug('Tunnel stopped', { ...link.counters });
    },
    status,
    checkLife: () => link.checkLife(),
    toolsChanged() {
      if (!server || timer !== undefined) return;
      timer = clock.setTimeout(() => {
        timer = undefined;
        server?.report();
      }, coalesceMs);
    },
    reconfigure(next) {
      target = next;
      link.retarget();
    },
  };
}
