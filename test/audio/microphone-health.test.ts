import { describe, expect, test } from 'vitest';
import { type Ailment, HealthCheck, watchMicrophone } from '../../src/audio/microphone-health.ts';
import { FakeMicrophone } from '../support/device-harness.ts';
import { settle } from '../support/fake-clock.ts';
import { tone } from '../support/signals.ts';

const rate = 16_000;
const chunkMs = 20;
const zeros = new Int16Array((rate * chunkMs) / 1000);
const speech = tone(300, rate, chunkMs);
const clipped = speech.map((sample) => (sample > 0 ? 32_767 : -32_768));
const faint = speech.map((sample) => Math.round(sample / 2000));
const shifted = speech.map((sample) => Math.round(sample / 10) + 3000);

function told(...parts: readonly [pcm: Int16Array, ms: number][]): Ailment[] {
  const ailments: Ailment[] = [];
  const check = new HealthCheck((ailment) => ailments.push(ailment));
  for (const [pcm, ms] of parts) for (let at = 0; at < ms; at += chunkMs) check.push(pcm, rate);
  return ailments;
}

describe('a microphone that is open', () => {
  test.each<[Ailment, Int16Array, number]>([
    ['silent', zeros, 3000],
    ['clipping', clipped, 3000],
    ['offset', shifted, 3000],
    ['quiet', faint, 60_000],
  ])('and %s is told of once, after some seconds', (ailment, pcm, afterMs) => {
    expect(told([pcm, afterMs - chunkMs])).toEqual([]);
    expect(told([pcm, 3 * afterMs])).toEqual([ailment]);
  });

  test('is told of again when it has been well in between', () => {
    expect(told([zeros, 4000], [speech, 1000], [zeros, 30_000])).toEqual(['silent', 'silent']);
  });

  test('and is still between sentences, as behind a noise gate, is told nothing of', () => {
    const sentence: [Int16Array, number][] = [
      [speech, 2000],
      [zeros, 20_000],
    ];
    expect(told(...sentence, ...sentence, ...sentence)).toEqual([]);
  });

  test('and hears speech, or the noise of a room, is told nothing of', () => {
    const noise = speech.map((_, at) => ((at * 7919) % 241) - 120);
    expect(told([speech, 120_000], [noise, 120_000])).toEqual([]);
  });
});

test('the person is told why it is silent, where the sound server knows', async () => {
  const said: string[] = [];
  const fake = new FakeMicrophone();
  const microphone = watchMicrophone(fake, {
    onProblem: ({ code, message }) => said.push(`${code} ${message}`),
    diagnose: () => Promise.resolve('"USB" is muted: run "pactl set-source-mute usb 0".'),
  });
  const heard: number[] = [];
  await microphone.start({ onChunk: (pcm) => heard.push(pcm.length), onError: () => {} });
  for (let ms = 0; ms < 4000; ms += chunkMs) fake.hear(zeros);
  await settle();
  expect(said).toEqual([
    'AUDIO_INPUT_SILENT The microphone fake is open and gives nothing but silence. "USB" is muted: run "pactl set-source-mute usb 0".',
  ]);
  expect(heard).toHaveLength(200);
});
