import { describe, expect, it } from 'vitest';
import { createNullMicrophone } from '../../src/adapters/audio/microphone-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { createFallbackMicrophone } from '../../src/audio/fallback-microphone.ts';
import { microphoneContract } from '../contract/microphone.contract.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { candidateOf, PluggableMicrophone } from '../support/pluggable-device.ts';

const silent = { onReplaced: () => {}, onReturned: () => {} };

async function listening(...microphones: PluggableMicrophone[]) {
  const clock = new FakeClock();
  const told: string[] = [];
  let samples = 0;
  let silentSamples = 0;
  const microphone = createFallbackMicrophone({
    clock,
    candidates: microphones.map(candidateOf),
    news: {
      onReplaced: (error) => told.push(`${error.code}: ${error.message}`),
      onReturned: ({ name }) => told.push(`${name} again`),
    },
  });
  const sink = {
    onChunk: (pcm: Int16Array) => {
      samples += pcm.length;
      if (pcm.every((sample) => sample === 0)) silentSamples += pcm.length;
    },
    onError: (error: Error) => void told.push(`gone: ${error.message}`),
  };
  const start = () => microphone.start(sink);
  await start();
  /** Samples that come out while so much is heard by all. */
  const heard = (ms: number, sample?: number) => {
    samples = 0;
    for (const one of microphones) one.hear(ms, sample);
    return samples;
  };
  return { clock, microphone, start, told, heard, silentMs: () => silentSamples / 16 };
}

const usb = () => new PluggableMicrophone('usb');
const builtIn = () => new PluggableMicrophone('built-in', 48_000);

describe('a microphone with others behind it', () => {
  it('that is pulled out is replaced at once, at the same rate, with a sentence', async () => {
    const [first, second] = [usb(), builtIn()];
    const { microphone, told, heard } = await listening(first, second);
    expect(heard(100)).toBe(1_600);
    first.pullOut();
    await settle();
    expect([heard(100), microphone.name, microphone.sampleRateHz, told]).toEqual([
      1_600,
      'built-in',
      16_000,
      ['AUDIO_DEVICE_REPLACED: The usb was lost. Until it is back, built-in is used.'],
    ]);
  });

  it('is taken again when it is back, in a pause and not in the middle of a word', async () => {
    const [first, second] = [usb(), builtIn()];
    const { clock, told, heard, microphone } = await listening(first, second);
    first.pullOut();
    await clock.advanceAsync(10_000);
    first.plugged = true;
    heard(1_000);
    await clock.advanceAsync(3_000);
    expect([second.started, first.started]).toEqual([true, false]);
    heard(600, 3);
    await clock.advanceAsync(200);
    expect([second.started, first.started, microphone.name, told.slice(1)]).toEqual([
      false,
      true,
      'usb',
      ['usb again'],
    ]);
    expect(heard(100)).toBe(1_600);
  });

  it('is taken again after a minute where it is never quiet', async () => {
    const [first, second] = [usb(), builtIn()];
    const { clock, heard } = await listening(first, second);
    first.pullOut();
    await settle();
    first.plugged = true;
    for (let second = 0; second < 61; second++) {
      heard(1_000);
      await clock.advanceAsync(1_000);
    }
    expect(first.started).toBe(false);
    await clock.advanceAsync(2_000);
    expect(first.started).toBe(true);
  });

  it('that breaks but is there is opened again, and nobody else is asked', async () => {
    const [first, second] = [usb(), builtIn()];
    const { clock, told } = await listening(first, second);
    await clock.advanceAsync(60_000);
    first.break();
    await settle();
    expect([first.started, second.starts, told]).toEqual([
      true,
      0,
      ['AUDIO_DEVICE_REPLACED: The usb was lost. usb is open again.'],
    ]);
  });

  it('that breaks again and again is left alone for longer and longer', async () => {
    const [first, second] = [usb(), builtIn()];
    const { clock, heard } = await listening(first, second);
    const startsIn = async (seconds: number) => {
      const before = first.starts;
      for (let second = 0; second < seconds; second++) {
        heard(600, 0);
        await clock.advanceAsync(1_000);
        first.break();
        await settle();
      }
      return first.starts - before;
    };
    const early = await startsIn(60);
    const late = await startsIn(600);
    expect([early < 8, late < 14, second.started]).toEqual([true, true, true]);
  });

  it('is an error only when none is left, and the next start tries all of them', async () => {
    const [first, second] = [usb(), builtIn()];
    const { clock, told, start, heard } = await listening(first, second);
    second.plugged = false;
    first.pullOut();
    await clock.advanceAsync(3_000);
    expect(told).toEqual(['gone: The usb was lost.']);
    await expect(start()).rejects.toMatchObject({ message: 'The usb is missing.' });
    first.plugged = true;
    await start();
    expect([heard(100), told.slice(1)]).toEqual([1_600, ['usb again']]);
  });

  it('that is back within two seconds, as after a crash of the sound server, was silent for so long and nothing else', async () => {
    const first = usb();
    const { clock, told, heard, silentMs, microphone } = await listening(first);
    first.pullOut();
    await clock.advanceAsync(2_000);
    first.plugged = true;
    await clock.advanceAsync(250);
    expect(silentMs()).toBeGreaterThan(2_000);
    expect(silentMs()).toBeLessThan(2_500);
    expect([heard(100), told]).toEqual([1_600, ['usb again']]);
    // One that comes and goes all the time is no microphone.
    first.pullOut();
    await settle();
    expect(told.at(-1)).toBe('gone: The usb was lost.');
    await microphone.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('whose sound server does not answer at the start is waited for; one that is not plugged in is not', async () => {
    const first = usb();
    const { clock, start, microphone } = await listening(first);
    await microphone.stop();
    first.plugged = false;
    await expect(start()).rejects.toMatchObject({ message: 'The usb is missing.' });
    first.serverIsAway = true;
    const starting = start();
    await clock.advanceAsync(1_000);
    first.plugged = true;
    await clock.advanceAsync(250);
    await starting;
    expect(first.started).toBe(true);
  });

  it('that is missing at the start is told once, not at every conversation', async () => {
    const [first, second] = [usb(), builtIn()];
    first.plugged = false;
    const { told, start, microphone } = await listening(first, second);
    await microphone.stop();
    await start();
    expect(told).toEqual(['AUDIO_DEVICE_REPLACED: The usb is missing. Until it is back, built-in is used.']);
  });

  it('leaves no timer and no open device behind', async () => {
    const [first, second] = [usb(), builtIn()];
    const { clock, microphone } = await listening(first, second);
    first.pullOut();
    await settle();
    expect(clock.pendingTimers).toBe(1);
    await microphone.stop();
    expect([clock.pendingTimers, first.started, second.started]).toEqual([0, false, false]);
  });

  it('stopped in the middle of a replacement stays stopped', async () => {
    const [first, second] = [usb(), builtIn()];
    const { clock, microphone } = await listening(first, second);
    first.pullOut();
    await microphone.stop();
    await clock.advanceAsync(60_000);
    expect([first.started, second.started, clock.pendingTimers]).toEqual([false, false, 0]);
  });
});

describe('a microphone with fallback keeps what microphones promise', () => {
  microphoneContract(() => {
    const clock = new FakeClock();
    const pacer = createPacer(clock, 60);
    const broken = new PluggableMicrophone('broken');
    broken.plugged = false;
    const spare = createNullMicrophone({ pacer });
    const candidate = {
      spec: 'null',
      isThere: () => Promise.resolve(true),
      open: () => Promise.resolve(spare),
    };
    const microphone = createFallbackMicrophone({
      clock,
      candidates: [candidateOf(broken), candidate],
      news: silent,
    });
    return Promise.resolve({ microphone, pass: (ms: number) => clock.advanceAsync(ms), exact: true });
  });
});
