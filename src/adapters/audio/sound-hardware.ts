import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What decides whether looking for sound devices is worth it. */
export interface SoundSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory of ALSA's own lists. */
  readonly alsaDirectory?: string | undefined;
  readonly platform?: NodeJS.Platform;
}

export interface AlsaDevice {
  /** `plughw:0,0`, which converts to whatever rate we ask for. */
  readonly address: string;
  readonly name: string;
  readonly capture: boolean;
  readonly playback: boolean;
}

const ALSA_DIRECTORY = '/proc/asound';

/**
 * Where sound could come from, in words, or undefined when there is nothing: some file look-ups, because asking the sound
 * libraries takes a second, and on a machine without sound they crash.
 */
export function findSoundHardware({
  env,
  alsaDirectory = ALSA_DIRECTORY,
  platform = process.platform,
}: SoundSurroundings): string | undefined {
  if (platform !== 'linux') return `the sound system of ${platform}`;
  if (/^\s*\d+ \[/m.test(textOf(join(alsaDirectory, 'cards')))) return 'an ALSA sound card';
  if (env.PULSE_SERVER) return 'the PulseAudio server of PULSE_SERVER';
  const runtime = env.XDG_RUNTIME_DIR;
  if (runtime && existsSync(join(runtime, 'pulse/native'))) return 'a PulseAudio server';
  if (runtime && existsSync(join(runtime, env.PIPEWIRE_REMOTE ?? 'pipewire-0'))) return 'a PipeWire server';
  return undefined;
}

/** The PCM devices of all sound cards, from lines such as `00-03: HDMI 0 : HDMI 0 : playback 1`. */
export function listAlsaDevices({ alsaDirectory = ALSA_DIRECTORY }: SoundSurroundings): AlsaDevice[] {
  return textOf(join(alsaDirectory, 'pcm'))
    .split('\n')
    .flatMap((line) => {
      const [, card, device, name, rest] = /^(\d+)-(\d+): ([^:]*)(.*)$/.exec(line) ?? [];
      if (rest === undefined) return [];
      const address = `plughw:${Number(card)},${Number(device)}`;
      const flags = { capture: rest.includes(': capture'), playback: rest.includes(': playback') };
      return [{ address, name: (name ?? '').trim(), ...flags }];
    });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
