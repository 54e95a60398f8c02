import { expect, it } from 'vitest';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { Downlink } from '../../src/audio/downlink.ts';
import type { OpusCodec } from '../../src/ports/opus-codec.ts';
import { FakeClock } from '../support/fake-clock.ts';

const frameMs = 60;
const loud = 1;
const silent = 0;

const codec: OpusCodec = {
  createEncoder: () => {
    throw new Error('nobody speaks here');
  },
  createDecoder: () => ({
    sampleRateHz: 24_000,
    decode: (packet) => new Int16Array(1_440).fill(packet[1] === loud ? 8_000 : 0),
    reset: () => {},
  }),
  packetDurationMs: () => frameMs,
};

/** 60 frames of a sender that keeps time; the first three were handled together. Tells when it was over, and counts. */
async function answer(soundOf: (frame: number) => number) {
  const clock = new FakeClock();
  const drainedAtMs: number[] = [];
  const nothing = () => {};
  const onDrained = () => drainedAtMs.push(clock.now());
  const downlink = new Downlink({
    codec,
    clock,
    volumePercent: 100,
    edges: { onStarted: nothing, onStarved: nothing, onDrained, onFlushed: nothing },
    onProblem: (error) => expect.unreachable(error.message),
  });
  const loudspeaker = createNullLoudspeaker({ pacer: createPacer(clock, frameMs) });
  let heardLoudMs = 0;
  const { write } = loudspeaker;
  loudspeaker.write = (pcm) => {
    heardLoudMs += pcm.filter((sample) => sample !== 0).length / 24;
    return write.call(loudspeaker, pcm);
  };
  await loudspeaker.start(nothing);
  downlink.connect(loudspeaker);
  downlink.setGate('open');
  downlink.begin();
  await clock.advanceAsync(2 * frameMs);
  for (let frame = 0; frame < 60; frame++) {
    if (frame > 2) await clock.advanceAsync(frameMs);
    downlink.push(Uint8Array.of(0x0b, soundOf(frame)));
  }
  downlink.finish();
  await clock.advanceAsync(1_000);
  return { endedMs: drainedAtMs[0], heardLoudMs };
}

it('what an answer was late by at its start is taken from its silences', async () => {
  const pausing = (frame: number) => (frame % 20 < 15 ? loud : silent);
  const { endedMs, heardLoudMs } = await answer(pausing);
  // Sent in 3600 ms; two frames late at first.
  expect(endedMs).toBeLessThanOrEqual(60 * frameMs + 20);
  expect(heardLoudMs).toBe(45 * frameMs);
});

it('no sound is left out', async () => {
  const { endedMs, heardLoudMs } = await answer(() => loud);
  expect([endedMs, heardLoudMs]).toEqual([62 * frameMs, 60 * frameMs]);
});
