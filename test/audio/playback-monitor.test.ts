import { describe, expect, test } from 'vitest';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { monitorLoudspeaker } from '../../src/audio/playback-monitor.ts';
import { loudspeakerContract } from '../contract/loudspeaker.contract.ts';
import { microphoneContract } from '../contract/microphone.contract.ts';
import { FakeClock } from '../support/fake-clock.ts';

function monitored(sampleRateHz = 24_000) {
  const clock = new FakeClock();
  const device = createNullLoudspeaker({ pacer: createPacer(clock, 60), sampleRateHz });
  return { clock, ...monitorLoudspeaker(device, clock) };
}

async function listening(sampleRateHz?: number) {
  const { clock, loudspeaker, monitor } = monitored(sampleRateHz);
  await loudspeaker.start(() => {});
  const heard: number[] = [];
  await monitor.start({ onChunk: (pcm) => heard.push(...pcm), onError: () => {} });
  return { clock, loudspeaker, monitor, heard };
}

/** 24 samples are a millisecond. */
const MS = 24;
const tone = (ms: number, value = 1000) => new Int16Array(ms * MS).fill(value);
/** Runs of equal samples as `value × ms`. */
function runs(pcm: readonly number[]): string[] {
  const found: { value: number; samples: number }[] = [];
  for (const value of pcm) {
    const last = found.at(-1);
    if (last?.value === value) last.samples += 1;
    else found.push({ value, samples: 1 });
  }
  return found.map(({ value, samples }) => `${value} × ${samples / MS}`);
}

describe('the monitor is a microphone', () => {
  microphoneContract(() => {
    const { clock, monitor } = monitored();
    return Promise.resolve({ microphone: monitor, pass: (ms) => clock.advanceAsync(ms), exact: true });
  });
});

describe('the loudspeaker stays one', () => {
  loudspeakerContract(() => {
    const { clock, loudspeaker } = monitored();
    return Promise.resolve({ loudspeaker, pass: (ms) => clock.advanceAsync(ms) });
  });
});

test('sound is heard when it is played, with the silence around it', async () => {
  const { clock, loudspeaker, heard } = await listening();
  await clock.advanceAsync(120);
  void loudspeaker.write(tone(60));
  void loudspeaker.write(tone(60, 2000));
  await clock.advanceAsync(240);
  expect(runs(heard)).toEqual(['0 × 120', '1000 × 60', '2000 × 60', '0 × 120']);
});

test('what is flushed before it was played is not heard', async () => {
  const { clock, loudspeaker, heard } = await listening();
  void loudspeaker.write(tone(120));
  await clock.advanceAsync(30);
  loudspeaker.flush();
  await clock.advanceAsync(90);
  expect(runs(heard)).toEqual(['1000 × 30', '0 × 90']);
});

test('a loudspeaker of another rate is heard at the same length', async () => {
  const { clock, loudspeaker, heard } = await listening(48_000);
  void loudspeaker.write(new Int16Array(48 * 100).fill(1000));
  await clock.advanceAsync(240);
  const loud = heard.filter((sample) => sample > 500).length / MS;
  expect(loud).toBeGreaterThan(98);
  expect(loud).toBeLessThan(102);
});

test('a process that slept six seconds hears the last three', async () => {
  const timers = new FakeClock();
  // By the first timer, which is due after 60 ms, six seconds have gone by.
  const clock = { ...timers, now: () => timers.now() * 100 };
  const { monitor } = monitorLoudspeaker(createNullLoudspeaker({ pacer: createPacer(clock, 60) }), clock);
  let samples = 0;
  await monitor.start({
    onChunk: (pcm) => {
      samples += pcm.length;
    },
    onError: () => {},
  });
  timers.advance(60);
  expect(samples / MS).toBe(3_000);
});
