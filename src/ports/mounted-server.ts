import type { McpServerTarget } from './mcp-client.ts';
import type { ToolDescription } from './tool-definition.ts';

/** What a call of a mounted tool means for the conversation and how long it may take; as for configured tools. */
export type MountedToolPolicy = Pick<
  ToolDescription,
  'audience' | 'mode' | 'timeoutMs' | 'handoffMs' | 'maxResultBytes' | 'idempotent' | 'parallel'
>;

/** What the user says about one tool of a server; what is not said is that of the server, or of the tool itself. */
export interface MountedToolOverride extends Partial<MountedToolPolicy> {
  readonly enable?: boolean;
  readonly description?: string;
  /** Offered under this name, without the server's prefix. */
  readonly alias?: string;
}

/** One entry of `mcpServers` joined with its entry of `mcpServerConfig`, checked and complete. */
export interface MountedServerDefinition {
  readonly name: string;
  /** Place in the configuration; the order in which tools are listed follows from it. */
  readonly position: number;
  readonly target: McpServerTarget;
  readonly enabled: boolean;
  /** `eager`: with the device · `lazy`: with the first call · `manual`: when somebody asks for it. */
  readonly start: 'eager' | 'lazy' | 'manual';
  /** Stopped after so long without a call; not set: never. */
  readonly idleStopMs?: number | undefined;
  /** Limit for connecting, initialising and the first list. */
  readonly startTimeoutMs: number;
  /** How often a quiet connection is pinged; 0 = never. */
  readonly pingIntervalMs: number;
  /** False: new tools and changed descriptions are not offered before somebody has approved them. */
  readonly trusted: boolean;
  readonly policy: Omit<MountedToolPolicy, 'timeoutMs'> & { readonly timeoutMs?: number | undefined };
  /** By the name that the server gives the tool. */
  readonly tools: Readonly<Record<string, MountedToolOverride>>;
}

export type MountState = 'cold' | 'starting' | 'ready' | 'restarting' | 'failed' | 'disabled';

/** How a mounted server is; for people, the control API and the CLI. */
export interface MountStatus {
  readonly name: string;
  readonly state: MountState;
  /** Why it is `disabled`: its definition says so, or somebody said so at run time. */
  readonly switchedOffBy?: 'configuration' | 'command' | undefined;
  readonly transport?: 'stdio' | 'http' | 'sse' | undefined;
  readonly pid?: number | undefined;
  /** Tools offered at the moment, cached ones included. */
  readonly toolCount: number;
  /** Starts after the first one, since the budget was last full. */
  readonly restarts: number;
  /** When the next attempt is made, in ms from now. */
  readonly nextAttemptInMs?: number | undefined;
  /** Sentence of the last failure. */
  readonly lastProblem?: string | undefined;
  readonly calls: number;
  readonly failedCalls: number;
}
