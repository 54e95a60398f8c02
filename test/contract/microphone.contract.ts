import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClientError } from '../../src/core/errors.ts';
import type { Microphone } from '../../src/ports/microphone.ts';

/** A microphone to be put through the contract, and a way to let time pass for it. */
export interface MicrophoneSetup {
  readonly microphone: Microphone;
  /** Lets `ms` go by on whatever clock the device has. */
  pass(ms: number): Promise<void>;
  /** True when sound comes in exact real time, so that amounts can be compared. */
  readonly exact: boolean;
  dispose?(): Promise<void>;
}

/** What every microphone promises (ports/microphone.ts). Call inside a `describe`. */
export function microphoneContract(create: () => Promise<MicrophoneSetup>): void {
  let setup: MicrophoneSetup;
  let heard: Int16Array[];
  let errors: ClientError[];
  const sink = {
    onChunk: (pcm: Int16Array) => void heard.push(pcm.slice()),
    onError: (error: ClientError) => void errors.push(error),
  };
  const samplesHeard = () => heard.reduce((sum, pcm) => sum + pcm.length, 0);

  beforeEach(async () => {
    heard = [];
    errors = [];
    setup = await create();
  });
  afterEach(async () => {
    await setup.microphone.stop();
    await setup.dispose?.();
  });

  test('it knows its name before, and its rate once it has started', async () => {
    expect(setup.microphone.name).not.toBe('');
    await setup.microphone.start(sink);
    expect(setup.microphone.sampleRateHz).toBeGreaterThanOrEqual(8_000);
  });

  test('sound comes in, in non-empty chunks, as fast as time passes', async () => {
    await setup.microphone.start(sink);
    await setup.pass(600);
    expect(heard.every((pcm) => pcm instanceof Int16Array && pcm.length > 0)).toBe(true);
    expect(samplesHeard()).toBeGreaterThan(0);
    if (setup.exact) expect(samplesHeard()).toBe(Math.round(setup.microphone.sampleRateHz * 0.6));
    expect(errors).toEqual([]);
  });

  test('after stop no callback comes', async () => {
    await setup.microphone.start(sink);
    await setup.pass(120);
    await setup.microphone.stop();
    const before = samplesHeard();
    await setup.pass(600);
    expect(samplesHeard()).toBe(before);
    expect(errors).toEqual([]);
  });

  test('stop may be called at any time and more than once', async () => {
    await setup.microphone.stop();
    await setup.microphone.start(sink);
    await setup.microphone.stop();
    await setup.microphone.stop();
    expect(errors).toEqual([]);
  });

  test('a stop while it is still starting wins', async () => {
    const starting = setup.microphone.start(sink).catch(() => {});
    await setup.microphone.stop();
    await starting;
    await setup.pass(600);
    expect(heard).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('a stopped microphone may be started again', async () => {
    await setup.microphone.start(sink);
    await setup.microphone.stop();
    heard = [];
    await setup.microphone.start(sink);
    await setup.pass(300);
    expect(samplesHeard()).toBeGreaterThan(0);
  });
}
