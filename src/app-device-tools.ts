import { spawn } from 'node:child_process';
import { checkBody, type OtaDevice } from './adapters/provisioning/ota-request.ts';
import { readSystemFacts } from './adapters/provisioning/system-facts.ts';
import { readHardwareStatus } from './adapters/system/hardware-status.ts';
import { createCaptureCommand } from './adapters/tools/capture-photo.ts';
import { createVisionUpload } from './adapters/tools/vision-upload.ts';
import { commandWords } from './config/command-words.ts';
import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import { ClientError, ErrorCode } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import type { SystemTime } from './core/system-time.ts';
import type { VisionEndpoint } from './mcp/normalise.ts';
import type { ResultShelf } from './mcp/result-shelf.ts';
import type { Tasks } from './mcp/tasks.ts';
import type { Tool } from './mcp/tool.ts';
import { type CameraParts, createBuiltinTools } from './mcp/tools/builtin-tools.ts';
import { createTimerRing } from './mcp/tools/timer-ring.ts';
import type { DeviceControl } from './ports/device-control.ts';
import type { Recorder } from './ports/recorder.ts';
import { childEnvironment } from './processes/child-environment.ts';
import type { Device } from './runtime/device.ts';

export interface DeviceToolParts {
  readonly config: Config;
  readonly identity: OtaDevice;
  /** Of what programs started for a tool find in theirs, some is taken from here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly time: SystemTime;
  readonly logger: Logger;
  readonly tasks: Tasks;
  readonly shelf: ResultShelf;
  /** Keeps a volume that a tool has set. */
  readonly keepVolume: (volumePercent: number) => void;
  /** Undefined while no device runs in this process. */
  readonly device: () => Device | undefined;
  /** Where the server wants pictures. */
  readonly vision: () => VisionEndpoint | undefined;
  readonly recorder: Recorder;
}

export const deviceToolGroup = { source: 'builtin', name: 'device', position: 0 } as const;

/** The device's own tools, and the tool that rings when a timer is due. */
export function createDeviceTools(parts: DeviceToolParts): { tools: readonly Tool[]; ring: Tool } {
  const { clock, tasks, shelf } = parts;
  const timerClocks = { clock, time: parts.time };
  const ring = createTimerRing(timerClocks);
  const tools = createBuiltinTools({
    device: deviceControl(parts),
    tasks: { tasks, shelf },
    timers: { tasks, ring, channel: 'device', ...timerClocks },
    camera: cameraParts(parts),
    recorder: parts.recorder,
  });
  return { tools, ring };
}

function deviceControl({
  config,
  identity,
  env,
  keepVolume,
  logger,
  device,
}: DeviceToolParts): DeviceControl {
  let keptPercent: number | undefined;
  return {
    volumePercent: () => device()?.volumePercent ?? config.audio.volumePercent,
    setVolume: (volumePercent) => {
      device()?.setVolume(volumePercent);
      if (volumePercent !== keptPercent) keepVolume(volumePercent);
      keptPercent = volumePercent;
    },
    hardware: () => readHardwareStatus(),
    systemInfo: async () => checkBody(identity, await readSystemFacts()),
    reboot: () => {
      const { rebootCommand } = config.device;
      if (rebootCommand !== undefined) restartHost(rebootCommand, env, logger);
      else if (device()) device()?.send({ type: 'reboot.requested' });
      else throw new ClientError(ErrorCode.toolFailed, 'No device runs here that could be restarted.');
    },
  };
}

function restartHost(command: string, env: DeviceToolParts['env'], logger: Logger): void {
  const [program, ...words] = commandWords(command) ?? ['false'];
  const child = spawn(program, words, {
    stdio: 'ignore',
    detached: true,
    env: childEnvironment(env, {}),
  });
  child.on('error', (cause) => logger.error('The host could not be restarted', { cause }));
  child.unref();
}

function cameraParts({ config, identity, env, clock, vision }: DeviceToolParts): CameraParts | undefined {
  const command = commandWords(config.device.cameraCommand ?? '');
  if (!command) return undefined;
  return {
    camera: createCaptureCommand({ command, env, clock }),
    vision: createVisionUpload({ ...identity, clock }),
    endpoint: vision,
  };
}
