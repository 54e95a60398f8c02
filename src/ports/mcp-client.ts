import type { ClientError } from '../core/errors.ts';

/** A tool as a foreign server lists it, checked one by one: what is wrong with one costs only that one. */
export interface ForeignTool {
  /** As the server calls it. */
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>> & { readonly type: 'object' };
}

/** What a foreign server offers, all pages read, and what could not be used of it, a sentence each. */
export interface ForeignToolList {
  readonly tools: readonly ForeignTool[];
  readonly faults: readonly string[];
}

export type ForeignContent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly data: string; readonly mimeType: string }
  /** A block that says that the call failed, and why. */
  | { readonly type: 'failure'; readonly text: string }
  /** Something that is no text and no picture, for the report. */
  | { readonly type: 'other'; readonly kind: string }
  /** Something that is not understood: nobody may be told that it is done. */
  | { readonly type: 'unreadable'; readonly kind: string };

export interface ForeignResult {
  readonly content: readonly ForeignContent[];
  readonly structuredContent?: unknown;
  readonly isError: boolean;
}

export interface ForeignCallOptions {
  /** Aborted: the server is told (`notifications/cancelled`) and the promise rejects. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** What happens on a connection without being asked for. Must not throw. */
export interface McpClientHooks {
  /** `notifications/tools/list_changed`, coalesced. */
  onToolsChanged(): void;
  /** Once, when the connection has ended without `close` having been called. */
  onClosed(error: ClientError): void;
  /** A line of the server's standard error or of its log notifications, without secrets of the configuration. */
  onLog(line: string): void;
}

/** A live, initialised connection to one foreign MCP server. */
export interface McpClientConnection {
  /** For people: `stdio`, `http`, `sse`. */
  readonly transport: 'stdio' | 'http' | 'sse';
  readonly server: { readonly name: string; readonly version: string };
  /** stdio: the process that was started. */
  readonly pid?: number;
  /** @throws ClientError */
  listTools(signal: AbortSignal): Promise<ForeignToolList>;
  /**
   * @throws ClientError; TOOL_UNREACHABLE when the connection is gone. TOOL_SESSION_LOST: the server has forgotten us and
   * did not run the call, so it may be made once more over a new connection; `onClosed` is called, too.
   */
  callTool(
    name: string,
    args: Readonly<Record<string, unknown>>,
    options: ForeignCallOptions,
  ): Promise<ForeignResult>;
  /** @throws ClientError when no answer comes within the time */
  ping(timeoutMs: number): Promise<void>;
  /** Ends the connection, and with stdio every process of the server. Idempotent; never rejects. */
  close(): Promise<void>;
}

/**
 * Connects and initialises. Aborted by `signal` at any moment, leaving nothing behind.
 * @throws ClientError with a sentence for the person, and no secret in it
 */
export type ConnectMcpServer = (
  target: McpServerTarget,
  hooks: McpClientHooks,
  signal: AbortSignal,
) => Promise<McpClientConnection>;

export type McpServerTarget =
  | {
      readonly type: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      /** Added to the few variables that children inherit. */
      readonly env: Readonly<Record<string, string>>;
      /** Absolute. */
      readonly cwd: string;
    }
  | {
      readonly type: 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      /** `auto`: streamable HTTP, then SSE. */
      readonly transport: 'auto' | 'streamable' | 'sse';
      /** PEM file with an authority that is trusted beside the usual ones. */
      readonly caFile?: string;
    };
