import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import type {
  ConnectMcpServer,
  ForeignResult,
  ForeignTool,
  McpClientConnection,
  McpClientHooks,
  McpServerTarget,
} from '../../src/ports/mcp-client.ts';
import type { MountedServerDefinition } from '../../src/ports/mounted-server.ts';

export const foreignTool = (name: string, description = `Does ${name}.`): ForeignTool => ({
  name,
  description,
  inputSchema: { type: 'object' },
});

export const said = (text: string): ForeignResult => ({ content: [{ type: 'text', text }], isError: false });

export const unreachable = (message = 'The process has ended.'): ClientError =>
  new ClientError(ErrorCode.toolUnreachable, message, { retryable: true });

export const sessionLost = (): ClientError =>
  new ClientError(ErrorCode.toolSessionLost, 'The server has forgotten the session.', { retryable: true });

/** A definition with the defaults of the configuration. */
export function definitionOf(
  name: string,
  fields: Partial<MountedServerDefinition> = {},
): MountedServerDefinition {
  return {
    name,
    position: 0,
    target: { type: 'stdio', command: name, args: [], env: {}, cwd: '/' },
    enabled: true,
    start: 'eager',
    startTimeoutMs: 30_000,
    pingIntervalMs: 30_000,
    trusted: true,
    policy: {
      audience: 'model',
      mode: 'sync',
      handoffMs: 6000,
      maxResultBytes: 1024,
      idempotent: false,
      parallel: false,
    },
    tools: {},
    ...fields,
  };
}

/** One connection that was made to the fake server. */
export interface FakeConnection extends McpClientConnection {
  readonly hooks: McpClientHooks;
  readonly calls: { readonly name: string; readonly args: unknown; readonly timeoutMs: number }[];
  readonly isClosed: boolean;
  pings: number;
  lists: number;
}

/** A foreign server behind the port, as the test tells it to be. */
export class FakeMcpServer {
  tools: readonly ForeignTool[] = [foreignTool('echo')];
  faults: readonly string[] = [];
  /** What happens on `connect`; an error is a start that fails. */
  starting: 'well' | 'hangs' | ClientError = 'well';
  listing: 'well' | 'hangs' | ClientError = 'well';
  pinging: 'well' | ClientError = 'well';
  transport: 'stdio' | 'http' = 'stdio';
  /** The answer to a call. */
  answer: (name: string, args: unknown) => Promise<ForeignResult> = (name) => Promise.resolve(said(name));
  /** Tries to connect. */
  tries = 0;
  readonly connections: FakeConnection[] = [];
  readonly targets: McpServerTarget[] = [];

  readonly connect: ConnectMcpServer = async (target, hooks, signal) => {
    this.tries += 1;
    this.targets.push(target);
    if (this.starting === 'hangs') await aborted(signal);
    if (this.starting instanceof ClientError) throw this.starting;
    const connection = this.#connection(hooks);
    this.connections.push(connection);
    return connection;
  };

  /** The newest connection. */
  get live(): FakeConnection {
    const connection = this.connections.at(-1);
    if (!connection) throw new Error('nobody has connected');
    return connection;
  }

  /** The newest connection ends without having been asked to. */
  die(error = unreachable()): void {
    this.live.hooks.onClosed(error);
  }

  #connection(hooks: McpClientHooks): FakeConnection {
    const server = this;
    let isClosed = false;
    const connection: FakeConnection = {
      hooks,
      transport: this.transport,
      server: { name: 'fake', version: '1' },
      calls: [],
      pings: 0,
      lists: 0,
      get isClosed() {
        return isClosed;
      },
      async listTools(signal) {
        connection.lists += 1;
        if (server.listing === 'hangs') await aborted(signal);
        if (server.listing instanceof ClientError) throw server.listing;
        return { tools: server.tools, faults: server.faults };
      },
      callTool(name, args, { timeoutMs }) {
        connection.calls.push({ name, args, timeoutMs });
        return server.answer(name, args);
      },
      ping() {
        connection.pings += 1;
        return server.pinging === 'well' ? Promise.resolve() : Promise.reject(server.pinging);
      },
      close() {
        isClosed = true;
        return Promise.resolve();
      },
    };
    return connection;
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
