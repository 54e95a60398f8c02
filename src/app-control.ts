import { createControlApi } from './adapters/control/control-api.ts';
import { loadPinyin } from './adapters/text/pinyin.ts';
import { controlSocketPath } from './config/control-socket.ts';
import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import type { ClientError } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import { programVersion } from './core/version.ts';
import type { AccessList } from './mcp/access-list.ts';
import { createHttpEndpoint } from './mcp/control/http-endpoint.ts';
import type { Installs } from './mcp/control/installs.ts';
import { createToolCallCounts, metricsOf } from './mcp/control/metrics.ts';
import { createMountControl, type MountControlParts } from './mcp/control/mount-control.ts';
import type { Quarantine } from './mcp/control/quarantine.ts';
import { createToolControl } from './mcp/control/tool-control.ts';
import type { Dispatcher } from './mcp/dispatcher.ts';
import type { ToolRegistry } from './mcp/registry.ts';
import type { Tasks } from './mcp/tasks.ts';
import type { AccessPointReport, ControlPowers, DeviceReport } from './ports/control-api.ts';
import type { AccessPointStatus, TunnelStatus } from './ports/outbound-link.ts';
import type { VerbControl } from './ports/verbs.ts';
import type { Device } from './runtime/device.ts';
import type { EventHub } from './runtime/event-hub.ts';

export interface ControlParts {
  readonly config: Config;
  readonly stateDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** What `t` of events counts from, on `clock`. */
  readonly startMs: number;
  readonly logger: Logger;
  readonly events: EventHub;
  readonly registry: ToolRegistry;
  readonly access: AccessList;
  readonly dispatcher: Dispatcher;
  readonly tasks: Tasks;
  readonly quarantine: Quarantine;
  readonly installs: Installs;
  readonly mounts: MountControlParts['mounts'];
  readonly links: () => {
    readonly accessPoints: readonly AccessPointStatus[];
    readonly tunnels: readonly TunnelStatus[];
  };
  readonly device: Pick<Device, 'counters'>;
  readonly verbs: VerbControl;
  readonly onProblem: (error: ClientError) => void;
}

/** The control API and all that it may do. */
export interface Control {
  /** Opens socket and port, which costs next to nothing; the rest is loaded by the first request. Never rejects. */
  start(): Promise<void>;
  /** On TCP, once it listens there. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

export function createControl(parts: ControlParts): Control {
  const { config, clock, startMs, events, registry, quarantine, device, tasks, verbs } = parts;
  const logger = parts.logger.child('control');
  const mcp = createHttpEndpoint({
    ...parts,
    transliteration: loadPinyin,
    name: config.identity.boardName,
    version: programVersion,
    logger,
  });
  const calls = createToolCallCounts();
  const stopCounting = events.subscribe(calls.count);

  const status = (): DeviceReport => ({
    ...verbs.state(),
    version: programVersion,
    uptimeMs: Math.round(clock.now() - startMs),
    tools: { offered: registry.list().length, held: quarantine.held().length },
    ...(api.port !== undefined && { controlPort: api.port }),
  });
  const powers: ControlPowers = {
    status,
    verbs,
    tools: createToolControl(parts),
    mounts: createMountControl(parts),
    tasks,
    accessPoints: () => reportOf(parts.links()),
    subscribe: events.subscribe,
    mcp: mcp.handle,
    metrics: () =>
      metricsOf({
        device: status(),
        audio: device.counters,
        calls,
        mounts: powers.mounts.list(),
        tasks: tasks.list(),
        accessPoints: powers.accessPoints(),
        api: {
          refused: api.counters.refused,
          eventReaders: api.counters.events.readers,
          slowReadersCut: api.counters.events.cut,
        },
        mcpSessions: mcp.sessionCount,
        process: { residentBytes: process.memoryUsage.rss(), cpuSeconds: cpuSeconds() },
      }),
  };
  const api = createControlApi({
    powers,
    socketPath: controlSocketPath(config, parts.stateDirectory, parts.env),
    tcp: config.control.tcp,
    version: programVersion,
    clock,
    startMs,
    logger,
    onProblem: parts.onProblem,
  });

  return {
    start: () => (config.control.enabled ? api.listen() : Promise.resolve()),
    get port() {
      return api.port;
    },
    async close() {
      stopCounting();
      await mcp.close();
      await api.close();
    },
  };
}

function reportOf({
  accessPoints,
  tunnels,
}: ReturnType<ControlParts['links']>): readonly AccessPointReport[] {
  return [
    ...accessPoints.map((link) => ({ kind: 'access-point' as const, ...link })),
    ...tunnels.map((link) => ({ kind: 'tunnel' as const, ...link })),
  ];
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
