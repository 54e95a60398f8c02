import { chooseLoudspeaker, chooseMicrophone } from '../../adapters/audio/choose-audio.ts';
import { createPacer } from '../../adapters/audio/pacer.ts';
import { findSoundServer } from '../../adapters/audio/sound-hardware.ts';
import { findServerDevice } from '../../adapters/audio/sound-server.ts';
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
export async function checkSound(config: Config, env: Environment): Promise<Finding[]> {
  const environment = { env, pacer: createPacer(monotonicClock, config.audio.frameDurationMs) };
  const isDemo = config.server.url === 'embedded';
  try {
    const { microphone, loudspeaker } = await soundSpecs(config, env);
    return await Promise.all([
      checkDevice('Microphone', microphone, isDemo, async () => {
        await checkServerName('sources', microphone, env);
        return await chooseMicrophone(microphone, environment);
      }),
      checkDevice('Loudspeaker', loudspeaker, isDemo, async () => {
        await checkServerName('sinks', loudspeaker, env);
        return await chooseLoudspeaker(loudspeaker, environment);
      }),
    ]);
  } catch (error) {
    return [fault('Echo cancelling', messageOf(error))];
  }
}

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
