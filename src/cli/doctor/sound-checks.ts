import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AudioDeviceEntry, listAudioDevices } from '../../adapters/audio/list-audio-devices.ts';
import type { Environment } from '../../config/environment.ts';
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../../core/errors.ts';
import { type Finding, fault, note, ok } from './finding.ts';

type Role = AudioDeviceEntry['role'];

const SUBJECTS: Record<Role, string> = { microphone: 'Microphone', loudspeaker: 'Loudspeaker' };

/** Whether the configured microphone and loudspeaker can be used. */
export async function checkSound({ audio, server }: Config, env: Environment): Promise<Finding[]> {
  const entries = await listAudioDevices({ env });
  const withoutSound = server.url === 'embedded';
  return await Promise.all([
    checkDevice('microphone', audio.microphone, entries, withoutSound),
    checkDevice('loudspeaker', audio.loudspeaker, entries, withoutSound),
  ]);
}

async function checkDevice(
  role: Role,
  spec: string,
  entries: readonly AudioDeviceEntry[],
  withoutSound: boolean,
): Promise<Finding> {
  if (spec === 'null') return ok(SUBJECTS[role], 'null');
  if (spec.startsWith('wav:')) return await checkWav(role, spec.slice(4));
  const mine = entries.filter((entry) => entry.role === role);
  return spec === 'auto' ? checkAutomatic(role, mine, withoutSound) : checkNamed(role, spec, mine);
}

function checkAutomatic(role: Role, mine: readonly AudioDeviceEntry[], withoutSound: boolean): Finding {
  const real = mine.filter(({ backend }) => backend !== 'wav' && backend !== 'null');
  const usable = real.filter(({ problem }) => problem === undefined).map(({ spec }) => spec);
  if (usable.length > 0) return ok(SUBJECTS[role], `auto; usable: ${usable.join(', ')}`);
  const problems = [...new Set(real.map(({ problem }) => problem))].join(' ');
  return withoutSound
    ? note(SUBJECTS[role], 'none; the embedded demo works without.', problems)
    : fault(SUBJECTS[role], 'none can be used.', problems);
}

function checkNamed(role: Role, spec: string, mine: readonly AudioDeviceEntry[]): Finding {
  const [backend = spec] = spec.split(':', 1);
  const ofBackend = mine.filter((entry) => entry.backend === backend);
  const chosen = ofBackend.find((entry) => entry.spec === spec) ?? ofBackend[0];
  return chosen?.problem === undefined
    ? ok(SUBJECTS[role], spec)
    : fault(SUBJECTS[role], `${spec} cannot be used.`, chosen.problem);
}

async function checkWav(role: Role, file: string): Promise<Finding> {
  try {
    if (role === 'microphone') await access(file, constants.R_OK);
    else await access(dirname(file), constants.W_OK);
    return ok(SUBJECTS[role], `wav:${file}`);
  } catch (error) {
    return fault(SUBJECTS[role], messageOf(error), 'Correct the path after "wav:".');
  }
}
