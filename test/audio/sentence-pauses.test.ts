import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JitterBuffer } from '../../src/audio/jitter-buffer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { frameMs, type Heard, type Journey, simulateAnswer } from '../support/network-simulation.ts';

type Wire = 'WebSocket' | 'UDP';
const wires: readonly Wire[] = ['WebSocket', 'UDP'];

/** One device, one server: what is learnt in one answer is known in the next. */
function conversation(wire: Wire) {
  const clock = new FakeClock();
  const buffer = new JitterBuffer({ clock, durationOf: () => frameMs });
  let from = 1;
  return {
    buffer,
    hear(journey: Omit<Journey, 'buffer' | 'from' | 'ordered'>): Heard {
      const heard = simulateAnswer({ ...journey, buffer, from, ordered: wire === 'WebSocket' }, clock);
      from += journey.frames;
      return heard;
    },
  };
}

const sentenceFrames = 20;
/** The last three frames of each sentence are silent. */
const quiet = (frame: number) => frame % sentenceFrames >= sentenceFrames - 3;
const sentences = (pauseMs: number) => ({
  frames: 4 * sentenceFrames,
  quiet,
  pauseMs: (frame: number) => (frame > 0 && frame % sentenceFrames === 0 ? pauseMs : 0),
});

describe.each(wires)('a sender that pauses between sentences, over %s', (wire) => {
  it.each(
    [0, 60, 180, 300, 600, 5_000].flatMap((pauseMs) => [2, 5].map((leadFrames) => ({ pauseMs, leadFrames }))),
  )('is heard at once in every answer: $pauseMs ms, $leadFrames frames ahead', ({ pauseMs, leadFrames }) => {
    const { hear, buffer } = conversation(wire);
    for (let answer = 0; answer < 5; answer++) {
      const { firstSoundMs, addedDelayMs } = hear({ ...sentences(pauseMs), leadFrames });
      expect(firstSoundMs).toBeLessThanOrEqual(frameMs);
      expect(Math.max(...addedDelayMs)).toBeLessThanOrEqual(frameMs);
    }
    expect(buffer.counters).toMatchObject({ concealed: 0, late: 0, insertedMs: 0 });
  });

  it('whatever the sentences and the pauses, and later by no more than the network', () => {
    const sentence = fc.record({
      length: fc.integer({ min: 2, max: 40 }),
      pauseMs: fc.integer({ min: 0, max: 2_000 }),
    });
    const answer = fc.array(sentence, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(answer, { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 2, max: 8 }),
        fc.record({ jitterMs: fc.integer({ min: 0, max: 60 }), seed: fc.nat() }),
        (answers, leadFrames, network) => {
          const { hear } = conversation(wire);
          for (const spoken of answers) {
            const pauses = new Map<number, number>();
            let frames = 0;
            for (const { length, pauseMs } of spoken) {
              pauses.set(frames, frames === 0 ? 0 : pauseMs);
              frames += length;
            }
            const { firstSoundMs, order } = hear({
              frames,
              leadFrames,
              network,
              pauseMs: (frame) => pauses.get(frame) ?? 0,
            });
            expect(firstSoundMs).toBeLessThanOrEqual(frameMs + 2 * network.jitterMs);
            const heard = order.filter((frame) => frame >= 0);
            if (network.jitterMs === 0) expect(heard).toEqual(Array.from({ length: frames }, (_, n) => n));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is still protected from a network that disturbs', () => {
    const { hear, buffer } = conversation(wire);
    for (let seed = 1; seed <= 20; seed++)
      hear({ ...sentences(300), leadFrames: 2, network: { jitterMs: 60, seed } });
    const { played, skipped, late, received } = buffer.counters;
    expect(played + skipped + late).toBe(received);
    expect(late / received).toBeLessThan(0.005);
  });
});

describe.each(wires)('what delayed an answer once, over %s', (wire) => {
  const wait = wire === 'UDP' ? frameMs : 0;

  it('is given back in quiet moments when three packets were only handled together', () => {
    const { hear } = conversation(wire);
    const { addedDelayMs } = hear({
      ...sentences(0),
      leadFrames: 1,
      stallMs: (frame) => Math.max(0, 120 - frame * frameMs),
    });
    expect(addedDelayMs[0]).toBe(120);
    expect(addedDelayMs.at(-1)).toBeLessThanOrEqual(Math.max(20, wait));
  });

  it.each([1, 2, 5])(
    'is given back after a stall, and is gone in the next answer (%i frames ahead)',
    (leadFrames) => {
      const { hear } = conversation(wire);
      const stalled = hear({
        ...sentences(0),
        leadFrames,
        stallMs: (frame) => (frame >= 30 && frame < 34 ? Math.max(0, 200 - (frame - 30) * frameMs) : 0),
      });
      const next = hear({ ...sentences(0), leadFrames });
      expect(stalled.addedDelayMs.at(-1)).toBeLessThanOrEqual(20 + (leadFrames === 1 ? wait : 0));
      expect(Math.max(...next.addedDelayMs)).toBeLessThanOrEqual(leadFrames === 1 ? wait : 0);
      expect(stalled.counters).toMatchObject({ concealed: 0, late: 0 });
    },
  );

  it('is prepared for when it comes again and again', () => {
    const { hear, buffer } = conversation(wire);
    const { silencesMs } = hear({
      frames: 1_000,
      leadFrames: 1,
      quiet,
      stallMs: (frame) => (frame % 50 >= 30 && frame % 50 < 34 ? 200 - ((frame % 50) - 30) * frameMs : 0),
    });
    expect(silencesMs.length).toBeLessThanOrEqual(4);
    expect(buffer.counters.late).toBe(0);
  });
});

it.each([
  ['at once, when it is large', 6, 0],
  ['from the third answer on, when it could have been an accident', 3, 2],
])('the lead of a server that runs ahead in every answer is left as it is %s', (_, leadFrames, unsure) => {
  const { hear, buffer } = conversation('UDP');
  const leftOut = () => buffer.counters.leftOutMs + buffer.counters.skipped * frameMs;
  for (let answer = 0; answer < unsure; answer++) hear({ ...sentences(0), leadFrames });
  const before = leftOut();
  for (let answer = 0; answer < 5; answer++) hear({ ...sentences(0), leadFrames });
  expect(leftOut()).toBe(before);
});

it('an answer that comes as fast as the network takes it loses none of its silences', () => {
  for (const wire of wires) {
    const { hear, buffer } = conversation(wire);
    for (const leadFrames of [80, 7, 12])
      hear({
        frames: leadFrames === 80 ? 80 : 4 * leadFrames,
        leadFrames,
        quiet: () => true,
        senderSpeed: 8,
      });
    expect(buffer.counters).toMatchObject({ skipped: 0, leftOutMs: 0 });
  }
});
