/** What the user says about a configured tool, whatever runs it (contract §4, `mcp.tools[]`, `customMCP.tools[]`). */
export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema of type object. */
  readonly inputSchema: Readonly<Record<string, unknown>> & { readonly type: 'object' };
  readonly audience: 'model' | 'user';
  readonly mode: 'sync' | 'async' | 'background';
  readonly timeoutMs: number;
  readonly handoffMs: number;
  readonly maxResultBytes: number;
  readonly idempotent: boolean;
  readonly parallel: boolean;
}

/** A program: arguments as JSON on its standard input, result on its standard output. */
export interface SubprocessTarget {
  readonly type: 'subprocess';
  /** Program and fixed arguments, already split into words; no shell ever sees them. */
  readonly command: readonly [program: string, ...words: string[]];
  /** Further arguments; `{{name}}` stands for an argument of the call. */
  readonly args: readonly string[];
  /** Where the program runs, relative to the directory of the configuration file; not set: that directory itself. */
  readonly cwd?: string | undefined;
  /** Added to the few variables that children inherit. */
  readonly env: Readonly<Record<string, string>>;
  /** Of what it prints; not set: UTF-8, or what the locale says. */
  readonly encoding?: string | undefined;
}

/** A secret as it is, or the variable of the device's environment that holds it. */
export type Secret = string | { readonly env: string };

export type HttpAuth =
  | { readonly type: 'bearer'; readonly token: Secret }
  | { readonly type: 'basic'; readonly username: string; readonly password: Secret }
  | { readonly type: 'header'; readonly name: string; readonly value: Secret }
  | { readonly type: 'query'; readonly name: string; readonly value: Secret };

/** In JSON, `{{name}}` is text within quotes and elsewhere the value as it is. */
export interface BodyTemplate {
  readonly kind: 'json' | 'text';
  readonly template: string;
}

/** One HTTP request per call. */
export interface HttpTarget {
  readonly type: 'http';
  /** `{name}` in path and query stands for an argument of the call, percent-encoded. */
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** How arguments travel with POST, PUT and PATCH; with GET and DELETE they are the query. */
  readonly body: 'json' | 'form';
  readonly headers: Readonly<Record<string, string>>;
  readonly auth?: HttpAuth | undefined;
  /** Where the result is in a JSON answer: `data.items.0.title`. */
  readonly resultPath?: string | undefined;
  /** The query, `{{name}}` being arguments of the call; given, no other argument goes there by itself. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** The body with `{{name}}`; given, no other argument goes there by itself. */
  readonly bodyTemplate?: BodyTemplate | undefined;
  /** What a JSON answer must hold there for the call to have succeeded: anything but false, null, 0, "" or nothing. */
  readonly successPath?: string | undefined;
  /** Where a JSON answer says what went wrong; without `successPath`, to say something there is to fail. */
  readonly errorPath?: string | undefined;
  /** The result as a text in which `{{path}}` stands for a part of what is at `resultPath`. */
  readonly resultTemplate?: string | undefined;
  /** What is done once more when the server cannot be reached or says that it is busy. */
  readonly retry?: { readonly count: number; readonly delayMs: number } | undefined;
}

/** A workflow at Coze. */
export interface CozeTarget {
  readonly type: 'coze';
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly token: Secret;
  readonly workflowId: string;
  /** Sent with the arguments of every call; they win over arguments with the same name. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A function of a JavaScript module. */
export interface ModuleTarget {
  readonly type: 'custom';
  /** Path of the module, relative to the directory of the configuration file. */
  readonly module: string;
  /** Name of the export. */
  readonly function: string;
  /** Given to each call as it is. */
  readonly context: Readonly<Record<string, unknown>>;
  /** In a process of its own, which all tools of the module share, or in the device's process, where nothing can stop it. */
  readonly runsIn: 'worker' | 'device';
}

/** How messages are told apart on a byte stream: a line each, or a length (u32, big-endian) before each. */
export type Framing = 'newline' | 'length';

export interface StreamProtocol {
  readonly framing: Framing;
  /** With a method, request and answer are JSON-RPC 2.0; without, the arguments are the request. */
  readonly method?: string | undefined;
  /**
   * `newline` without a method: what the answer is. `line`: the first · `json`: a JSON value · `close`: all until the peer closes ·
   * `auto`: all until it closes, a JSON value is complete, or nothing follows a line for `readIdleMs`.
   */
  readonly read: 'auto' | 'line' | 'json' | 'close';
  readonly readIdleMs: number;
  readonly encoding?: string | undefined;
}

export interface TcpTarget extends StreamProtocol {
  readonly type: 'tcp';
  readonly host: string;
  readonly port: number;
}

export interface UnixTarget extends StreamProtocol {
  readonly type: 'unix';
  /** Path of the socket. */
  readonly path: string;
}

/** JSON-RPC 2.0 over one kept connection, shared by all tools with the same URL. */
export interface WebSocketTarget {
  readonly type: 'websocket';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Not set: the name of the tool. */
  readonly method?: string | undefined;
}

export type ToolTarget =
  | SubprocessTarget
  | HttpTarget
  | TcpTarget
  | UnixTarget
  | WebSocketTarget
  | CozeTarget
  | ModuleTarget;

/** One entry of `mcp.tools[]` or `customMCP.tools[]`, checked and complete. */
export type ToolDefinition<Target extends ToolTarget = ToolTarget> = ToolDescription & {
  readonly target: Target;
};
