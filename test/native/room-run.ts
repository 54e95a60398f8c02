import { createEchoCancelledSound } from '../../src/audio/echo-cancelled-sound.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LeakingRoom, type RoomOptions } from '../support/leaking-room.ts';
import { bestCorrelation } from '../support/signals.ts';
import { fluentSpeech, higherVoice, looped, parts } from './support.ts';

const speech = fluentSpeech();
const voice = higherVoice(speech);
export const rateHz = 16_000;

/** A second person at the microphone; nobody speaks until `fromSecond`. */
export const speaking = (fromSecond: number, toSecond: number, gain: number) => {
  const near = new Int16Array(toSecond * rateHz);
  near.set(looped(voice, toSecond - fromSecond, gain), fromSecond * rateHz);
  return near;
};

const power = (pcm: readonly number[], fromSecond: number, toSecond: number) =>
  pcm.slice(fromSecond * rateHz, toSecond * rateHz).reduce((sum, sample) => sum + sample ** 2, 0);

/** Plays speech into a room for so many seconds; tells what the microphone heard and what came out. */
export async function playInRoom(seconds: number, options: Omit<RoomOptions, 'clock'>) {
  const clock = new FakeClock();
  const room = new LeakingRoom({ clock, ...options });
  if (!parts.createEchoCanceller) throw new Error(parts.problem);
  const canceller = parts.createEchoCanceller({
    sampleRateHz: rateHz,
    noiseSuppression: true,
    gainControl: false,
  });
  const problems: string[] = [];
  const sound = createEchoCancelledSound({
    ...room,
    canceller,
    clock,
    onProblem: (error) => problems.push(error.message),
  });
  const cleaned: number[] = [];
  await sound.microphone.start({ onChunk: (pcm) => cleaned.push(...pcm), onError: () => {} });
  const far = looped(speech, seconds, 0.5);
  for (let played = 0; clock.now() < seconds * 1000; ) {
    if (sound.loudspeaker.pendingMs() < 120) {
      void sound.loudspeaker.write(far.slice(played, played + 960));
      played += 960;
    }
    room.step();
  }
  canceller.close();
  return { heard: room.captured, cleaned, counters: sound.counters, problems };
}

/** How much quieter the microphone became from second to second. */
export const erleDb = (run: { heard: number[]; cleaned: number[] }, from: number, to: number) =>
  10 * Math.log10(power(run.heard, from, to) / power(run.cleaned, from, to));

/** How much of the second person is left, as correlation, from second to second. */
export function keptVoice(cleaned: number[], said: Int16Array, from: number, to: number): number {
  const around = Int16Array.from(cleaned.slice(from * rateHz - 400, to * rateHz + 1_600));
  return bestCorrelation(around, said.slice(from * rateHz, to * rateHz), 8);
}
