import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { createStreamLoudspeaker } from '../../../src/adapters/audio/stream-loudspeaker.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import { loudspeakerContract } from '../../contract/loudspeaker.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';

type Take = (bytes: Buffer, done: (error?: Error) => void) => void;

/** A sound card whose driver is `take`. */
function card(take: Take = (_, done) => done()) {
  const clock = new FakeClock();
  const state = { played: 0, closed: 0 };
  const errors: ClientError[] = [];
  let stream: Writable | undefined;
  const loudspeaker = createStreamLoudspeaker({
    name: 'card',
    pacer: createPacer(clock, 60),
    latencyMs: 50,
    open: () => {
      const opened = new Writable({
        write: (bytes: Buffer, _, done) => {
          state.played += bytes.length / 2;
          take(bytes, done);
        },
      });
      stream = opened;
      const close = () => {
        state.closed += 1;
        opened.destroy();
        return Promise.resolve();
      };
      return Promise.resolve({ stream: opened, sampleRateHz: 48_000, close });
    },
  });
  const start = () => loudspeaker.start((error) => errors.push(error));
  return { loudspeaker, clock, state, errors, start, stream: () => stream as Writable };
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

test('an error of the driver is reported once, lets the writer go and closes the stream', async () => {
  const { loudspeaker, errors, state, start, stream } = card();
  await start();
  void loudspeaker.write(new Int16Array(2_880));
  const waiting = loudspeaker.write(new Int16Array(2_880));
  stream().destroy(new Error('write() failed: -1'));
  await waiting;
  await loudspeaker.write(new Int16Array(2_880));
  expect(errors).toMatchObject([
    { code: 'AUDIO_DEVICE_LOST', retryable: true, message: expect.stringContaining('write() failed: -1') },
  ]);
  expect(state.closed).toBe(1);
});

test('a card that takes nothing any more is given up before its queue grows beyond two seconds', async () => {
  const { loudspeaker, clock, errors, start, stream } = card(() => {});
  await start();
  let maxQueued = 0;
  for (let i = 0; i < 60; i++) {
    void loudspeaker.write(new Int16Array(2_880));
    maxQueued = Math.max(maxQueued, stream().writableLength);
    await clock.advanceAsync(60);
  }
  expect(maxQueued).toBeLessThan(2 * 48_000 * 2.1);
  expect(errors).toMatchObject([{ message: expect.stringContaining('takes no more sound') }]);
});

test('it can be started again after a loss', async () => {
  const { loudspeaker, state, start, stream } = card();
  await start();
  const lost = new Promise((resolve) => stream().once('close', resolve));
  stream().destroy(new Error('gone'));
  await lost;
  await start();
  await loudspeaker.write(new Int16Array(2_880));
  expect(state.played).toBe(2_880);
});
