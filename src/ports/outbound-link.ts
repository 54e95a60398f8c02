/**
 * `connecting`: dialling, or waiting for the other end to accept us · `waiting`: for the next attempt · `refused`: the other
 * end does not want us as we are; the next attempt is far off and somebody should look.
 */
export type OutboundLinkState = 'connecting' | 'connected' | 'waiting' | 'refused' | 'stopped';

/** How a connection that we dial is; for people, the control API and the CLI. Holds no secret. */
export interface OutboundLinkStatus {
  readonly name: string;
  /** Without what may be secret: `wss://host/path?…`. */
  readonly url: string;
  readonly state: OutboundLinkState;
  /** How the last connection ended; 1006 is one that was cut or never came about. */
  readonly lastClose?: { readonly code: number; readonly reason: string } | undefined;
  readonly nextAttemptInMs?: number | undefined;
  /** Calls taken since the start. */
  readonly calls: number;
  /** From a call to its answer, over the latest 256 calls. */
  readonly callMs?: { readonly p50: number; readonly p95: number } | undefined;
}

export interface AccessPointStatus extends OutboundLinkStatus {
  /** When tools were read last, ms since 1970. */
  readonly lastListAt?: number | undefined;
  /** Tools in that list. */
  readonly toolCount?: number | undefined;
}

export interface TunnelStatus extends OutboundLinkStatus {
  /** Whom the token belongs to, as the other end says; while connected. */
  readonly userId?: string | undefined;
  /** Tools that the other end has approved; not there before it has said so. */
  readonly approvedTools?: number | undefined;
}

/** Who answers what comes over one connection. Its methods never throw. */
export interface LinkServer {
  receive(payload: Readonly<Record<string, unknown>>): void;
  /** The connection is gone: nothing is sent from now on. Idempotent. */
  close(): Promise<void>;
}
