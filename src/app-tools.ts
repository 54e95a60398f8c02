import { dirname, join } from 'node:path';
import { parseWav } from './adapters/audio/wav-file.ts';
import type { OtaDevice } from './adapters/provisioning/ota-request.ts';
import { createEspeak } from './adapters/speech/espeak.ts';
import { createLocalNotice } from './adapters/speech/local-notice.ts';
import { watchCancelRequests } from './adapters/storage/task-cancel-requests.ts';
import { createTaskJournal } from './adapters/storage/task-journal.ts';
import { createConfiguredTools } from './adapters/tools/configured-tools.ts';
import { watchToolsFile } from './adapters/tools/tools-file-watch.ts';
import { createDeviceTools, deviceToolGroup } from './app-device-tools.ts';
import { type CustomMcpConfig, parseCustomMcp, readCustomMcp } from './config/custom-mcp.ts';
import type { Config } from './config/schema.ts';
import { parseToolsConfig, readToolsConfig, type ToolsConfig } from './config/tools.ts';
import type { Clock, TimerHandle } from './core/clock.ts';
import { ClientError, ErrorCode } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import { type KnownSecrets, secretsOfConfiguration } from './core/secrets.ts';
import type { SystemTime } from './core/system-time.ts';
import { programVersion } from './core/version.ts';
import { type AccessList, createAccessList } from './mcp/access-list.ts';
import { announcementEvents } from './mcp/announcements/messages.ts';
import { createDispatcher, type Dispatcher } from './mcp/dispatcher.ts';
import type { VisionEndpoint } from './mcp/normalise.ts';
import { createToolRegistry, type ToolRegistry } from './mcp/registry.ts';
import { createResultShelf } from './mcp/result-shelf.ts';
import { createChannelServer, loadServerSdk } from './mcp/server.ts';
import { type ExpiryReason, openTasks, type TaskSummary, type Tasks } from './mcp/tasks.ts';
import type { Tool } from './mcp/tool.ts';
import { createNoticeTool, noticeToolName } from './mcp/tools/notice.ts';
import { localTime, timerRingName } from './mcp/tools/timer-ring.ts';
import type { IdleSignal } from './ports/idle-signal.ts';
import type { Recorder } from './ports/recorder.ts';
import { errorEvent, type StatusDisplay } from './ports/status-display.ts';
import type { ToolDefinition } from './ports/tool-definition.ts';
import type { NoticeOutlet } from './runtime/announcer.ts';
import type { Device } from './runtime/device.ts';
import type { OpenTools } from './runtime/tool-channel.ts';

/** Servers wait 30 s for the answer of a call and misread a later one (servers.md 1.10). */
const replyWithinMs = 29_000;
/** After a device has become idle: a person who talks at once has begun by then. */
const loadSdkAfterMs = 1000;
/** What a result brings with it besides its text. */
const envelopeBytes = 200;

/** The largest page of the list of tools in a message of this size. */
export const pageBytesWithin = (maxMessageBytes: number): number => maxMessageBytes - envelopeBytes;

export interface ToolServiceParts {
  readonly config: Config;
  /** The configuration file, whose tools are followed while the device runs. */
  readonly file: string | undefined;
  readonly stateDirectory: string;
  readonly identity: OtaDevice;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly time: SystemTime;
  readonly logger: Logger;
  readonly secrets: KnownSecrets;
  readonly display: StatusDisplay;
  /** Keeps a volume that a tool has set. */
  readonly keepVolume: (volumePercent: number) => void;
  readonly recorder: Recorder;
}

export const configuredToolGroup = { source: 'custom', name: 'configuration', position: 0 } as const;
export const customToolGroup = { source: 'custom', name: 'customMCP', position: 1 } as const;

/** Everything behind the MCP channel: built-in and configured tools, background tasks, and what is told of them. */
export interface ToolService {
  readonly registry: ToolRegistry;
  readonly access: AccessList;
  readonly dispatcher: Dispatcher;
  readonly tasks: Tasks;
  /** Warns of tools that cannot be offered because of their names; of each once. */
  reportCollisions(): void;
  readonly openTools: OpenTools;
  readonly notices: NoticeOutlet;
  /** Once the device is there: what was left over from before a restart becomes mail or runs again. */
  attach(device: Device, idle: IdleSignal): Promise<void>;
  /** A timer is due; told before anybody is asked to speak of it. */
  onTimer(listener: () => void): void;
  close(): Promise<void>;
}

/** @throws ClientError CONFIG_INVALID for faults in the section `mcp` */
export async function createToolService(parts: ToolServiceParts): Promise<ToolService> {
  const { config, clock, time, logger, display } = parts;
  const toolsConfig = parseToolsConfig(config.mcp);
  const sections = { mcp: toolsConfig, customMcp: parseCustomMcp(config.customMCP) };
  const directory = join(parts.stateDirectory, 'tasks');
  const onProblem = (error: ClientError) => display.show(errorEvent(error));
  let device: Device | undefined;
  let onTimer = () => {};
  let stopLoading = () => {};

  const registry = createToolRegistry();
  const access = createAccessList(toolsConfig);
  const shelf = createResultShelf();
  const tasks = await openTasks({
    journal: createTaskJournal({ directory, onDamaged: onProblem }),
    clock,
    time,
    logger: logger.child('tasks'),
    limits: taskLimits(config),
    listener: {
      onMail: (mail) => {
        if (mail.tool === timerRingName) onTimer();
        device?.send({ type: 'tool.completed', mail });
      },
      onTold: (taskIds) => device?.send({ type: 'mail.withdrawn', taskIds }),
      onExpired: (task, why) => {
        device?.send({ type: 'mail.withdrawn', taskIds: [task.id] });
        for (const event of announcementEvents('expired', [task.id])) display.show(event);
        onProblem(resultExpired(task, why, config.tasks.expireAfterHours));
      },
      onProblem,
    },
  });
  const dispatcher = createDispatcher({
    registry,
    access,
    keeper: tasks,
    shelf,
    clock,
    time,
    logger: logger.child('tools'),
    onEvent: (event) => display.show(event),
  });
  let vision: VisionEndpoint | undefined;
  const { tools: deviceTools, ring } = createDeviceTools({
    ...parts,
    tasks,
    shelf,
    device: () => device,
    vision: () => vision,
  });
  registry.publish(deviceToolGroup, deviceTools);
  const runnerDeps = {
    clock,
    logger: logger.child('tools'),
    env: parts.env,
    baseDirectory: parts.file === undefined ? process.cwd() : dirname(parts.file),
  };
  const configured = createConfiguredTools(runnerDeps);
  const custom = createConfiguredTools(runnerDeps);
  const reportCollisions = collisionReporter(registry, logger);
  const reportMissing = missingVariableReporter(parts.env, onProblem);
  const publish = ({ mcp: { tools, allow, deny, faults, warnings }, customMcp }: ToolSections) => {
    access.replace({ allow, deny });
    registry.publish(configuredToolGroup, configured.update(tools));
    registry.publish(customToolGroup, custom.update(customMcp.tools));
    for (const damaged of [
      damagedEntries('mcp.tools', faults),
      damagedEntries('customMCP', customMcp.faults),
    ])
      if (damaged) onProblem(damaged);
    for (const warning of [...warnings, ...customMcp.warnings]) logger.warn(warning);
    reportMissing([...tools, ...customMcp.tools]);
    reportCollisions();
  };
  publish(sections);
  const watches = await Promise.all([
    watchCancelRequests({ directory, clock, onRequest: (id) => void tasks.cancel(id) }),
    parts.file === undefined
      ? undefined
      : watchToolsFile({
          file: parts.file,
          load: readToolSections,
          current: sections,
          onTools: (read) => {
            parts.secrets.add(secretsOfConfiguration(read));
            publish(read);
          },
          onProblem,
          clock,
        }),
  ]);

  return {
    registry,
    access,
    dispatcher,
    tasks,
    reportCollisions,
    openTools: (send, limit, onUse) =>
      createChannelServer({
        registry,
        access,
        dispatcher,
        name: config.identity.boardName,
        version: programVersion,
        channel: 'device',
        logger: logger.child('mcp'),
        send,
        replyWithinMs,
        ...(onUse && { onUse }),
        onVision: (endpoint) => {
          vision = endpoint;
        },
        ...(limit && {
          maxPageBytes: pageBytesWithin(limit.maxMessageBytes),
          maxPayloadBytes: limit.payloadBytes,
        }),
      }),
    notices: notices(tasks),
    attach: async (attached, idle) => {
      device = attached;
      stopLoading = loadSdkWhenIdle(idle, clock);
      await tasks.resume((name) => hiddenTool(name, ring) ?? registry.find(name));
    },
    onTimer: (listener) => {
      onTimer = listener;
    },
    close: async () => {
      stopLoading();
      for (const watch of watches) watch?.stop();
      await dispatcher.close();
      await tasks.stop();
      await Promise.all([configured.dispose(), custom.dispose()]);
    },
  };
}

/** The sections of the configuration that describe tools. */
interface ToolSections {
  readonly mcp: ToolsConfig;
  readonly customMcp: CustomMcpConfig;
}

async function readToolSections(file: string): Promise<ToolSections> {
  return { mcp: await readToolsConfig(file), customMcp: await readCustomMcp(file) };
}

function damagedEntries(section: string, faults: readonly string[]): ClientError | undefined {
  if (faults.length === 0) return undefined;
  return new ClientError(
    ErrorCode.configInvalid,
    [`Some of ${section} cannot be used; the other tools work:`, ...faults].join('\n  '),
  );
}

function resultExpired(
  { id, tool, finishedAtMs }: TaskSummary,
  why: ExpiryReason,
  hours: number,
): ClientError {
  const when = finishedAtMs === undefined ? '' : ` of ${localTime(finishedAtMs)}`;
  const message =
    why === 'age'
      ? `The result of ${tool} (${id})${when} could not be told for ${hours} hours and is given up. \`xiaozhi-speaker tasks show ${id}\` has it; tasks.expireAfterHours sets the time.`
      : `The result of ${tool} (${id})${when} was never told and has to make room for newer ones. Ask for it again, or raise tasks.maxKept.`;
  return new ClientError(ErrorCode.resultExpired, message);
}

/** Tools that are in no list and of which there may be tasks. */
function hiddenTool(name: string, ring: Tool): Tool | undefined {
  if (name === timerRingName) return ring;
  return name === noticeToolName ? createNoticeTool() : undefined;
}

/** Returns what ends the waiting. */
function loadSdkWhenIdle(idle: IdleSignal, clock: Clock): () => void {
  let timer: TimerHandle;
  const stopWaiting = idle.onIdle(() => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(load, loadSdkAfterMs);
  });
  return stop;

  function load(): void {
    if (!idle.isIdle) return;
    stop();
    // Who needs it tries again, and tells.
    loadServerSdk().catch(() => {});
  }

  function stop(): void {
    stopWaiting();
    clock.clearTimeout(timer);
  }
}

function taskLimits({ tasks }: Config) {
  const { maxRunning, maxKept, expireAfterHours } = tasks;
  return { maxRunning, maxKept, expireAfterMs: expireAfterHours * 3_600_000 };
}

function notices(tasks: Tasks): NoticeOutlet {
  const render = createLocalNotice({
    speak: createEspeak({ parseWav: (bytes) => parseWav(bytes, 'espeak-ng') }),
  });
  return {
    render,
    markSent: (ids) => tasks.markSent(ids),
    markUnsent: (ids) => tasks.markUnsent(ids),
    markTold: (ids) => tasks.markTold(ids),
    bringAgain: (ids) => tasks.bringAgain(ids),
  };
}

/** A secret that is not there is told when the tool is offered, not when somebody needs it. */
function missingVariableReporter(
  env: ToolServiceParts['env'],
  onProblem: (error: ClientError) => void,
): (definitions: readonly ToolDefinition[]) => void {
  const reported = new Set<string>();
  return (definitions) => {
    for (const { name, target } of definitions) {
      const variable = secretVariableOf(target);
      if (variable === undefined || env[variable] || reported.has(`${name} ${variable}`)) continue;
      reported.add(`${name} ${variable}`);
      onProblem(
        new ClientError(
          ErrorCode.configInvalid,
          `The tool ${name} cannot work: the environment variable ${variable} is not set. Set it where the device is started.`,
        ),
      );
    }
  };
}

function secretVariableOf(target: ToolDefinition['target']): string | undefined {
  const secret =
    target.type === 'coze'
      ? target.token
      : target.type === 'http' && target.auth
        ? 'token' in target.auth
          ? target.auth.token
          : 'password' in target.auth
            ? target.auth.password
            : target.auth.value
        : undefined;
  return typeof secret === 'object' ? secret.env : undefined;
}

function collisionReporter(registry: ToolRegistry, logger: Logger): () => void {
  const reported = new Set<string>();
  return () => {
    for (const { name, group, winner, winnerGroup } of registry.collisions()) {
      const collision = JSON.stringify([group, name]);
      if (reported.has(collision)) continue;
      reported.add(collision);
      logger.warn('A tool cannot be offered, because another has its name; rename one of them', {
        name,
        of: group,
        winner,
        winnerOf: winnerGroup,
      });
    }
  };
}
