import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  answers,
  describePlaces,
  findForeignServer,
  findPipeWirePlace,
  findPulsePlace,
  type ServerPlace,
  type SystemPlaces,
} from './sound-server-places.ts';

/** What decides whether looking for sound devices is worth it. */
export interface SoundSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory of ALSA's own lists. */
  readonly alsaDirectory?: string | undefined;
  readonly platform?: NodeJS.Platform;
  /** Where the system keeps its directories; the real ones unless given. */
  readonly system?: SystemPlaces | undefined;
}

/** `name` completes "… is running". */
export interface SoundServer {
  readonly name: string;
  readonly speaksPulse: boolean;
  readonly speaksPipeWire: boolean;
  /** Where it should listen. */
  readonly place: ServerPlace;
}

export interface AlsaDevice {
  /** `plughw:CARD=PCH,DEV=0`: converts what the card cannot do, and stays the same when cards are numbered anew. */
  readonly address: string;
  readonly name: string;
  readonly capture: boolean;
  readonly playback: boolean;
}

/** What `findSoundHardware` says of a card of this machine. */
export const ALSA_CARD = 'an ALSA sound card';
const ALSA_DIRECTORY = '/proc/asound';
/** What nearly every sound card runs at. */
const USUAL_RATE_HZ = 48_000;
const MAX_CHANNELS = 32;

/**
 * Where sound could come from, in words, or undefined when there is nothing: some file look-ups, because asking the sound
 * libraries takes a second, and on a machine without sound they crash.
 */
export function findSoundHardware(surroundings: SoundSurroundings): string | undefined {
  const { alsaDirectory = ALSA_DIRECTORY, platform = process.platform } = surroundings;
  if (platform !== 'linux') return `the sound system of ${platform}`;
  if (cardsIn(alsaDirectory).size > 0) return ALSA_CARD;
  const server = findSoundServer(surroundings);
  if (server) return server.name;
  const configuration = alsaConfiguration(surroundings);
  return configuration && `a device configured in ${configuration}`;
}

/** Why there is no sound, for people: what was looked for, and where. */
export function whyNoSound({ env, system }: SoundSurroundings): string {
  return `this machine has no sound card, and no sound server listens at ${describePlaces(env, system)}`;
}

/**
 * This user has no sound server and another one has, as with sudo: a sentence with the line that helps. That server holds the
 * cards, and lets nobody else in.
 */
export function foreignServerAdvice({
  env,
  system,
}: Pick<SoundSurroundings, 'env' | 'system'>): string | undefined {
  if (findSoundServer({ env, system })) return undefined;
  const foreign = findForeignServer(env, system);
  if (!foreign) return undefined;
  const { user, runtimeDirectory } = foreign;
  const who = env.SUDO_USER === undefined ? 'as another user' : 'with sudo';
  return `The sound server belongs to ${user}, and this program runs ${who}, so it cannot use it. Start it as ${user}, without sudo; from root that is "sudo -u ${user} XDG_RUNTIME_DIR=${runtimeDirectory} npm start".`;
}

/** The PulseAudio or PipeWire server of this user. PipeWire speaks PulseAudio's language where it has a socket for it. */
export function findSoundServer({
  env,
  system,
}: Pick<SoundSurroundings, 'env' | 'system'>): SoundServer | undefined {
  const pulse = findPulsePlace(env, system);
  const pipeWire = findPipeWirePlace(env, system);
  const speaks = { speaksPulse: pulse !== undefined, speaksPipeWire: pipeWire !== undefined };
  if (pulse?.namedBy !== undefined)
    return { name: `the PulseAudio server of ${pulse.namedBy}`, ...speaks, place: pulse };
  if (pipeWire) return { name: 'a PipeWire server', ...speaks, place: pulse ?? pipeWire };
  return pulse && { name: 'a PulseAudio server', ...speaks, place: pulse };
}

/** The sound server that should be there and does not answer, in words; undefined when all is well, or none is expected. */
export async function findDeadServer(
  surroundings: Pick<SoundSurroundings, 'env' | 'system'>,
): Promise<string | undefined> {
  const server = findSoundServer(surroundings);
  if (!server || (await answers(server.place))) return undefined;
  return `${server.name} does not answer at ${server.place.socket}`;
}

/** A file of ALSA that somebody wrote: it may well name a device that is no card (a network, Bluetooth). */
function alsaConfiguration({ env, system }: SoundSurroundings): string | undefined {
  const files = [
    env.ALSA_CONFIG_PATH?.split(':')[0],
    env.HOME === undefined ? undefined : join(env.HOME, '.asoundrc'),
    env.HOME === undefined
      ? undefined
      : join(env.XDG_CONFIG_HOME ?? join(env.HOME, '.config'), 'alsa/asoundrc'),
    `${system?.root ?? ''}/etc/asound.conf`,
  ];
  return files.find((file) => file !== undefined && /pcm\.|pcm\s*\{/.test(textOf(file)));
}

/** The PCM devices of all sound cards, from lines such as `00-03: HDMI 0 : HDMI 0 : playback 1`. */
export function listAlsaDevices({ alsaDirectory = ALSA_DIRECTORY }: SoundSurroundings): AlsaDevice[] {
  const cards = cardsIn(alsaDirectory);
  return textOf(join(alsaDirectory, 'pcm'))
    .split('\n')
    .flatMap((line) => {
      const [, card, device, name, rest] = /^(\d+)-(\d+): ([^:]*)(.*)$/.exec(line) ?? [];
      if (rest === undefined) return [];
      const { id = String(Number(card)), title = '' } = cards.get(Number(card)) ?? {};
      const address = `plughw:CARD=${id},DEV=${Number(device)}`;
      const flags = { capture: rest.includes(': capture'), playback: rest.includes(': playback') };
      return [{ address, name: [title, (name ?? '').trim()].filter(Boolean).join(', '), ...flags }];
    });
}

/**
 * The ALSA address of a device given by address, name or part of a name; undefined leaves it to ALSA's `default`. That one
 * is the first card, which on many boards cannot do what is wanted: then it is the first card that can.
 */
export function alsaAddressOf(
  surroundings: SoundSurroundings,
  wanted: string | undefined,
  direction: 'capture' | 'playback',
): string | undefined {
  const devices = listAlsaDevices(surroundings);
  const able = devices.filter((device) => device[direction]);
  if (wanted === undefined) {
    const firstCard = devices[0]?.address.split(',')[0];
    const defaultWorks = able.some(({ address }) => address.split(',')[0] === firstCard);
    return defaultWorks || findSoundServer(surroundings) ? undefined : able[0]?.address;
  }
  if (wanted.includes(':')) return wanted;
  const part = wanted.toLowerCase();
  const found = able.find((device) => `${device.address}\n${device.name}`.toLowerCase().includes(part));
  return found?.address ?? wanted;
}

/**
 * The rate to open an ALSA device with: the wished one where the card, or a sound server, does it well, else one of the
 * card's own, because ALSA's own conversion is a bad filter and ours is a good one.
 */
export function alsaRateHz(
  surroundings: SoundSurroundings,
  address: string | undefined,
  wishedHz: number,
): number {
  const { alsaDirectory = ALSA_DIRECTORY } = surroundings;
  const cards = cardsIn(alsaDirectory);
  const throughServer = !address?.includes(':') && findSoundServer(surroundings) !== undefined;
  if (cards.size === 0 || throughServer) return wishedHz;
  const [first] = cards.keys();
  const card = /:(?:CARD=)?([\w-]+)/.exec(address ?? '')?.[1] ?? String(first);
  const path = /^\d+$/.test(card) ? `card${card}` : card;
  const rates = ratesIn(textOf(join(alsaDirectory, path, 'stream0')));
  if (rates.includes(wishedHz)) return wishedHz;
  return rates.length === 0 || rates.includes(USUAL_RATE_HZ) ? USUAL_RATE_HZ : Math.max(...rates);
}

/** How many channels a USB card records with, where it says so; 1 where that is not known, and ALSA mixes what there is. */
export function alsaChannels(
  { alsaDirectory = ALSA_DIRECTORY }: SoundSurroundings,
  address: string | undefined,
): number {
  const card = /^(?:plug)?hw:(?:CARD=)?([\w-]+)/.exec(address ?? '')?.[1];
  if (card === undefined) return 1;
  const id = /^\d+$/.test(card) ? (cardsIn(alsaDirectory).get(Number(card))?.id ?? card) : card;
  const [, capture = ''] = textOf(join(alsaDirectory, id, 'stream0')).split(/^Capture:/m);
  const counts = [...capture.matchAll(/^\s*Channels: (\d+)/gm)].map(([, count]) => Number(count));
  const most = Math.max(1, ...counts);
  return most <= MAX_CHANNELS ? most : 1;
}

/** Rates a USB card lists; those in between of a continuous range count as not listed. */
function ratesIn(stream: string): number[] {
  const lines = [...stream.matchAll(/^\s*Rates: (.*)$/gm)].map(([, rates = '']) => rates);
  return [...new Set(lines.flatMap((line) => line.match(/\d+/g)?.map(Number) ?? []))];
}

/** Cards by number, from lines such as ` 1 [Device         ]: USB-Audio - USB PnP Sound Device`. */
function cardsIn(alsaDirectory: string): Map<number, { id: string; title: string }> {
  const lines = textOf(join(alsaDirectory, 'cards')).matchAll(/^\s*(\d+) \[(\S+)\s*\]: (?:.* - )?(.*)$/gm);
  return new Map([...lines].map(([, number, id = '', title = '']) => [Number(number), { id, title }]));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
