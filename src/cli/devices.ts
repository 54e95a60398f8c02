import { type AudioDeviceEntry, listAudioDevices } from '../adapters/audio/list-audio-devices.ts';
import { withRuntimeDirectory } from '../adapters/audio/sound-server-places.ts';
import { type CommandAction, ExitCode } from './context.ts';

export type DevicesOptions = Readonly<Record<string, never>>;

/** Prints microphones and loudspeakers of every backend, each with what to put in the configuration. */
export const devicesAction: CommandAction<DevicesOptions> = async (_options, { env, stdout }) => {
  const entries = await listAudioDevices({ env: withRuntimeDirectory(env) });
  stdout.write(deviceReport(entries));
  return ExitCode.done;
};

/** What can be used first; what is missing with its reason after it. */
export function deviceReport(entries: readonly AudioDeviceEntry[]): string {
  const part = (role: AudioDeviceEntry['role'], title: string, option: string) => {
    const mine = entries.filter((entry) => entry.role === role);
    const width = Math.max(0, ...mine.map((entry) => entry.spec.length));
    const usable = mine.filter(({ problem }) => problem === undefined);
    const missing = mine.filter(({ problem }) => problem !== undefined);
    return [
      `${title} (${option})`,
      ...usable.map((entry) => `  ✓ ${entry.spec.padEnd(width)}  ${entry.description}${latencyOf(entry)}`),
      ...missing.map(({ spec, problem }) => `  ✗ ${spec.padEnd(width)}  ${problem}`),
    ].join('\n');
  };
  return [
    part('microphone', 'Microphones', '--mic SPEC, or audio.microphone in the configuration'),
    '',
    part('loudspeaker', 'Loudspeakers', '--speaker SPEC, or audio.loudspeaker in the configuration'),
    '',
  ].join('\n');
}

function latencyOf({ latencyMs }: AudioDeviceEntry): string {
  return latencyMs === undefined ? '' : ` (about ${latencyMs} ms)`;
}
