import type { Transport } from '@modelcontextprotocol/client';
import type { Clock } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import type { McpClientConnection } from '../../ports/mcp-client.ts';

/** The way to a server, over which a protocol client is then connected. */
export interface Road {
  readonly kind: McpClientConnection['transport'];
  readonly transport: Transport;
  readonly pid?: number | undefined;
  /** Why the road is gone, when nobody closed it, or why it cannot be opened. */
  problem(): ClientError | undefined;
  /** How often the server has shown so far that it is there, by answers or otherwise. */
  heard(): number;
  /** Ends everything that belongs to it and resolves when nothing is left. Idempotent; never rejects. */
  close(): Promise<void>;
}

export interface RoadHooks {
  readonly clock: Clock;
  onLog(line: string): void;
  /** Once, when the road has ended without `close`. */
  onLost(error: ClientError): void;
}
