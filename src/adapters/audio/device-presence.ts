import { findProgram } from './find-program.ts';
import { findSoundServer, listAlsaDevices, type SoundSurroundings } from './sound-hardware.ts';
import { listServerDevices } from './sound-server.ts';

/**
 * Whether a device with this name, or any when none is given, seems to be plugged in: the lists of the sound server and of
 * ALSA are looked at, nothing is opened. True also when nobody can tell.
 */
export async function isDevicePresent(
  role: 'microphone' | 'loudspeaker',
  device: string | undefined,
  surroundings: SoundSurroundings,
): Promise<boolean> {
  const { env, platform = process.platform } = surroundings;
  if (platform !== 'linux') return true;
  const part = device?.toLowerCase() ?? '';
  const isMeant = (...names: string[]) => names.join('\n').toLowerCase().includes(part);
  const direction = role === 'microphone' ? 'capture' : 'playback';
  if (listAlsaDevices(surroundings).some((one) => one[direction] && isMeant(one.address, one.name)))
    return true;
  // Other ALSA addresses (`pulse:…`, `dsnoop:…`) and the server's words for its defaults name what is in no list.
  if (device?.startsWith('@') || (device?.includes(':') && !device.includes('CARD='))) return true;
  const server = findSoundServer(surroundings);
  if (!server) return false;
  if (!server.speaksPulse || findProgram('pactl', env.PATH) === undefined) return true;
  const listed = await listServerDevices(role === 'microphone' ? 'sources' : 'sinks', env);
  // Monitors are in no list, and may be asked for.
  return device?.endsWith('.monitor') || listed.some(({ name, description }) => isMeant(name, description));
}
