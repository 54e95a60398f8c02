import type { DeviceStatus } from '../core/device-status.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { MountStatus } from './mounted-server.ts';
import type { AccessPointStatus, TunnelStatus } from './outbound-link.ts';
import type { StatusEvent } from './status-display.ts';
import type { VerbControl } from './verbs.ts';

// What the control API may do with the device. Every function may reject with a ClientError; its message is shown.

export interface DeviceReport {
  readonly state: DeviceStatus;
  readonly version: string;
  readonly uptimeMs: number;
  readonly volumePercent: number;
  /** The loudspeaker. */
  readonly muted: boolean;
  readonly microphoneMuted: boolean;
  /** Of conversations that begin from now on. */
  readonly mode: 'auto' | 'manual' | 'realtime';
  readonly tools: { readonly offered: number; readonly held: number };
  /** Where the control API listens on TCP, once it does. */
  readonly controlPort?: number | undefined;
}

export interface ControlledTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  readonly source: 'builtin' | 'custom' | 'mounted';
  /** What it comes and goes with: `device`, `configuration`, `installed`, `mount:NAME`. */
  readonly group: string;
  readonly mode: 'sync' | 'async' | 'background';
  readonly audience: 'model' | 'user';
  /** `held`: waits for an approval. `denied`: the configuration does not allow it. */
  readonly state: 'offered' | 'held' | 'denied';
  /** Of a held tool: stands for what is shown here, in an approval. */
  readonly fingerprint?: string | undefined;
}

/** What somebody has read and approves: one tool of one group, as it was shown. */
export interface SeenTool {
  readonly group: string;
  readonly fingerprint: string;
}

/** An approval of something that is not, or no longer, what is held: it is shown again. */
export class NotAsShownError extends ClientError {
  readonly held: readonly ControlledTool[];

  constructor(held: readonly ControlledTool[], message: string) {
    super(ErrorCode.conflict, message);
    this.held = held;
  }
}

export type ControlledCall =
  | {
      readonly status: 'done';
      readonly output:
        | { readonly kind: 'text'; readonly text: string }
        | { readonly kind: 'json'; readonly value: unknown }
        | { readonly kind: 'image'; readonly base64: string; readonly mimeType: string };
    }
  /** The run goes on as a task, and its result is spoken. */
  | { readonly status: 'started' | 'running'; readonly taskId: string };

export interface ToolControl {
  list(): readonly ControlledTool[];
  /** Aborted by `signal`, the tool is stopped. */
  call(name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<ControlledCall>;
  /** Adds or replaces. The definition is unchecked. */
  install(definition: unknown): Promise<ControlledTool>;
  remove(name: string): Promise<void>;
  /** @throws NotAsShownError where the tool that is held is not the one that was seen */
  approve(name: string, seen: SeenTool | undefined): Promise<ControlledTool>;
}

export interface ControlledMount extends MountStatus {
  /** Who added it. */
  readonly origin: 'configuration' | 'installed';
  /** Tools that wait for an approval. */
  readonly held: readonly string[];
}

export interface MountControl {
  list(): readonly ControlledMount[];
  /** The definition is unchecked. */
  add(name: string, definition: unknown): Promise<ControlledMount>;
  remove(name: string): Promise<void>;
  restart(name: string): Promise<ControlledMount>;
  enable(name: string): Promise<ControlledMount>;
  disable(name: string): Promise<ControlledMount>;
  /**
   * Offers all its tools, `seen` by name with their fingerprints.
   * @throws NotAsShownError where one that is held is not among them
   */
  approve(name: string, seen: Readonly<Record<string, string>>): Promise<ControlledMount>;
  /** Newest last. */
  logs(name: string): Promise<readonly string[]>;
}

export interface ControlledTask {
  readonly id: string;
  readonly tool: string;
  readonly state: 'accepted' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
  /** Wall-clock times, ms since 1970. */
  readonly acceptedAtMs: number;
  readonly finishedAtMs?: number | undefined;
  readonly deliveredAtMs?: number | undefined;
  readonly expiredAtMs?: number | undefined;
}

export interface ControlledTaskResult extends ControlledTask {
  readonly args: Readonly<Record<string, unknown>>;
  readonly channel: string;
  /** The result, or what went wrong as a sentence. */
  readonly text: string;
}

export interface TaskControl {
  list(): readonly ControlledTask[];
  get(id: string): ControlledTaskResult | undefined;
  /** False when no such task runs. */
  cancel(id: string): boolean;
}

export type AccessPointReport = (AccessPointStatus | TunnelStatus) & {
  readonly kind: 'access-point' | 'tunnel';
};

/** A family of figures, in the words of Prometheus. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

export interface ControlPowers {
  status(): DeviceReport;
  readonly verbs: VerbControl;
  readonly tools: ToolControl;
  readonly mounts: MountControl;
  readonly tasks: TaskControl;
  accessPoints(): readonly AccessPointReport[];
  metrics(): readonly Metric[];
  /** Everything the device tells; returns the unsubscription. Listeners must not throw. */
  subscribe(listener: (event: StatusEvent) => void): () => void;
  /** The device's own tools as an MCP server: one exchange of its streamable HTTP. Never rejects. */
  mcp(request: Request): Promise<Response>;
}
