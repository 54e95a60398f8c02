import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JitterBuffer, type Pulled } from '../../src/audio/jitter-buffer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { frameMs, percentile, simulateAnswer } from '../support/network-simulation.ts';

const packet = (number: number) => Uint8Array.of(number);

function bench() {
  const clock = new FakeClock();
  const buffer = new JitterBuffer({ clock, durationOf: () => frameMs });
  const say = (pulled: Pulled) =>
    pulled.kind === 'frame'
      ? `frame ${pulled.packet[0]}`
      : pulled.kind === 'wait'
        ? `wait ${pulled.delayMs}`
        : pulled.kind === 'conceal'
          ? `conceal ${pulled.durationMs}`
          : 'empty';
  return {
    clock,
    buffer,
    push: (...numbers: number[]) => {
      for (const number of numbers) buffer.push(packet(number), number);
    },
    pull: (pendingMs = 0, quiet = false) => say(buffer.pull({ pendingMs, quiet })),
  };
}

describe('the jitter buffer', () => {
  it('plays a burst at once and in order', () => {
    const { push, pull } = bench();
    push(1, 2, 3);
    expect([pull(), pull(60), pull(120)]).toEqual(['frame 1', 'frame 2', 'frame 3']);
  });

  it('keeps a single first frame for one frame at most', () => {
    const { clock, push, pull } = bench();
    push(1);
    expect(pull()).toBe('wait 60');
    clock.advance(60);
    expect(pull()).toBe('frame 1');
  });

  it('puts packets that overtook one another in order', () => {
    const { push, pull } = bench();
    push(2, 1, 4, 3);
    expect([pull(), pull(60), pull(60), pull(60)]).toEqual(['frame 1', 'frame 2', 'frame 3', 'frame 4']);
  });

  it('waits for a missing frame as long as the loudspeaker can go on, then hides the gap', () => {
    const { clock, buffer, push, pull } = bench();
    push(1, 2, 4, 5);
    pull();
    pull(60);
    expect(pull(120)).toBe('wait 100');
    clock.advance(200);
    expect([pull(20), pull(20)]).toEqual(['conceal 60', 'frame 4']);
    expect(buffer.counters).toMatchObject({ played: 3, concealed: 1, late: 0 });
  });

  it('counts a frame that comes after its place was filled as late, and no longer as concealed', () => {
    const { clock, buffer, push, pull } = bench();
    push(1, 2, 4);
    pull();
    pull(60);
    clock.advance(200);
    pull(20);
    push(3);
    expect(buffer.counters).toMatchObject({ received: 4, concealed: 0, late: 1 });
    push(3, 1);
    expect(buffer.counters).toMatchObject({ late: 1, duplicates: 2 });
  });

  it('drains to the last frame after finish and waits for nothing that will not come', () => {
    const { buffer, push, pull } = bench();
    push(1);
    buffer.finish();
    expect([pull(), pull(20)]).toEqual(['frame 1', 'empty']);
  });

  it('lets a tail that was overtaken by the end still arrive while the loudspeaker plays', () => {
    const { buffer, push, pull } = bench();
    push(1, 2);
    buffer.finish();
    pull();
    pull(60);
    expect(pull(120)).toBe('wait 100');
    push(3);
    expect(pull(60)).toBe('frame 3');
  });

  it('takes packets without numbers in the order they come', () => {
    const { buffer, pull } = bench();
    for (const number of [7, 3, 9]) buffer.push(packet(number));
    expect([pull(), pull(60), pull(60)]).toEqual(['frame 7', 'frame 3', 'frame 9']);
    buffer.finish();
    expect(pull(60)).toBe('empty');
  });

  it('takes no pause between two answers for lost frames, nor late ones of the first for the second', () => {
    const { clock, buffer, push, pull } = bench();
    buffer.begin();
    push(1, 2, 3);
    for (let i = 0; i < 3; i++) pull(20);
    buffer.finish();
    pull();
    clock.advance(10_000);
    buffer.begin();
    push(6, 7, 2);
    expect(pull()).toBe('wait 60');
    clock.advance(60);
    expect([pull(), pull(60)]).toEqual(['frame 6', 'frame 7']);
    expect(buffer.counters).toMatchObject({ played: 5, concealed: 0 });
  });

  it('forgets everything at once on flush, and what comes late from before it', () => {
    const { buffer, push, pull } = bench();
    push(1, 2, 3);
    pull();
    expect(buffer.flush()).toBe(2);
    push(3);
    expect(pull()).toBe('empty');
    expect(buffer.counters).toMatchObject({ received: 4, played: 1, flushed: 2 });
  });

  it('plays what is left of one session before the next, whose numbers begin anew', () => {
    const { buffer, push, pull } = bench();
    push(90, 91);
    expect(pull()).toBe('frame 90');
    buffer.newStream();
    push(1, 2);
    expect([pull(60), pull(60), pull(60)]).toEqual(['frame 91', 'frame 1', 'frame 2']);
    buffer.flush();
    buffer.newStream();
    push(1, 2);
    expect(pull()).toBe('frame 1');
  });

  it('never holds more than a thousand packets', () => {
    const { buffer } = bench();
    for (let number = 0; number < 1_500; number++) buffer.push(packet(0), number);
    expect([buffer.length, buffer.counters.dropped]).toEqual([1_000, 500]);
  });

  it('jumps a long hole instead of filling it with a made-up voice', () => {
    const { clock, buffer, push, pull } = bench();
    push(1, 2);
    pull();
    pull(60);
    clock.advance(10_000);
    push(200, 201);
    const heard = Array.from({ length: 12 }, () => pull(0));
    expect(heard.slice(0, 9)).toEqual([...Array(8).fill('conceal 60'), 'frame 200']);
    expect(buffer.counters.concealed).toBe(197);
  });
});

describe('an answer over a network', () => {
  const disturbances = [
    { loss: 0.05 },
    { jitterMs: 40 },
    { jitterMs: 120 },
    { reorder: 0.1 },
    { loss: 0.1, jitterMs: 40, reorder: 0.05 },
    { loss: 0.2, jitterMs: 120, reorder: 0.1, duplicate: 0.1 },
  ];

  it.each([6, 1])('that is perfect is not put off by more than a frame (burst of %i)', (leadFrames) => {
    const { addedDelayMs, silencesMs, counters } = simulateAnswer({ frames: 500, leadFrames });
    expect(Math.max(...addedDelayMs)).toBeLessThanOrEqual(frameMs);
    expect(silencesMs).toEqual([]);
    expect(counters).toMatchObject({ played: 500, concealed: 0, late: 0, skipped: 0, insertedMs: 0 });
  });

  it.each([6, 1])(
    'with 10 %% loss, 40 ms jitter, 5 %% reordering stays within the promise (burst of %i)',
    (leadFrames) => {
      for (const seed of [1, 2, 3, 4, 5]) {
        const { addedDelayMs, silencesMs, order, counters } = simulateAnswer({
          frames: 1_000,
          leadFrames,
          network: { loss: 0.1, jitterMs: 40, reorder: 0.05, duplicate: 0.02, seed },
        });
        expect(counters.late / 1_000).toBeLessThanOrEqual(0.005);
        const lost = 1_000 - counters.received;
        expect(counters.concealed - lost).toBeLessThanOrEqual(5);
        expect(percentile(addedDelayMs, 0.95)).toBeLessThanOrEqual(180);
        expect(Math.max(0, ...silencesMs)).toBeLessThanOrEqual(2 * frameMs);
        const played = order.filter((frame) => frame >= 0);
        expect(new Set(played).size).toBe(played.length);
      }
    },
  );

  it('is accounted for frame by frame, and played in order, whatever the network does', () => {
    const network = fc.record({
      loss: fc.double({ min: 0, max: 0.3, noNaN: true }),
      jitterMs: fc.integer({ min: 0, max: 200 }),
      reorder: fc.double({ min: 0, max: 0.3, noNaN: true }),
      duplicate: fc.double({ min: 0, max: 0.3, noNaN: true }),
      seed: fc.integer({ min: 0, max: 0xffffffff }),
    });
    fc.assert(
      fc.property(network, fc.integer({ min: 1, max: 8 }), (impairment, leadFrames) => {
        const { order, counters } = simulateAnswer({ frames: 150, leadFrames, network: impairment });
        const played = order.filter((frame) => frame >= 0);
        expect(played).toEqual([...new Set(played)].sort((a, b) => a - b));
        expect(counters.received).toBe(counters.played + counters.skipped + counters.late);
        expect(counters.played).toBe(played.length);
        expect(counters.played + counters.skipped + counters.concealed + counters.late).toBeLessThanOrEqual(
          150,
        );
      }),
      { numRuns: 60 },
    );
  });

  it.each(disturbances)('loses nothing but what the network has lost: %o', (network) => {
    const { counters } = simulateAnswer({ frames: 1_000, network });
    expect(counters.late).toBeLessThanOrEqual(5);
    expect(counters.played + counters.late).toBe(counters.received);
  });

  it('goes back to less delay in quiet moments after a stall', () => {
    const { addedDelayMs, counters } = simulateAnswer({
      frames: 1_000,
      leadFrames: 1,
      quiet: (frame) => frame % 10 > 6,
      stallMs: (frame) => (frame >= 100 && frame < 115 ? 900 - (frame - 100) * 60 : 0),
    });
    expect(counters.late + counters.concealed).toBe(0);
    expect(counters.skipped).toBeGreaterThan(0);
    expect(Math.max(...addedDelayMs)).toBeGreaterThan(500);
    expect(addedDelayMs.at(-1)).toBeLessThan(300);
  });

  it.each([1.002, 0.998])('follows a sender whose clock runs at %d of ours', (senderSpeed) => {
    const { counters, silencesMs, addedDelayMs } = simulateAnswer({
      frames: 5_000,
      leadFrames: 1,
      senderSpeed,
      network: { jitterMs: 20 },
      quiet: (frame) => frame % 25 > 18,
    });
    expect(counters.played + counters.skipped).toBe(5_000);
    expect(silencesMs.filter((ms) => ms > frameMs)).toEqual([]);
    expect(counters.concealed + counters.late).toBe(0);
    // 5000 frames drift by 600 ms; uncorrected, a fast sender would be that much behind at the end.
    if (senderSpeed > 1) expect((addedDelayMs.at(-1) as number) + 600).toBeLessThan(400);
  });

  it('loses no beginning of many short ones', () => {
    const clock = new FakeClock();
    const buffer = new JitterBuffer({ clock, durationOf: () => frameMs });
    const frames = 28;
    for (let answer = 0; answer < 40; answer++) {
      const network = { loss: 0.1, jitterMs: 40, reorder: 0.05, seed: answer };
      simulateAnswer({ frames, from: 1 + answer * frames, network, buffer }, clock);
    }
    const { received, played, late } = buffer.counters;
    expect(played + late).toBe(received);
    expect(late / received).toBeLessThan(0.01);
  });

  it('does not take a burst for jitter, in whatever order it arrives', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { addedDelayMs } = simulateAnswer({ frames: 100, network: { jitterMs: 10, seed } });
      expect(Math.max(...addedDelayMs)).toBeLessThanOrEqual(frameMs);
    }
  });

  it('does not take a sender that runs far ahead for drift', () => {
    const { counters } = simulateAnswer({ frames: 400, senderSpeed: 4, quiet: () => true });
    expect(counters).toMatchObject({ played: 400, skipped: 0, concealed: 0 });
  });
});
