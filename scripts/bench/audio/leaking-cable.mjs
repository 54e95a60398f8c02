// Interrupting in real time: the whole way through a sound server, a room in which the microphone hears the loudspeaker
// (scripts/virtual-room.mjs), the native canceller and the voice detector. The person's own way to the microphone, about 30 ms,
// is part of the delay.

import { microphoneOf } from '../../../src/adapters/audio/capture.ts';
import { createSpeakerLoudspeaker } from '../../../src/adapters/audio/loudspeaker-speaker.ts';
import { createRecordCapture } from '../../../src/adapters/audio/microphone-lpcm16.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { createEchoCancelledSound } from '../../../src/audio/echo-cancelled-sound.ts';
import { NearEnd } from '../../../src/audio/near-end.ts';
import { createResampler } from '../../../src/audio/resampler.ts';
import { watchLoudspeaker } from '../../../src/audio/watched-loudspeaker.ts';
import { monotonicClock as clock } from '../../../src/core/clock.ts';
import { fluentSpeech, higherVoice, parts } from '../../../test/native/support.ts';
import { percentile, wait } from '../statistics.mjs';
import { atLeast, atMost, info } from './rows.mjs';

const PROMISED_MS = 400;
const FRAME_MS = 60;
const ANSWER_MS = 6_000;
const PAUSE_MS = 1_000;
const PERSON_MS = 1_500;
const surroundings = { env: process.env, alsaDirectory: '/nowhere' };
const pacer = createPacer(clock, FRAME_MS);

export async function measureLeakingCable({ trials, falseAlarmSeconds }) {
  const room = await openRoom();
  // The canceller learns the room.
  await room.answer();
  let falseAlarms = 0;
  for (let played = 0; played < falseAlarmSeconds * 1000; played += ANSWER_MS)
    falseAlarms += (await room.answer()).length;
  const { erleDb } = room.counters;
  const delays = [];
  for (let trial = 0; trial < trials; trial++) {
    const spokenAfterMs = 2_500 + 137 * (trial % 8);
    const detected = await room.answer({ spokenAfterMs, pitch: 0.85 + 0.1 * (trial % 6) });
    const delay = detected.map((ms) => ms - spokenAfterMs).find((ms) => ms >= 0 && ms <= PERSON_MS + 100);
    falseAlarms += detected.filter((ms) => ms < spokenAfterMs).length;
    delays.push(delay ?? Number.POSITIVE_INFINITY);
  }
  const { delayMs, realigned } = room.counters;
  await room.close();
  const within = (100 * delays.filter((ms) => ms <= PROMISED_MS).length) / trials;
  const tails = `of ${trials}; p50 ${Math.round(percentile(delays, 0.5))}, p95 ${Math.round(percentile(delays, 0.95))} ms`;
  return [
    atLeast('leaking cable: interruptions noticed within 400 ms', within, '%', 95, tails),
    atMost(
      `  false alarms in ${Math.round(falseAlarmSeconds + (trials * ANSWER_MS) / 1000)} s`,
      falseAlarms,
      '',
      0,
    ),
    atLeast('  echo loss while nobody else speaks', erleDb ?? 0, 'dB', 20, 'noise suppression included'),
    info('  echo after it was promised', delayMs ?? Number.NaN, 'ms', `far end moved ${realigned} times`),
  ];
}

async function openRoom() {
  const { createEchoCanceller, createVoiceDetector, problem } = parts;
  if (!createEchoCanceller || !createVoiceDetector) throw new Error(problem);
  const canceller = createEchoCanceller({ sampleRateHz: 16_000, noiseSuppression: true, gainControl: false });
  const sound = createEchoCancelledSound({
    microphone: microphoneOf(createRecordCapture({ clock, surroundings, device: 'room_microphone' })),
    loudspeaker: createSpeakerLoudspeaker({ pacer, surroundings, device: 'room_loudspeaker' }),
    canceller,
    clock,
    onProblem: fail,
  });
  let detected = [];
  let answerFromMs = 0;
  const nearEnd = new NearEnd({
    clock,
    voiceDetector: createVoiceDetector(),
    ownVoice: sound,
    sampleRateHz: 16_000,
    onSpeechStarted: () => detected.push(clock.now() - answerFromMs),
    onSpeechEnded: () => {},
    onWakeWord: () => {},
  });
  const loudspeaker = watchLoudspeaker(sound.loudspeaker, nearEnd);
  const person = createSpeakerLoudspeaker({ pacer, surroundings, device: 'to_room_microphone' });
  await Promise.all([loudspeaker.start(fail), person.start(fail)]);
  await sound.microphone.start({ onChunk: (pcm) => nearEnd.push(pcm), onError: fail });
  const speech = fluentSpeech();
  const words = createResampler(16_000, loudspeaker.sampleRateHz).push(speech);
  let played = 0;

  /** One answer of the device, into which a person speaks or not; when voices were noticed, in ms from its beginning. */
  async function answer({ spokenAfterMs, pitch } = {}) {
    detected = [];
    answerFromMs = clock.now();
    nearEnd.attend({ voice: 'barge-in', wakeWord: false });
    const speaking = spokenAfterMs === undefined ? undefined : speak(spokenAfterMs, pitch);
    const samples = (loudspeaker.sampleRateHz * FRAME_MS) / 1000;
    for (let ms = 0; ms < ANSWER_MS; ms += FRAME_MS) {
      const from = played % (words.length - samples);
      played += samples;
      await loudspeaker.write(words.slice(from, from + samples).map((sample) => sample / 2));
    }
    await wait(loudspeaker.pendingMs());
    await speaking;
    nearEnd.attend({ voice: 'none', wakeWord: false });
    const found = detected;
    await wait(PAUSE_MS);
    return found;
  }

  async function speak(afterMs, pitch) {
    const voice = createResampler(16_000, person.sampleRateHz).push(higherVoice(speech, pitch));
    const samples = (person.sampleRateHz * FRAME_MS) / 1000;
    const from = Math.floor(pitch * 100_000) % (voice.length - samples * (PERSON_MS / FRAME_MS));
    await wait(answerFromMs + afterMs - clock.now());
    for (let i = 0; i < PERSON_MS / FRAME_MS; i++) {
      const at = from + i * samples;
      await person.write(voice.slice(at, at + samples).map((sample) => sample * 0.6));
    }
  }

  return {
    answer,
    get counters() {
      return sound.counters;
    },
    close: async () => {
      await Promise.all([sound.microphone.stop(), loudspeaker.stop(), person.stop()]);
      canceller.close();
    },
  };
}

function fail(error) {
  throw error;
}
