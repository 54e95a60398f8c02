import type {
  AccessPointReport,
  ControlledMount,
  ControlledTask,
  DeviceReport,
  Metric,
} from '../../ports/control-api.ts';
import type { AudioCounters, StatusEvent } from '../../ports/status-display.ts';

/** Tool events counted by phase and channel; what Prometheus makes rates of. */
export interface ToolCallCounts {
  count(event: StatusEvent): void;
  readonly samples: Metric['samples'];
}

/** Names of channels come from the configuration, so there are few; tools are left out, because there may be thousands. */
export function createToolCallCounts(): ToolCallCounts {
  const counts = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();
  return {
    count(event) {
      if (event.type !== 'tool') return;
      const { phase, channel } = event;
      const key = `${phase} ${channel}`;
      const known = counts.get(key) ?? { labels: { phase, channel }, value: 0 };
      known.value += 1;
      counts.set(key, known);
    },
    get samples() {
      return [...counts.values()];
    },
  };
}

export interface MetricSources {
  readonly device: DeviceReport;
  readonly audio: AudioCounters;
  readonly calls: ToolCallCounts;
  readonly mounts: readonly ControlledMount[];
  readonly tasks: readonly ControlledTask[];
  readonly accessPoints: readonly AccessPointReport[];
  readonly api: { readonly refused: number; readonly eventReaders: number; readonly slowReadersCut: number };
  readonly mcpSessions: number;
  readonly process: { readonly residentBytes: number; readonly cpuSeconds: number };
}

/** Everything that is worth a graph. */
export function metricsOf(sources: MetricSources): readonly Metric[] {
  const { device, audio, mounts, tasks, accessPoints, api, process } = sources;
  return [
    gauge('up_seconds', 'Since the start of the device.', one(device.uptimeMs / 1000)),
    gauge('state', 'What the device does; 1 for the state it is in.', one(1, { state: device.state })),
    gauge('tools', 'Tools by whether they are offered.', [
      { labels: { state: 'offered' }, value: device.tools.offered },
      { labels: { state: 'held' }, value: device.tools.held },
    ]),
    counter('tool_calls_total', 'Tool calls by what became of them.', sources.calls.samples),
    gauge(
      'mount_up',
      'Mounted MCP servers; 1 when ready.',
      mounts.map(({ name, state }) => ({ labels: { mount: name, state }, value: state === 'ready' ? 1 : 0 })),
    ),
    counter('mount_restarts_total', 'Restarts of mounted MCP servers.', perMount(mounts, 'restarts')),
    counter('mount_calls_total', 'Calls of mounted MCP servers.', perMount(mounts, 'calls')),
    counter('mount_failed_calls_total', 'Calls of them that failed.', perMount(mounts, 'failedCalls')),
    gauge('tasks', 'Background tasks by state.', byState(tasks)),
    gauge('access_points', 'Links to access points and tunnels by state.', byState(accessPoints)),
    counter('audio_frames_total', 'Sound that came and went.', [
      ...samplesOf('uplink', audio.uplink),
      ...samplesOf('downlink', audio.downlink),
    ]),
    gauge('jitter_delay_seconds', 'Depth of the jitter buffer.', one(audio.jitterDelayMs / 1000)),
    counter('api_refused_total', 'Requests to the control API that were turned away.', one(api.refused)),
    gauge('event_readers', 'Readers of the event stream over WebSocket.', one(api.eventReaders)),
    counter('event_readers_cut_total', 'Readers that were too slow.', one(api.slowReadersCut)),
    gauge('mcp_sessions', 'MCP clients at the control API.', one(sources.mcpSessions)),
    gauge('resident_memory_bytes', 'Of the process.', one(process.residentBytes)),
    counter('cpu_seconds_total', 'Of the process.', one(process.cpuSeconds)),
  ];
}

type Samples = Metric['samples'];

const gauge = (name: string, help: string, samples: Samples): Metric => ({
  name: `xiaozhi_${name}`,
  help,
  type: 'gauge',
  samples,
});
const counter = (name: string, help: string, samples: Samples): Metric => ({
  ...gauge(name, help, samples),
  type: 'counter',
});

const one = (value: number, labels: Readonly<Record<string, string>> = {}): Samples => [{ labels, value }];

const perMount = (
  mounts: readonly ControlledMount[],
  figure: 'restarts' | 'calls' | 'failedCalls',
): Samples => mounts.map((mount) => ({ labels: { mount: mount.name }, value: mount[figure] }));

function byState(all: readonly { readonly state: string }[]): Samples {
  const counts = new Map<string, number>();
  for (const { state } of all) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, value]) => ({ labels: { state }, value }));
}

const samplesOf = (direction: string, counters: object): Samples =>
  Object.entries(counters)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    .map(([kind, value]) => ({ labels: { direction, kind }, value }));
