import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaybackTimestamps } from '../../src/audio/playback-timestamps.ts';

const playedAll = (...timestamps: number[]): PlaybackTimestamps => {
  const played = new PlaybackTimestamps();
  for (const timestampMs of timestamps) played.played(timestampMs);
  return played;
};
const take = (from: PlaybackTimestamps, count: number) => Array.from({ length: count }, () => from.next());

describe('timestamps for a server that cancels echo (F60)', () => {
  it('go out once each, in the order of playing, then 0', () => {
    expect(take(playedAll(100, 160, 220), 4)).toEqual([100, 160, 220, 0]);
  });

  it('of frames that had none are not kept', () => {
    expect(take(playedAll(0, 100, 0), 2)).toEqual([100, 0]);
  });

  it('are thrown away while more than three wait: they are of sound that has gone', () => {
    expect(take(playedAll(1, 2, 3, 4, 5), 6)).toEqual([0, 0, 3, 4, 5, 0]);
  });

  it('are forgotten with the answer', () => {
    const played = playedAll(100, 160);
    played.clear();
    expect(take(played, 1)).toEqual([0]);
  });

  it('are bounded, whatever is played and never asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1 }), { maxLength: 600 }), (timestamps) => {
        const played = playedAll(...timestamps);
        const kept = Math.min(timestamps.length, 256);
        expect(played.dropped).toBe(timestamps.length - kept);
        const stale = Math.max(0, kept - 3);
        expect(take(played, kept + 1)).toEqual([
          ...Array(stale).fill(0),
          ...timestamps.slice(timestamps.length - (kept - stale)),
          0,
        ]);
      }),
    );
  });
});
