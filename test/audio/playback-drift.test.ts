import { describe, expect, it } from 'vitest';
import { PlaybackDrift } from '../../src/audio/playback-drift.ts';

const pieceMs = 20;

/** What is corrected in all while pieces follow each other so far apart. */
function correctedMs(pieces: number, apartMs: (index: number) => number): number {
  const drift = new PlaybackDrift();
  let startMs = 1_000;
  let sumMs = 0;
  for (let i = 0; i < pieces; i++) {
    sumMs += drift.push(startMs, pieceMs);
    startMs += apartMs(i);
  }
  return sumMs;
}

describe('the drift of a loudspeaker', () => {
  it.each([-1, 1])('is followed, to within 10 ms, in whole ms (%i)', (direction) => {
    const pieces = 20_000;
    const sumMs = correctedMs(pieces, () => pieceMs + direction * 0.002);
    expect(Math.abs(sumMs - direction * pieces * 0.002)).toBeLessThanOrEqual(10);
    expect(Number.isInteger(sumMs)).toBe(true);
    expect(sumMs).not.toBe(0);
  });

  it('is none where pieces are promised a little too soon or too late by turns', () => {
    expect(correctedMs(5_000, (i) => pieceMs + (i % 2 === 0 ? 1.5 : -1.5))).toBe(0);
  });

  it('is none where something was lost', () => {
    expect(correctedMs(500, (i) => pieceMs + (i % 50 === 0 ? 45 : 0))).toBe(0);
  });
});
