import { describe, expect, test } from 'vitest';
import { createNullMicrophone } from '../../src/adapters/audio/microphone-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { SharedMicrophone } from '../../src/audio/shared-microphone.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import type { Microphone } from '../../src/ports/microphone.ts';
import { microphoneContract } from '../contract/microphone.contract.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeMicrophone } from '../support/fake-microphone.ts';

const lost = new ClientError(ErrorCode.audioDeviceLost, 'The microphone was pulled out.');
const missing = new ClientError(ErrorCode.audioDeviceMissing, 'There is no microphone.');

function share() {
  const device = new FakeMicrophone();
  return { device, shared: new SharedMicrophone(device) };
}

/** Starts a handle and keeps what comes. */
function listen(microphone: Microphone) {
  const heard: number[] = [];
  const errors: string[] = [];
  const started = microphone.start({
    onChunk: (pcm) => heard.push(...pcm),
    onError: ({ message }) => errors.push(message),
  });
  return { heard, errors, started };
}

describe('the only handle', () => {
  microphoneContract(() => {
    const clock = new FakeClock();
    const device = createNullMicrophone({ pacer: createPacer(clock, 60) });
    const microphone = new SharedMicrophone(device).handle();
    return Promise.resolve({ microphone, pass: (ms) => clock.advanceAsync(ms), exact: true });
  });
});

describe('a handle beside another', () => {
  microphoneContract(async () => {
    const clock = new FakeClock();
    const shared = new SharedMicrophone(createNullMicrophone({ pacer: createPacer(clock, 60) }));
    await listen(shared.handle()).started;
    return { microphone: shared.handle(), pass: (ms) => clock.advanceAsync(ms), exact: true };
  });
});

test('the first user opens the device, the last one closes it, and everybody hears the same', async () => {
  const { device, shared } = share();
  const [first, second] = [shared.handle(), shared.handle()];
  const one = listen(first);
  await one.started;
  device.hear(Int16Array.of(1));
  const two = listen(second);
  await two.started;
  device.hear(Int16Array.of(2));
  await first.stop();
  device.hear(Int16Array.of(3));
  expect(device.log).toEqual(['start']);
  await second.stop();
  expect({ log: device.log, one: one.heard, two: two.heard }).toEqual({
    log: ['start', 'stop'],
    one: [1, 2],
    two: [2, 3],
  });
});

test('one user gets the very array of the device, in the same call', async () => {
  const { device, shared } = share();
  const chunks: Int16Array[] = [];
  await shared.handle().start({ onChunk: (pcm) => chunks.push(pcm), onError: () => {} });
  const pcm = Int16Array.of(1, 2);
  device.hear(pcm);
  expect(chunks[0]).toBe(pcm);
});

test('a loss is told to all, and whoever starts again opens the device again', async () => {
  const { device, shared } = share();
  const first = shared.handle();
  const one = listen(first);
  const two = listen(shared.handle());
  await Promise.all([one.started, two.started]);
  device.lose(lost);
  expect([one.errors, two.errors]).toEqual([[lost.message], [lost.message]]);
  const again = listen(first);
  await again.started;
  device.hear(Int16Array.of(7));
  expect([again.heard, one.heard, two.heard]).toEqual([[7], [], []]);
});

test('a start that fails fails for all who wait for it, and the next one tries anew', async () => {
  const { device, shared } = share();
  device.failure = missing;
  const starts = [listen(shared.handle()).started, listen(shared.handle()).started];
  expect(await Promise.allSettled(starts)).toEqual([
    { status: 'rejected', reason: missing },
    { status: 'rejected', reason: missing },
  ]);
  await listen(shared.handle()).started;
  expect(device.isOpen).toBe(true);
});

test('who leaves while the device opens does not close it for the other', async () => {
  const { device, shared } = share();
  let open = () => {};
  device.starting = new Promise((resolve) => {
    open = resolve;
  });
  const first = shared.handle();
  const one = listen(first);
  const two = listen(shared.handle());
  await first.stop();
  open();
  await Promise.all([one.started, two.started]);
  device.hear(Int16Array.of(5));
  expect({ log: device.log, one: one.heard, two: two.heard }).toEqual({ log: ['start'], one: [], two: [5] });
});

test('a start right after the last stop waits until the device is closed', async () => {
  const { device, shared } = share();
  let closed = () => {};
  device.stopping = new Promise((resolve) => {
    closed = resolve;
  });
  const first = shared.handle();
  await listen(first).started;
  void first.stop();
  const two = listen(shared.handle());
  await settle();
  device.hear(Int16Array.of(4));
  expect(device.log).toEqual(['start', 'stop']);
  closed();
  await two.started;
  device.hear(Int16Array.of(5));
  expect([device.log, two.heard]).toEqual([['start', 'stop', 'start'], [5]]);
});

test('who stops while it waits for the device to be closed leaves it closed', async () => {
  const { device, shared } = share();
  const microphone = shared.handle();
  await listen(microphone).started;
  void microphone.stop();
  const again = listen(microphone);
  await microphone.stop();
  await again.started;
  expect(device.isOpen).toBe(false);
});

test('a user that throws is told so and left out, and the others go on', async () => {
  const { device, shared } = share();
  const errors: string[] = [];
  await shared.handle().start({
    onChunk: () => {
      throw new Error('not prepared for this');
    },
    onError: (error) => {
      errors.push(error.message);
      throw error;
    },
  });
  const two = listen(shared.handle());
  await two.started;
  device.hear(Int16Array.of(1));
  device.hear(Int16Array.of(2));
  expect([errors, two.heard]).toEqual([['not prepared for this'], [1, 2]]);
});

test('a handle that is started again hears everything once, where it said last', async () => {
  const { device, shared } = share();
  const microphone = shared.handle();
  const before = listen(microphone);
  const after = listen(microphone);
  await Promise.all([before.started, after.started]);
  device.hear(Int16Array.of(1));
  await microphone.stop();
  expect([before.heard, after.heard, device.log]).toEqual([[], [1], ['start', 'stop']]);
});

test('a handle that was never started closes nothing', async () => {
  const { device, shared } = share();
  await listen(shared.handle()).started;
  await shared.handle().stop();
  expect(device.log).toEqual(['start']);
});
