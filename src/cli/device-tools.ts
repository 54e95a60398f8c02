import { join } from 'node:path';
import type { OtaDevice } from '../adapters/provisioning/ota-request.ts';
import { createJsonFileStorage } from '../adapters/storage/json-file.ts';
import { createTaskJournal, readTaskJournal } from '../adapters/storage/task-journal.ts';
import { createSystemTime } from '../adapters/system/system-time.ts';
import { createDeviceTools } from '../app-device-tools.ts';
import { openIdentity } from '../config/identity.ts';
import { resolveLanguage } from '../config/language.ts';
import { type LoadedConfig, stateDirectory } from '../config/load.ts';
import { monotonicClock } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import { programVersion } from '../core/version.ts';
import { createResultShelf } from '../mcp/result-shelf.ts';
import { openTasks, type Tasks } from '../mcp/tasks.ts';
import type { Tool } from '../mcp/tool.ts';
import type { Recorder } from '../ports/recorder.ts';
import type { TaskJournal } from '../ports/task-journal.ts';
import { claimState } from './claim-state.ts';
import type { CliContext } from './context.ts';

/** The device's own tools without a device. */
export interface DeviceTools {
  find(name: string): Tool | undefined;
  /** Resolves when everything they changed is on disk. */
  close(): Promise<void>;
}

/** What the device's own tools are called and take; they must not be run. */
export async function describeDeviceTools({ config }: LoadedConfig): Promise<readonly Tool[]> {
  const identity = { ...config.identity, deviceId: '', clientId: '', language: 'en', version: '' } as const;
  const tasks = await openTasksOn(emptyJournal);
  await tasks.stop();
  return toolsOn({ config, identity, env: {}, tasks, keepVolume: () => {} });
}

/**
 * The device's own tools on its state directory. While a device uses that, what only reads works, and what would change
 * something fails with STATE_LOCKED.
 */
export async function openDeviceTools(
  { config }: LoadedConfig,
  context: Pick<CliContext, 'env' | 'stderr'>,
): Promise<DeviceTools> {
  const { env } = context;
  const directory = stateDirectory(config, env);
  const { lock, held } = await claimState(directory, context);
  const storage = createJsonFileStorage({ directory, onDamaged: () => {} });
  const { identity } = await openIdentity(storage, config.identity, () => {});
  const tasks = await openTasksOn(
    held
      ? readOnlyJournal(join(directory, 'tasks'), held)
      : createTaskJournal({ directory: join(directory, 'tasks'), onDamaged: () => {} }),
  );
  const kept: Promise<void>[] = [];
  const tools = toolsOn({
    config,
    identity: {
      ...config.identity,
      ...identity,
      language: resolveLanguage(config.display.language, env),
      version: programVersion,
    },
    env,
    tasks,
    keepVolume: (percent) => {
      if (held) throw held;
      kept.push(storage.set('volume', percent));
    },
  });
  return {
    find: (name) => tools.find((tool) => tool.name === name),
    close: async () => {
      await tasks.stop();
      await Promise.all(kept).finally(() => lock?.release());
    },
  };
}

function toolsOn(parts: {
  readonly config: LoadedConfig['config'];
  readonly identity: OtaDevice;
  readonly env: CliContext['env'];
  readonly tasks: Tasks;
  readonly keepVolume: (volumePercent: number) => void;
}): readonly Tool[] {
  return createDeviceTools({
    ...parts,
    clock: monotonicClock,
    time: createSystemTime(),
    logger: silentLogger,
    shelf: createResultShelf(),
    device: () => undefined,
    vision: () => undefined,
    recorder: noRecorder,
  }).tools;
}

const nothingRecords = (): Promise<never> =>
  Promise.reject(
    new ClientError(
      ErrorCode.toolFailed,
      'No device runs here that could record. Start it and ask it by voice or text.',
    ),
  );

const noRecorder: Recorder = { start: nothingRecords, stop: nothingRecords, status: nothingRecords };

function openTasksOn(journal: TaskJournal): Promise<Tasks> {
  const nothing = () => {};
  return openTasks({
    journal,
    clock: monotonicClock,
    time: createSystemTime(),
    logger: silentLogger,
    limits: { maxRunning: 1, maxKept: Number.POSITIVE_INFINITY, expireAfterMs: Number.POSITIVE_INFINITY },
    listener: { onMail: nothing, onTold: nothing, onExpired: nothing, onProblem: nothing },
  });
}

const emptyJournal: TaskJournal = {
  open: () => Promise.resolve({ entries: [], damaged: 0 }),
  append: () => Promise.resolve(),
  rewrite: () => Promise.resolve(),
  sizeBytes: 0,
  close: () => Promise.resolve(),
};

function readOnlyJournal(directory: string, refusal: ClientError): TaskJournal {
  return {
    ...emptyJournal,
    open: async () => ({ entries: await readTaskJournal(directory), damaged: 0 }),
    append: () => Promise.reject(refusal),
    rewrite: () => Promise.reject(refusal),
  };
}
