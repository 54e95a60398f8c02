import { describe, expect, it } from 'vitest';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { createFallbackLoudspeaker } from '../../src/audio/fallback-loudspeaker.ts';
import { loudspeakerContract } from '../contract/loudspeaker.contract.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { candidateOf, PluggableLoudspeaker } from '../support/pluggable-device.ts';

const silent = { onReplaced: () => {}, onReturned: () => {} };
const frame = () => new Int16Array(1_440).fill(1_000);

async function playing(...loudspeakers: PluggableLoudspeaker[]) {
  const clock = new FakeClock();
  const told: string[] = [];
  const loudspeaker = createFallbackLoudspeaker({
    clock,
    candidates: loudspeakers.map(candidateOf),
    silence: createNullLoudspeaker({ pacer: createPacer(clock, 60) }),
    news: {
      onReplaced: (error) => told.push(`${error.code}: ${error.message}`),
      onReturned: ({ name }) => told.push(`${name} again`),
    },
  });
  await loudspeaker.start(() => told.push('lost'));
  return { clock, loudspeaker, told };
}

const usb = () => new PluggableLoudspeaker('usb', 24_000);
const hdmi = () => new PluggableLoudspeaker('hdmi', 48_000);

describe('a loudspeaker with others behind it', () => {
  it('that is pulled out in the middle of a word is replaced, and what is written meanwhile is heard', async () => {
    const [first, second] = [usb(), hdmi()];
    const { loudspeaker, told } = await playing(first, second);
    await loudspeaker.write(frame());
    first.pullOut();
    const writing = loudspeaker.write(frame());
    expect(loudspeaker.pendingMs()).toBe(60);
    await writing;
    expect([first.written, second.written, loudspeaker.name, told]).toEqual([
      [1_440],
      [2_880],
      'hdmi',
      ['AUDIO_DEVICE_REPLACED: The usb was lost. Until it is back, hdmi is used.'],
    ]);
  });

  it('is taken again when it is back and nothing is being heard', async () => {
    const [first, second] = [usb(), hdmi()];
    const { clock, loudspeaker, told } = await playing(first, second);
    first.pullOut();
    await settle();
    first.plugged = true;
    second.queuedMs = 60;
    await clock.advanceAsync(10_000);
    expect([first.started, second.started]).toEqual([false, true]);
    second.queuedMs = 0;
    await clock.advanceAsync(200);
    await loudspeaker.write(frame());
    expect([first.written, second.started, told.slice(1)]).toEqual([[1_440], false, ['usb again']]);
  });

  it('that is the only one is silence meanwhile, in real time, and comes back in the middle of the answer', async () => {
    const first = usb();
    const { clock, loudspeaker, told } = await playing(first);
    first.pullOut();
    let taken = 0;
    const writer = async () => {
      while (taken < 200) {
        await loudspeaker.write(frame());
        taken += 1;
      }
    };
    void writer();
    await clock.advanceAsync(6_000);
    expect([taken, first.written, loudspeaker.isUnheard]).toEqual([101, [], true]);
    first.plugged = true;
    await clock.advanceAsync(2_000);
    expect([first.written[0], loudspeaker.isUnheard]).toEqual([1_440, false]);
    expect(told).toEqual([
      'AUDIO_DEVICE_LOST: The usb was lost. Until it is back, nothing is heard.',
      'usb again',
    ]);
  });

  it('that is missing at the start is no failure: it is told, and taken when it comes', async () => {
    const first = usb();
    first.plugged = false;
    const { clock, loudspeaker, told } = await playing(first);
    first.plugged = true;
    await clock.advanceAsync(4_000);
    expect([loudspeaker.name, told]).toEqual([
      'usb',
      ['AUDIO_DEVICE_MISSING: The usb is missing. Until it is back, nothing is heard.', 'usb again'],
    ]);
  });

  it('forgets on a flush what waited for a device', async () => {
    const [first, second] = [usb(), hdmi()];
    const { loudspeaker } = await playing(first, second);
    first.pullOut();
    const writing = loudspeaker.write(frame());
    loudspeaker.flush();
    await writing;
    await settle();
    expect([second.written, loudspeaker.pendingMs()]).toEqual([[], 0]);
  });

  it('keeps the newest of what is written without waiting, and counts the rest', async () => {
    const [first, second] = [usb(), hdmi()];
    const { loudspeaker } = await playing(first, second);
    first.pullOut();
    await Promise.all([loudspeaker.write(frame()), loudspeaker.write(frame()), loudspeaker.write(frame())]);
    expect([second.written, loudspeaker.xruns]).toEqual([[2_880], 2]);
  });

  it('leaves no timer and no open device behind', async () => {
    const [first, second] = [usb(), hdmi()];
    const { clock, loudspeaker } = await playing(first, second);
    first.pullOut();
    void loudspeaker.write(frame());
    await loudspeaker.stop();
    await clock.advanceAsync(10_000);
    expect([clock.pendingTimers, first.started, second.started]).toEqual([0, false, false]);
  });
});

describe('a loudspeaker with fallback keeps what loudspeakers promise', () => {
  loudspeakerContract(() => {
    const clock = new FakeClock();
    const broken = usb();
    broken.plugged = false;
    const loudspeaker = createFallbackLoudspeaker({
      clock,
      candidates: [candidateOf(broken)],
      silence: createNullLoudspeaker({ pacer: createPacer(clock, 60) }),
      news: silent,
    });
    return Promise.resolve({ loudspeaker, pass: (ms: number) => clock.advanceAsync(ms) });
  });
});
