import { createEchoCancelledSound } from '../../src/audio/echo-cancelled-sound.ts';
import { NearEnd } from '../../src/audio/near-end.ts';
import { EnergyVoiceDetector } from '../../src/audio/voice-activity.ts';
import { watchLoudspeaker } from '../../src/audio/watched-loudspeaker.ts';
import type { VoiceDetector } from '../../src/ports/voice-detector.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LeakingRoom, type RoomOptions } from '../support/leaking-room.ts';
import { noise } from '../support/signals.ts';
import { fluentSpeech, higherVoice, parts } from './support.ts';

const rateHz = 16_000;
const speech = fluentSpeech();
/** The device speaks, then rests: answers are not endless. */
const answerMs = 9_000;
const pauseMs = 1_000;

export interface Interruption {
  readonly atMs: number;
  readonly durationMs: number;
  /** Loudness of the person; 1 is that of the recordings. */
  readonly gain: number;
  /** How much higher than the recorded voice. */
  readonly pitch: number;
}

export interface Outcome {
  /** Times at which a voice was recognised, in ms. */
  readonly detectedMs: readonly number[];
}

/**
 * The device speaks with pauses for so many seconds in a leaking room, with the native canceller (where `native`), and is
 * interrupted by a person now and then. It goes on speaking, so that every trial is alike.
 */
export async function interruptInRoom(
  seconds: number,
  interruptions: readonly Interruption[],
  options: Omit<RoomOptions, 'clock'> & { detector?: VoiceDetector; farGain?: number } = {},
): Promise<Outcome & { readonly erleDb: number | undefined }> {
  const clock = new FakeClock();
  const room = new LeakingRoom({ clock, ...options, nearSpeech: people(seconds, interruptions) });
  if (!parts.createEchoCanceller) throw new Error(parts.problem);
  const canceller = parts.createEchoCanceller({
    sampleRateHz: rateHz,
    noiseSuppression: true,
    gainControl: false,
  });
  const sound = createEchoCancelledSound({ ...room, canceller, clock, onProblem: () => {} });
  const detectedMs: number[] = [];
  const nearEnd = new NearEnd({
    clock,
    voiceDetector: options.detector ?? parts.createVoiceDetector?.() ?? new EnergyVoiceDetector(rateHz),
    ownVoice: sound,
    sampleRateHz: rateHz,
    onSpeechStarted: () => detectedMs.push(clock.now()),
    onSpeechEnded: () => {},
    onWakeWord: () => {},
  });
  const loudspeaker = watchLoudspeaker(sound.loudspeaker, nearEnd);
  await sound.microphone.start({ onChunk: (pcm) => nearEnd.push(pcm), onError: () => {} });
  for (let played = 0; clock.now() < seconds * 1000; ) {
    const speaks = clock.now() % (answerMs + pauseMs) < answerMs;
    nearEnd.attend({ voice: speaks ? 'barge-in' : 'none', wakeWord: false });
    if (speaks && loudspeaker.pendingMs() < 120) {
      const far = Int16Array.from({ length: 960 }, (_, i) =>
        Math.round((speech[(played + i) % speech.length] as number) * (options.farGain ?? 0.5)),
      );
      void loudspeaker.write(far);
      played += 960;
    }
    room.step();
  }
  canceller.close();
  return { detectedMs, erleDb: sound.counters.erleDb };
}

/** The sound of everybody who interrupts. */
function people(seconds: number, interruptions: readonly Interruption[]): Int16Array {
  const near = new Int16Array(seconds * rateHz);
  for (const [i, { atMs, durationMs, gain, pitch }] of interruptions.entries()) {
    const voice = higherVoice(speech, pitch);
    const from = Math.round(atMs * (rateHz / 1000));
    const samples = Math.round(durationMs * (rateHz / 1000));
    for (let at = 0; at < samples && from + at < near.length; at++)
      near[from + at] = Math.round((voice[(i * 9_973 + at) % voice.length] as number) * gain);
  }
  return near;
}

/** One interruption in each answer, at different moments, by different people. */
export function oncePerAnswer(answers: number, gains: readonly number[]): Interruption[] {
  const random = noise(answers, 1, 7);
  return Array.from({ length: answers }, (_, i) => ({
    atMs: i * (answerMs + pauseMs) + 3_000 + Math.abs(random[i] as number) / 10,
    durationMs: 1_500,
    gain: gains[i % gains.length] as number,
    pitch: 0.85 + 0.1 * (i % 6),
  }));
}

/** From the beginning of each interruption to its recognition; undefined when it was missed. */
export function delaysMs(
  interruptions: readonly Interruption[],
  { detectedMs }: Outcome,
): (number | undefined)[] {
  return interruptions.map(({ atMs, durationMs }) => {
    const at = detectedMs.find((ms) => ms >= atMs && ms <= atMs + durationMs + 100);
    return at === undefined ? undefined : at - atMs;
  });
}
