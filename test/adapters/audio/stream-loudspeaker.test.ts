import { expect, test } from 'vitest';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { createStreamLoudspeaker } from '../../../src/adapters/audio/stream-loudspeaker.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import { loudspeakerContract } from '../../contract/loudspeaker.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A sound card; one that is not `taking` leaves everything waiting. */
function card({ taking = true } = {}) {
  const clock = new FakeClock();
  const pacer = createPacer(clock, 60);
  const state = { played: 0, closed: 0, flushed: 0, waitingBytes: 0 };
  const errors: ClientError[] = [];
  let lose = (_reason: string) => {};
  const loudspeaker = createStreamLoudspeaker({
    name: 'card',
    pacer,
    latencyMs: 50,
    open: (onLost) => {
      lose = onLost;
      state.waitingBytes = 0;
      return Promise.resolve({
        sampleRateHz: 48_000,
        xruns: 3,
        get waitingBytes() {
          return state.waitingBytes;
        },
        write: (pcm) => {
          if (taking) state.played += pcm.length / 2;
          else state.waitingBytes += pcm.length;
        },
        flush: () => {
          state.flushed += 1;
        },
        close: () => {
          state.closed += 1;
          return Promise.resolve();
        },
      });
    },
  });
  const start = () => loudspeaker.start((error) => errors.push(error));
  return { loudspeaker, pacer, clock, state, errors, start, lose: (reason: string) => lose(reason) };
}

loudspeakerContract(() => {
  const { loudspeaker, clock } = card();
  return Promise.resolve({ loudspeaker, pass: (ms) => clock.advanceAsync(ms) });
});

test('heard is what the card has played, its latency included', async () => {
  const { loudspeaker, clock, state, start } = card();
  await start();
  await loudspeaker.write(new Int16Array(2_880));
  expect(state.played).toBe(2_880);
  expect(loudspeaker.pendingMs()).toBe(110);
  clock.advance(100);
  expect(loudspeaker.pendingMs()).toBe(10);
});

test.each([0, 5, 30, 55])(
  'a frame is always in hand, also beside a paced microphone that began %i ms ago',
  async (ms) => {
    const { loudspeaker, pacer, clock, start } = card();
    await start();
    pacer.add('capture', () => {});
    clock.advance(ms);
    const inHandMs: number[] = [];
    const play = async () => {
      for (let frame = 0; frame < 5; frame++) {
        inHandMs.push(loudspeaker.pendingMs());
        await loudspeaker.write(new Int16Array(2_880));
      }
    };
    const playing = play();
    await clock.advanceAsync(300);
    await playing;
    expect(inHandMs).toEqual([0, 110, 110, 110, 110]);
  },
);

test('an error of the driver is reported once, lets the writer go and closes the stream', async () => {
  const { loudspeaker, errors, state, start, lose } = card();
  await start();
  void loudspeaker.write(new Int16Array(2_880));
  const waiting = loudspeaker.write(new Int16Array(2_880));
  lose('write() failed: -1');
  lose('and once more');
  await waiting;
  await loudspeaker.write(new Int16Array(2_880));
  expect(errors).toMatchObject([
    { code: 'AUDIO_DEVICE_LOST', retryable: true, message: expect.stringContaining('write() failed: -1') },
  ]);
  expect(state.closed).toBe(1);
});

test('a card that takes nothing any more is given up before its queue grows beyond two seconds', async () => {
  const { loudspeaker, clock, errors, start, state } = card({ taking: false });
  await start();
  let maxQueued = 0;
  for (let i = 0; i < 60; i++) {
    void loudspeaker.write(new Int16Array(2_880));
    maxQueued = Math.max(maxQueued, state.waitingBytes);
    await clock.advanceAsync(60);
  }
  expect(maxQueued).toBeLessThan(2 * 48_000 * 2.1);
  expect(errors).toMatchObject([{ message: expect.stringContaining('takes no more sound') }]);
});

test('it can be started again after a loss', async () => {
  const { loudspeaker, state, start, lose } = card();
  await start();
  lose('gone');
  await start();
  await loudspeaker.write(new Int16Array(2_880));
  expect(state.played).toBe(2_880);
});

test('a flush reaches the card, and the count of its underruns comes back', async () => {
  const { loudspeaker, state, start } = card();
  expect(loudspeaker.xruns).toBe(0);
  await start();
  loudspeaker.flush();
  // Nothing is on its way that could be taken back, and some devices have to be opened anew for it.
  expect(state.flushed).toBe(0);
  void loudspeaker.write(new Int16Array(1_440));
  loudspeaker.flush();
  expect([state.flushed, loudspeaker.xruns]).toEqual([1, 3]);
});

test('a card that is lost before its start has ended is lost all the same', async () => {
  const errors: ClientError[] = [];
  let closed = 0;
  const loudspeaker = createStreamLoudspeaker({
    name: 'card',
    pacer: createPacer(new FakeClock(), 60),
    latencyMs: 0,
    open: (onLost) => {
      onLost('unplugged');
      const close = () => {
        closed += 1;
        return Promise.resolve();
      };
      return Promise.resolve({
        sampleRateHz: 48_000,
        xruns: 0,
        waitingBytes: 0,
        write() {},
        flush() {},
        close,
      });
    },
  });
  await loudspeaker.start((error) => errors.push(error));
  expect([errors.map(({ code }) => code), closed]).toEqual([['AUDIO_DEVICE_LOST'], 1]);
});
