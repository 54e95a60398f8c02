import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createControlClient } from '../../src/adapters/control/control-client.ts';
import { createJsonFileStorage } from '../../src/adapters/storage/json-file.ts';
import { createControl } from '../../src/app-control.ts';
import { createInstallService, createMountSwitches, createQuarantine } from '../../src/app-installs.ts';
import { ConfigSchema } from '../../src/config/schema.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { sourceOf } from '../../src/mcp/control/mount-source.ts';
import { createMounts } from '../../src/mcp/mounts/mounts.ts';
import { createToolListCache } from '../../src/mcp/mounts/tool-list-cache.ts';
import type { Tool } from '../../src/mcp/tool.ts';
import type { ForeignTool, McpClientHooks } from '../../src/ports/mcp-client.ts';
import type { MountedServerDefinition } from '../../src/ports/mounted-server.ts';
import type { AccessPointStatus, TunnelStatus } from '../../src/ports/outbound-link.ts';
import type { AudioCounters, StatusEvent } from '../../src/ports/status-display.ts';
import type { DeviceState, Verb } from '../../src/ports/verbs.ts';
import { createEventHub } from '../../src/runtime/event-hub.ts';
import { mcpParts } from './mcp-parts.ts';

const directories: string[] = [];
const running = new Set<{ close(): Promise<void> }>();

export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'control-'));
  directories.push(directory);
  return directory;
}

/** For `afterEach`. */
export async function endControls(): Promise<void> {
  await Promise.all([...running].map((one) => one.close()));
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** A server of others whose tools can be changed; it answers calls with their arguments. */
export class ForeignServer {
  tools: ForeignTool[];
  isThere = true;
  #hooks = new Set<McpClientHooks>();

  constructor(...descriptions: string[]) {
    this.tools = descriptions.map((description, index) => foreignTool(`tool${index + 1}`, description));
  }

  connect = (_target: unknown, hooks: McpClientHooks) => {
    if (!this.isThere)
      return Promise.reject(new ClientError(ErrorCode.toolUnreachable, 'It does not start.'));
    this.#hooks.add(hooks);
    hooks.onLog('hello from the server');
    return Promise.resolve({
      transport: 'stdio' as const,
      server: { name: 'fake', version: '1' },
      pid: 4711,
      listTools: () => Promise.resolve({ tools: [...this.tools], faults: [] }),
      callTool: (_name: string, args: unknown) =>
        Promise.resolve({ content: [{ type: 'text' as const, text: JSON.stringify(args) }], isError: false }),
      ping: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  };

  change(...descriptions: string[]): void {
    this.tools = descriptions.map((description, index) => foreignTool(`tool${index + 1}`, description));
    for (const hooks of this.#hooks) hooks.onToolsChanged();
  }
}

export const foreignTool = (name: string, description: string): ForeignTool => ({
  name,
  description,
  inputSchema: { type: 'object' },
});

export interface ControlSetting {
  /** Kept over a restart. */
  readonly directory?: string;
  readonly tools?: readonly Tool[];
  readonly control?: unknown;
  readonly foreign?: ForeignServer;
  /** Those of the configuration. */
  readonly mounts?: readonly MountedServerDefinition[];
}

const counters: AudioCounters = {
  uplink: { captured: 5, encoded: 5, sent: 4, dropped: 1 },
  downlink: {
    received: 7,
    decoded: 7,
    concealed: 0,
    late: 0,
    dropped: 0,
    played: 7,
    underruns: 0,
    rejected: {},
  },
  jitterDelayMs: 60,
};

type Ask = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>;

interface Held {
  readonly name: string;
  readonly group: string;
  readonly state: string;
  readonly fingerprint: string;
}

/** Approves what is held of a tool or of a mount, as it is shown now. */
export async function approveHeld(ask: Ask, kind: 'tools' | 'mounts', name: string): Promise<unknown> {
  const { tools } = (await ask('GET', '/v1/tools')) as { tools: readonly Held[] };
  const held = tools.filter(({ state }) => state === 'held');
  const one = held.find((tool) => tool.name === name);
  const all = held.filter(({ group }) => group === `mount:${name}`);
  return await ask(
    'POST',
    `/v1/${kind}/${name}/approve`,
    kind === 'tools'
      ? { group: one?.group, fingerprint: one?.fingerprint }
      : { tools: Object.fromEntries(all.map((tool) => [tool.name, tool.fingerprint])) },
  );
}

/** The control API of a device whose sound is left out: real registry, dispatcher, tasks, mounts, state and socket. */
export async function startControl(setting: ControlSetting = {}) {
  const { directory = freshDirectory(), tools = [], foreign = new ForeignServer() } = setting;
  const parts = await mcpParts(tools);
  const clock = monotonicClock;
  const shown: StatusEvent[] = [];
  const problems: ClientError[] = [];
  const events = createEventHub({ show: (event) => shown.push(event) });
  const onProblem = (error: ClientError) => problems.push(error);
  const shared = {
    ...parts,
    clock,
    stateDirectory: directory,
    baseDirectory: directory,
    env: process.env,
    logger: silentLogger,
    display: events,
    onProblem,
  };
  const quarantine = await createQuarantine(shared);
  const mounts = createMounts({
    definitions: setting.mounts ?? [],
    switches: await createMountSwitches(shared),
    connect: foreign.connect,
    cache: createToolListCache(
      createJsonFileStorage({ directory: join(directory, 'cache'), onDamaged: onProblem }),
      silentLogger,
    ),
    clock,
    logger: silentLogger,
    random: () => 0.5,
    onTools: (group, offered, definition) => quarantine.publish(group, offered, sourceOf(definition)),
  });
  await mounts.start();
  const installing = await createInstallService({ ...shared, quarantine, mounts });
  await installing.start();
  const accessPoints: AccessPointStatus[] = [];
  const tunnels: TunnelStatus[] = [];
  const performed: Verb[] = [];
  const deviceState: DeviceState = {
    state: 'idle',
    volumePercent: 70,
    muted: false,
    microphoneMuted: false,
    mode: 'auto',
  };
  const control = createControl({
    ...shared,
    config: ConfigSchema.parse({ control: setting.control ?? {} }),
    startMs: clock.now(),
    events,
    quarantine,
    installs: installing.installs,
    mounts,
    links: () => ({ accessPoints, tunnels }),
    device: { counters },
    verbs: {
      state: () => deviceState,
      perform: (verb) => {
        performed.push(verb);
        return Promise.resolve(deviceState);
      },
    },
  });
  await control.start();
  const socketPath = join(directory, 'control.sock');
  const one = {
    ...parts,
    toolEvents: parts.events,
    directory,
    foreign,
    shown,
    problems,
    events,
    quarantine,
    mounts,
    accessPoints,
    tunnels,
    control,
    socketPath,
    performed,
    ask: createControlClient(socketPath).ask,
    async close() {
      running.delete(one);
      await control.close();
      await installing.close();
      await mounts.close();
      await parts.dispatcher.close();
    },
  };
  running.add(one);
  return one;
}
