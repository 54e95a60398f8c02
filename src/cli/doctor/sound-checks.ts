import { findMutedCards } from '../../adapters/audio/alsa-mixer.ts';
import { chooseLoudspeaker, chooseMicrophone, notYetThere } from '../../adapters/audio/choose-audio.ts';
import { createPacer } from '../../adapters/audio/pacer.ts';
import { findSoundServer, foreignServerAdvice } from '../../adapters/audio/sound-hardware.ts';
import {
  findServerDevice,
  listServerDevices,
  mutedAdvice,
  readServerDefaults,
  type ServerDevice,
} from '../../adapters/audio/sound-server.ts';
import { withRuntimeDirectory } from '../../adapters/audio/sound-server-places.ts';
import { soundSpecs } from '../../app-voice.ts';
import type { Environment } from '../../config/environment.ts';
import type { Config } from '../../config/schema.ts';
import { monotonicClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { DeviceCandidate } from '../../ports/device-candidate.ts';
import { type Finding, fault, note, ok } from './finding.ts';

interface Choice {
  readonly device: { readonly name: string };
  readonly reason: string;
  readonly candidates: readonly DeviceCandidate<unknown>[];
}

/** Which microphone and loudspeaker `run` would take, and whether they seem to be there; nothing is opened. */
export async function checkSound(config: Config, given: Environment): Promise<Finding[]> {
  const env = withRuntimeDirectory(given);
  const { channel, waitForDevices } = config.audio;
  const waits = { channel, mayComeLater: waitForDevices };
  const environment = { env, ...waits, pacer: createPacer(monotonicClock, config.audio.frameDurationMs) };
  const isDemo = config.server.url === 'embedded';
  try {
    const { microphone, loudspeaker } = await soundSpecs(config, env);
    const devices = await Promise.all([
      checkDevice('Microphone', microphone, isDemo, async () => {
        await checkServerName('sources', microphone, env);
        return await chooseMicrophone(microphone, environment);
      }),
      checkDevice('Loudspeaker', loudspeaker, isDemo, async () => {
        await checkServerName('sinks', loudspeaker, env);
        return await chooseLoudspeaker(loudspeaker, environment);
      }),
    ]);
    const foreign = foreignServerAdvice({ env });
    return [
      ...devices,
      ...(foreign === undefined ? [] : [note('Sound server', 'is that of another user.', foreign)]),
      ...(await checkLevels(env, { microphone, loudspeaker })),
    ];
  } catch (error) {
    return [fault('Echo cancelling', messageOf(error))];
  }
}

/** Muted, or turned down to nothing, in the sound server or in ALSA: everything seems to work and nothing is heard. */
async function checkLevels(
  env: Environment,
  specs: { readonly microphone: string; readonly loudspeaker: string },
): Promise<Finding[]> {
  const [sources, sinks, defaults] = await Promise.all([
    listServerDevices('sources', env),
    listServerDevices('sinks', env),
    readServerDefaults(env),
  ]);
  const microphone = serverDevice(sources, specs.microphone, 'record', defaults?.source);
  const loudspeaker = serverDevice(sinks, specs.loudspeaker, 'speaker', defaults?.sink);
  return [
    ...mutedFinding('Microphone', microphone && mutedAdvice('source', microphone)),
    ...mutedFinding('Loudspeaker', loudspeaker && mutedAdvice('sink', loudspeaker)),
    ...(await findMutedCards(env)).map((advice) => note('Sound card', 'is muted.', advice)),
  ];
}

/** The device that a spec means, as far as it is one of the sound server. */
function serverDevice(
  devices: readonly ServerDevice[],
  spec: string,
  backend: string,
  byDefault: string | undefined,
): ServerDevice | undefined {
  if (spec === 'auto' || spec === backend)
    return devices.find(({ name }) => name === byDefault) ?? devices[0];
  if (!spec.startsWith(`${backend}:`)) return undefined;
  const part = spec.slice(backend.length + 1).toLowerCase();
  return devices.find(({ name, description }) => `${name}\n${description}`.toLowerCase().includes(part));
}

const mutedFinding = (subject: string, advice: string | undefined): Finding[] =>
  advice === undefined ? [] : [note(subject, 'lets no sound through.', advice)];

async function checkDevice(
  subject: string,
  spec: string,
  isDemo: boolean,
  choose: () => Promise<Choice>,
): Promise<Finding> {
  try {
    const { device, reason, candidates } = await choose();
    if (candidates[0] && !(await candidates[0].isThere())) {
      return note(
        subject,
        `${device.name} seems not to be plugged in.`,
        'Plug it in, or choose another: "xiaozhi-speaker devices".',
      );
    }
    if (reason.startsWith(notYetThere))
      return note(subject, `${device.name}, ${reason}.`, 'Start the sound server, or plug the device in.');
    return ok(subject, spec === 'auto' ? `${device.name}, ${reason}` : device.name);
  } catch (error) {
    if (spec !== 'auto') return fault(subject, `${spec} cannot be used.`, messageOf(error));
    return isDemo
      ? note(subject, 'none; the embedded demo works without.', messageOf(error))
      : fault(subject, 'none can be used.', messageOf(error));
  }
}

/** @throws ClientError when the sound server has devices and none of that name */
async function checkServerName(kind: 'sources' | 'sinks', spec: string, env: Environment): Promise<void> {
  const name = /^(?:record|speaker):([^:]+)$/.exec(spec)?.[1];
  if (name === undefined || !findSoundServer({ env })?.speaksPulse) return;
  await findServerDevice(kind, name, env);
}
