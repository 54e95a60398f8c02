import { createNullLoudspeaker } from '../../adapters/audio/loudspeaker-null.ts';
import { createNullMicrophone } from '../../adapters/audio/microphone-null.ts';
import { createPacer } from '../../adapters/audio/pacer.ts';
import { openVoice } from '../../app-voice.ts';
import type { Config } from '../../config/schema.ts';
import { monotonicClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { type Finding, fault, note, ok } from './finding.ts';

/** Whether echo cancelling, voice model and wake word can be had as configured; nothing where none is. */
export async function checkVoice(config: Config): Promise<Finding[]> {
  const pacer = createPacer(monotonicClock, config.audio.frameDurationMs);
  const devices = {
    microphone: createNullMicrophone({ pacer }),
    loudspeaker: createNullLoudspeaker({ pacer }),
  };
  const said: string[] = [];
  const parts = {
    config,
    clock: monotonicClock,
    display: { show: () => {} },
    say: (line: string) => void said.push(line),
  };
  try {
    const { wakeWordDetector, close } = await openVoice(parts, devices);
    close();
    const isWakeWord = (line: string) =>
      wakeWordDetector !== undefined && line.includes(wakeWordDetector.name);
    return said.map((line) => (isWakeWord(line) ? ok('Voice', line) : note('Voice', line)));
  } catch (error) {
    return [fault('Voice', messageOf(error))];
  }
}
