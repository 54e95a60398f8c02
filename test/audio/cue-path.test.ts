import { expect, test } from 'vitest';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { createCuePath } from '../../src/audio/cue-path.ts';
import { cueSound, notesOf } from '../../src/audio/cue-sounds.ts';
import { createResampler } from '../../src/audio/resampler.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LeakingRoom } from '../support/leaking-room.ts';
import { bestCorrelation, concat, toneLevelDb } from '../support/signals.ts';

const rate = 16_000;
const { pcm, sampleRateHz } = await readWavFile('test/fixtures/speech-short.wav');
const speech = createResampler(sampleRateHz, rate).push(pcm).slice();

/** A second of what the microphone hears in a room in which this cue is played, and somebody speaks or not. */
async function hearCue(name: 'open' | 'wake' | 'close', nearSpeech: Int16Array) {
  const clock = new FakeClock();
  const room = new LeakingRoom({ clock, nearSpeech, leak: 0.5 });
  const path = createCuePath(room, clock);
  const heard: Int16Array[] = [];
  await path.microphone.start({ onChunk: (chunk) => heard.push(chunk.slice()), onError: () => {} });
  const cue = cueSound(name, 100);
  path.play(cue.pcm, cue.sampleRateHz, notesOf(name));
  for (let ms = 0; ms < 1000; ms += 20) {
    room.step();
    await clock.advanceAsync(0);
  }
  return { heard: concat(heard), untouched: Int16Array.from(room.captured), notesHz: notesOf(name) };
}

/** The loudest tenth of a second, by tenths of it. */
function loudestDb(sound: Int16Array, hz: number): number {
  const step = rate / 100;
  const levels = Array.from({ length: 80 }, (_, n) =>
    toneLevelDb(sound.subarray(n * step, n * step + rate / 20), hz, rate),
  );
  return Math.max(...levels);
}

test.each(['open', 'wake', 'close'] as const)('of the cue "%s" next to nothing is heard', async (name) => {
  const { heard, untouched, notesHz } = await hearCue(name, new Int16Array(rate));
  for (const hz of notesHz) expect(loudestDb(heard, hz)).toBeLessThan(loudestDb(untouched, hz) - 20);
});

test('who speaks at the same time is heard whole', async () => {
  const { heard } = await hearCue('open', speech);
  const first = heard.subarray(0, rate * 0.8);
  expect(bestCorrelation(first, speech.subarray(0, rate * 0.6), 4)).toBeGreaterThan(0.9);
});
