import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClientError } from '../../src/core/errors.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';

/** A loudspeaker to be put through the contract, and a way to let time pass for it. */
export interface LoudspeakerSetup {
  readonly loudspeaker: Loudspeaker;
  /** Lets `ms` go by on whatever clock the device has. */
  pass(ms: number): Promise<void>;
  dispose?(): Promise<void>;
}

const FRAME_MS = 60;

/** What every loudspeaker promises (ports/loudspeaker.ts). Call inside a `describe`. */
export function loudspeakerContract(create: () => Promise<LoudspeakerSetup>): void {
  let setup: LoudspeakerSetup;
  let speaker: Loudspeaker;
  let errors: ClientError[];
  const start = () => speaker.start((error) => void errors.push(error));
  const frame = () => new Int16Array((speaker.sampleRateHz * FRAME_MS) / 1000).fill(1_000);
  /** Writes frames as the downlink does, one after the other, until told to stop; counts those that were taken. */
  const keepWriting = () => {
    const writer = { taken: 0, on: true, done: Promise.resolve() };
    const loop = async () => {
      while (writer.on) {
        await speaker.write(frame());
        writer.taken += 1;
      }
    };
    writer.done = loop();
    return writer;
  };

  beforeEach(async () => {
    errors = [];
    setup = await create();
    speaker = setup.loudspeaker;
  });
  afterEach(async () => {
    await speaker.stop();
    await setup.dispose?.();
  });

  test('it knows its name before, and its rate once it has started', async () => {
    expect(speaker.name).not.toBe('');
    await start();
    expect(speaker.sampleRateHz).toBeGreaterThanOrEqual(8_000);
  });

  test('it is silent until something is written', async () => {
    await start();
    expect(speaker.pendingMs()).toBe(0);
  });

  test('a writer that waits is paced in real time, about two frames ahead', async () => {
    await start();
    const writer = keepWriting();
    await setup.pass(60 * FRAME_MS);
    writer.on = false;
    const { taken } = writer;
    await setup.pass(5 * FRAME_MS);
    await writer.done;
    expect(taken).toBeGreaterThanOrEqual(55);
    expect(taken).toBeLessThanOrEqual(63);
  });

  test('what is pending is counted down to nothing', async () => {
    await start();
    await speaker.write(frame());
    const pendingMs = speaker.pendingMs();
    expect(pendingMs).toBeGreaterThan(0);
    await setup.pass(pendingMs + 1);
    expect(speaker.pendingMs()).toBe(0);
  });

  test('flush lets a waiting writer go and leaves little to be heard', async () => {
    await start();
    void speaker.write(frame());
    const waiting = speaker.write(frame());
    speaker.flush();
    await waiting;
    await setup.pass(2 * FRAME_MS);
    expect(speaker.pendingMs()).toBe(0);
  });

  test('after a flush it plays on', async () => {
    await start();
    await speaker.write(frame());
    speaker.flush();
    await speaker.write(frame());
    expect(speaker.pendingMs()).toBeGreaterThan(0);
  });

  test('stop lets a waiting writer go, and later writes resolve at once', async () => {
    await start();
    void speaker.write(frame());
    const waiting = speaker.write(frame());
    await speaker.stop();
    await waiting;
    await speaker.write(new Int16Array(100_000));
    expect(errors).toEqual([]);
  });

  test('stop may be called before start and twice; it can be started again', async () => {
    await speaker.stop();
    await start();
    await speaker.stop();
    await speaker.stop();
    await start();
    await speaker.write(frame());
    expect(speaker.pendingMs()).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  });

  test('a stop while it is still starting wins', async () => {
    const starting = start().catch(() => {});
    await speaker.stop();
    await starting;
    await speaker.write(new Int16Array(100_000));
    expect(speaker.pendingMs()).toBe(0);
    expect(errors).toEqual([]);
  });

  test('an empty write is taken at once', async () => {
    await start();
    await speaker.write(new Int16Array(0));
    expect(speaker.pendingMs()).toBe(0);
  });
}
