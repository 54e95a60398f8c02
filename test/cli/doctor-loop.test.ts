import { describe, expect, test } from 'vitest';
import { createResampler } from '../../src/audio/resampler.ts';
import { echoLossDb } from '../../src/cli/doctor/echo-loss.ts';
import { findingLines } from '../../src/cli/doctor/finding.ts';
import { analyseLoop, makeSweep } from '../../src/cli/doctor/loop-analysis.ts';
import { loopFindings } from '../../src/cli/doctor/loop-check.ts';
import { noise } from '../support/signals.ts';

const RATE_HZ = 16_000;
const DISTANCE = 2 * RATE_HZ;
const WRITTEN_AT = 4_800;

/** Two sweeps as a microphone would have them: late, quieter, by another clock, in noise. */
function recordingOf({ delayMs = 80, gain = 0.5, ppm = 0, noiseLevel = 0.001, heard = true } = {}) {
  const sweep = makeSweep(RATE_HZ);
  const pcm = noise(WRITTEN_AT + DISTANCE + 2 * RATE_HZ, noiseLevel);
  const put = (at: number) => {
    for (const [i, sample] of sweep.entries()) {
      const sum = (pcm[at + i] ?? 0) + gain * sample;
      pcm[at + i] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
  };
  const first = WRITTEN_AT + (delayMs * RATE_HZ) / 1000;
  if (heard) {
    put(first);
    put(first + Math.round(DISTANCE * (1 - ppm / 1e6)));
  }
  return { sampleRateHz: RATE_HZ, heard: pcm, sweep, writtenAt: WRITTEN_AT, distance: DISTANCE };
}

const reportOf = (options: Parameters<typeof recordingOf>[0]) =>
  loopFindings('speaker → record', analyseLoop(recordingOf(options)))
    .map(findingLines)
    .join('');

describe('the sweep', () => {
  test('is found where it is, with its level, its loss and its delay', () => {
    const figures = analyseLoop(recordingOf({ delayMs: 123 }));
    expect(figures).toMatchObject({ delayMs: 123, clipped: 0, driftPpm: 0 });
    expect(figures.lossDb).toBeCloseTo(6, 1);
    expect(figures.resemblance).toBeGreaterThan(0.99);
    expect(figures.backgroundDb).toBeCloseTo(-65, 0);
  });

  test('tells how much faster one clock is', () => {
    expect(analyseLoop(recordingOf({ ppm: 500 })).driftPpm).toBeCloseTo(500, -1);
  });

  test('is the same sound at every rate', () => {
    const converted = createResampler(48_000, RATE_HZ).push(makeSweep(48_000));
    expect(analyseLoop({ ...recordingOf(), sweep: converted }).resemblance).toBeGreaterThan(0.95);
  });
});

describe('the report', () => {
  test('of a sound server that leaves no echo does not ask to turn anything up', () => {
    const figures = analyseLoop(recordingOf({ heard: false }));
    expect(loopFindings('speaker → record', figures, 'system').map(findingLines).join('')).toMatch(
      /^! Sound loop: speaker → record: nothing of the loudspeaker is left .*\n {4}→ With "--set audio\.aec=off"/,
    );
  });

  test('of a good room is three good lines', () => {
    expect(reportOf({})).toBe(
      '✓ Sound loop: speaker → record: heard at -20 dBFS, 6 dB below what was played; background -65 dBFS\n' +
        '✓ Sound loop: the microphone hears the loudspeaker 80 ms after it is told to play\n' +
        '✓ Sound loop: the clocks of loudspeaker and microphone differ by 0 ppm\n',
    );
  });

  test.each([
    [{ heard: false }, /does not hear the loudspeaker.*\n +→ Turn both up/],
    [{ gain: 5 }, /samples clipped\.\n +→ Turn the microphone down/],
    [{ gain: 0.01, noiseLevel: 0.0001 }, /faint\.\n +→ Turn the microphone up/],
    [{ noiseLevel: 0.1 }, /noisy\.\n +→ Turn the microphone down/],
    [{ delayMs: 500 }, /500 ms .* late\.\n +→ Bluetooth/],
    [{ ppm: 1_000 }, /1000 ppm, which is much\.\n +→ .*one device for both/],
  ])('of %j says what to change', (options, words) => {
    expect(reportOf(options)).toMatch(words);
  });
});

describe('echo loss', () => {
  const played = noise(6 * RATE_HZ, 0.3);
  const lateMs = 100;
  const heard = new Int16Array(played.length + RATE_HZ);
  heard.set(
    played.map((sample) => sample / 2),
    (lateMs * RATE_HZ) / 1000,
  );
  const recording = { sampleRateHz: RATE_HZ, played, heard, heardAt: (lateMs * RATE_HZ) / 1000 };
  const canceller = (process: (near: Int16Array, far: Int16Array) => void) => ({
    sampleRateHz: RATE_HZ,
    samplesPerFrame: 160,
    process,
    close: () => {},
  });

  test('is nothing with a canceller that does nothing', () => {
    expect(
      echoLossDb(
        recording,
        canceller(() => {}),
      ),
    ).toBe(0);
  });

  test('is what the canceller takes away, which gets the far end 20 ms before its echo', () => {
    const late: number[] = [];
    const knowing = canceller((near, far) => {
      for (let i = 0; i < near.length; i++) {
        late.push(far[i] as number);
        near[i] = Math.round((near[i] as number) - 0.45 * (late[late.length - 321] ?? 0));
      }
    });
    expect(echoLossDb(recording, knowing)).toBeCloseTo(20, 0);
  });
});
