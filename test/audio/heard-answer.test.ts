import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { Downlink } from '../../src/audio/downlink.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import type { OpusCodec } from '../../src/ports/opus-codec.ts';
import { FakeClock } from '../support/fake-clock.ts';

const frameMs = 60;
const frame = 1_440;

const codec: OpusCodec = {
  createEncoder: () => {
    throw new Error('nobody speaks here');
  },
  createDecoder: () => ({
    sampleRateHz: 24_000,
    decode: () => new Int16Array(frame).fill(1_000),
    reset: () => {},
  }),
  packetDurationMs: () => frameMs,
};

interface Bench {
  readonly clock: FakeClock;
  readonly downlink: Downlink;
  readonly told: string[];
  /** So many frames come at once. */
  push(frames: number): void;
  timesOf(what: string): number;
}

async function play(heardThresholdMs?: number, isUnheard = false): Promise<Bench> {
  const clock = new FakeClock();
  const told: string[] = [];
  const tell = (what: string) => () => told.push(`${clock.now()} ${what}`);
  const downlink = new Downlink({
    codec,
    clock,
    volumePercent: 100,
    ...(heardThresholdMs !== undefined && { heardThresholdMs }),
    edges: {
      onStarted: tell('started'),
      onStarved: tell('starved'),
      onHeard: tell('heard'),
      onDrained: tell('drained'),
      onFlushed: tell('flushed'),
    },
    onProblem: (error) => told.push(error.message),
  });
  const loudspeaker: Loudspeaker = Object.assign(
    createNullLoudspeaker({ pacer: createPacer(clock, frameMs) }),
    { isUnheard },
  );
  await loudspeaker.start(() => {});
  downlink.newStream({ isLossy: false });
  downlink.connect(loudspeaker);
  downlink.setGate('open');
  return {
    clock,
    downlink,
    told,
    push: (frames) => {
      for (let n = 0; n < frames; n++) downlink.push(Uint8Array.of(0x0b, 1));
    },
    timesOf: (what) => told.filter((entry) => entry.endsWith(` ${what}`)).length,
  };
}

describe('an answer counts as heard', () => {
  it('when a second of it has left the loudspeaker, not when it was given to it', async () => {
    const { clock, downlink, told, push } = await play();
    downlink.begin();
    push(30);
    await clock.advanceAsync(999);
    expect(told).toEqual(['0 started']);
    await clock.advanceAsync(1);
    expect(told).toEqual(['0 started', '1000 heard']);
    downlink.finish();
    await clock.advanceAsync(5_000);
    expect(told).toEqual(['0 started', '1000 heard', '1800 drained']);
  });

  it('at its end when it is shorter, right before that is told', async () => {
    const { clock, downlink, told, push } = await play();
    downlink.begin();
    push(5);
    downlink.finish();
    await clock.advanceAsync(5_000);
    expect(told).toEqual(['0 started', '300 heard', '300 drained']);
  });

  it('never, when nothing of it sounded', async () => {
    const { clock, downlink, told } = await play();
    downlink.begin();
    downlink.finish();
    await clock.advanceAsync(5_000);
    expect(told).toEqual(['0 drained']);
  });

  it('never, when it is cut off before, and what comes behind the cut was not the whole', async () => {
    const { clock, downlink, told, push } = await play();
    downlink.begin();
    push(30);
    await clock.advanceAsync(700);
    downlink.flush();
    downlink.finish();
    await clock.advanceAsync(5_000);
    expect(told).toEqual(['0 started', '700 flushed', '700 drained']);
  });

  it('when what was heard before and after a cut is long enough', async () => {
    const { clock, downlink, told, push } = await play();
    downlink.begin();
    push(30);
    await clock.advanceAsync(600);
    downlink.flush();
    push(30);
    await clock.advanceAsync(399);
    expect(told).not.toContain('1000 heard');
    await clock.advanceAsync(61);
    expect(told).toEqual(['0 started', '600 flushed', '600 started', '1000 heard']);
  });

  it('with gaps within it left out', async () => {
    const { clock, downlink, told, push } = await play();
    downlink.begin();
    push(10);
    await clock.advanceAsync(3_000);
    push(10);
    await clock.advanceAsync(3_000);
    expect(told).toEqual(['0 started', '600 starved', '3000 started', '3400 heard', '3600 starved']);
  });

  it('by its own sound, not by what is left of the one before', async () => {
    const { clock, downlink, told, push } = await play();
    downlink.begin();
    push(15);
    downlink.begin();
    push(30);
    await clock.advanceAsync(5_000);
    expect(told).toEqual(['0 started', '1900 heard', '2700 starved']);
  });

  it('after the threshold that was asked for; a sound of our own is an answer too', async () => {
    const { clock, downlink, told } = await play(200);
    downlink.begin();
    downlink.playSound(new Int16Array(24_000), 24_000);
    downlink.finish();
    await clock.advanceAsync(5_000);
    expect(told).toEqual(['0 started', '200 heard', '1000 drained']);
  });

  it('never, while something stands in for a loudspeaker that is lost', async () => {
    const { clock, downlink, told, push } = await play(undefined, true);
    downlink.begin();
    push(30);
    downlink.finish();
    await clock.advanceAsync(5_000);
    expect(told).toEqual(['0 started', '1800 drained']);
  });

  it('once at most, and only after so much sound, whatever happens to it', async () => {
    const step = fc.oneof(
      fc.record({ does: fc.constant('push' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ does: fc.constant('pass' as const), n: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ does: fc.constantFrom('flush' as const, 'finish' as const), n: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, downlink, push, timesOf } = await play();
        downlink.begin();
        let soundMs = 0;
        let isFinished = false;
        let wasDisturbed = false;
        for (const { does, n } of steps) {
          wasDisturbed ||= does === 'flush' || (does === 'push' && isFinished);
          isFinished ||= does === 'finish';
          if (does === 'pass') await clock.advanceAsync(n);
          else if (does === 'push') push(n);
          else downlink[does]();
          if (does === 'push') soundMs += n * frameMs;
        }
        await clock.advanceAsync(60_000);
        const times = timesOf('heard');
        expect(times).toBeLessThanOrEqual(1);
        if (times === 1) expect(soundMs >= 1_000 || (isFinished && soundMs > 0)).toBe(true);
        if (!wasDisturbed) expect(times === 1).toBe(soundMs >= 1_000 || (isFinished && soundMs > 0));
      }),
      { numRuns: 60 },
    );
  });
});
