import { describe, expect, test } from 'vitest';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { createCueLoudspeaker } from '../../src/audio/cue-loudspeaker.ts';
import { cueSound, digitBeeps } from '../../src/audio/cue-sounds.ts';
import type { StatusEvent } from '../../src/ports/status-display.ts';
import { activationWords, type CueParts, Cues, upgradeWords } from '../../src/runtime/cues.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { concat, tone, toneLevelDb } from '../support/signals.ts';

const rate = 24_000;

/** A loudspeaker that notes what is written to it, and when it is open. */
function recordingLoudspeaker(clock: FakeClock) {
  const inner = createNullLoudspeaker({ pacer: createPacer(clock, 20), sampleRateHz: rate });
  const written: Int16Array[] = [];
  let open = false;
  let starts = 0;
  return {
    starts: () => starts,
    device: {
      name: 'recording',
      sampleRateHz: rate,
      start: async (onError: Parameters<typeof inner.start>[0]) => {
        open = true;
        starts += 1;
        await inner.start(onError);
      },
      write: (pcm: Int16Array) => {
        written.push(pcm.slice());
        return inner.write(pcm);
      },
      flush: () => inner.flush(),
      pendingMs: () => inner.pendingMs(),
      stop: async () => {
        open = false;
        await inner.stop();
      },
    },
    heard: () => concat(written),
    isOpen: () => open,
  };
}

describe('a loudspeaker with cues', () => {
  test('is opened for a cue, plays all of it at once and is closed again', async () => {
    const clock = new FakeClock();
    const { device, heard, isOpen } = recordingLoudspeaker(clock);
    const loudspeaker = createCueLoudspeaker(device, clock);
    const { pcm } = cueSound('ready', 100);
    void loudspeaker.playCue(pcm, rate);
    await settle();
    expect(isOpen()).toBe(true);
    await clock.advanceAsync(40);
    expect(heard().length).toBeGreaterThan(0);
    await clock.advanceAsync(3000);
    expect(heard().length).toBe(pcm.length);
    expect(isOpen()).toBe(false);
  });

  test('mixes a cue into an answer, of which nothing is lost', async () => {
    const clock = new FakeClock();
    const { device, heard } = recordingLoudspeaker(clock);
    const loudspeaker = createCueLoudspeaker(device, clock);
    await loudspeaker.start(() => {});
    const answer = tone(300, rate, 1200, 0.2);
    const speak = async () => {
      for (let at = 0; at < answer.length; at += 1440) await loudspeaker.write(answer.slice(at, at + 1440));
    };
    void speak();
    await clock.advanceAsync(200);
    void loudspeaker.playCue(cueSound('alert', 100).pcm, rate);
    await clock.advanceAsync(3000);
    expect(heard().length).toBe(answer.length);
    expect(toneLevelDb(heard().subarray(0, 28_800), 300, rate)).toBeGreaterThan(-25);
    expect(toneLevelDb(heard().subarray(4800, 12_000), 880, rate)).toBeGreaterThan(-35);
  });

  test('that is open for a cue is not opened anew for who speaks: all of the cue is heard', async () => {
    const clock = new FakeClock();
    const { device, heard, starts } = recordingLoudspeaker(clock);
    const loudspeaker = createCueLoudspeaker(device, clock);
    const { pcm } = cueSound('open', 100);
    void loudspeaker.playCue(pcm, rate);
    await clock.advanceAsync(30);
    await loudspeaker.start(() => {});
    await clock.advanceAsync(500);
    expect([heard().length, starts()]).toEqual([pcm.length, 1]);
  });

  test('stays open for who speaks, and ends with the device', async () => {
    const clock = new FakeClock();
    const { device, isOpen } = recordingLoudspeaker(clock);
    const loudspeaker = createCueLoudspeaker(device, clock);
    void loudspeaker.playCue(cueSound('open', 100).pcm, rate);
    await settle();
    await loudspeaker.start(() => {});
    await clock.advanceAsync(2000);
    expect(isOpen()).toBe(true);
    await loudspeaker.stop();
    expect(isOpen()).toBe(false);
    await loudspeaker.endCues();
    await loudspeaker.playCue(cueSound('open', 100).pcm, rate);
    expect(isOpen()).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });
});

/** What is played, as lengths in ms, and what is said. */
function cues(changes: Partial<CueParts> = {}) {
  const clock = new FakeClock();
  const played: number[] = [];
  const said: string[] = [];
  const made = new Cues({
    clock,
    loudspeaker: {
      playCue: (pcm, hz) => {
        played.push(Math.round((pcm.length / hz) * 1000));
        return Promise.resolve();
      },
    },
    wishes: {
      play: (pcm, hz) => void played.push(Math.round((pcm.length / hz) * 1000)),
    },
    enabled: true,
    volumePercent: 60,
    language: 'en',
    isMuted: () => false,
    speak: (text) => {
      said.push(text);
      return Promise.resolve({ pcm: new Int16Array(rate), sampleRateHz: rate });
    },
    ...changes,
  });
  const show = (event: StatusEvent) => made.show(event);
  const enter = (from: string, to: string) =>
    show({ type: 'state', from, to, cause: '' } as Extract<StatusEvent, { type: 'state' }>);
  return { clock, played, said, show, enter, cues: made };
}

const lengthOf = (name: Parameters<typeof cueSound>[0]) =>
  Math.round((cueSound(name, 100).pcm.length / rate) * 1000);

describe('what a screen would show is heard:', () => {
  test('ready once, the microphone when it opens and closes', () => {
    const { enter, played } = cues();
    enter('starting', 'idle');
    enter('idle', 'connecting');
    enter('connecting', 'listening');
    enter('listening', 'thinking');
    enter('thinking', 'speaking');
    enter('speaking', 'listening');
    enter('listening', 'idle');
    enter('speaking', 'idle');
    expect(played).toEqual(
      (['ready', 'open', 'close', 'open', 'close'] as const).map((name) => lengthOf(name)),
    );
  });

  test('a microphone that is off from the start, with ready: of two sounds the second would cut the first', () => {
    const { enter, played, show } = cues();
    show({ type: 'mute', what: 'microphone', muted: true });
    enter('starting', 'idle');
    show({ type: 'mute', what: 'microphone', muted: false });
    expect(played).toEqual([lengthOf('ready') + 150 + lengthOf('muted'), lengthOf('unmuted')]);
  });

  test('the wake word, which stands for the opening too', () => {
    const { enter, played, show } = cues();
    enter('starting', 'idle');
    show({ type: 'wake', phrase: 'hello' });
    enter('idle', 'connecting');
    expect(played).toEqual([lengthOf('ready'), lengthOf('wake')]);
  });

  test('the activation code, digit by digit, every 30 s until it is done', async () => {
    const { show, said, clock, enter } = cues();
    show({ type: 'activation', code: '016004', message: 'Enter 016004 at https://xiaozhi.me/console?x=1' });
    await clock.advanceAsync(59_000);
    expect(said).toEqual(
      new Array(2).fill(
        'The activation code is: 0, 1, 6, 0, 0, 4. Again: 0, 1, 6, 0, 0, 4. Type it at xiaozhi.me/console.',
      ),
    );
    enter('activating', 'idle');
    await clock.advanceAsync(120_000);
    expect(said).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test('in Chinese, and without a voice as beeps that can be counted', async () => {
    expect(activationWords({ code: '12', message: '' }, 'zh-CN')).toBe(
      '激活码：1, 2。再说一遍：1, 2。请在控制台输入。',
    );
    const { show, played, clock } = cues({ speak: () => Promise.resolve(undefined) });
    show({ type: 'activation', code: '12', message: '' });
    await clock.advanceAsync(0);
    expect(played).toEqual([Math.round((digitBeeps('12', 100).pcm.length / rate) * 1000)]);
  });

  test('an error once, with what to do; the server being away has a sound of its own', async () => {
    const { show, said, played, clock } = cues();
    const error = (code: string) =>
      show({ type: 'error', code, message: `${code} happened; do this.`, retryable: true });
    error('TRANSPORT_UNREACHABLE');
    error('TRANSPORT_UNREACHABLE');
    error('REPLY_TIMEOUT');
    await clock.advanceAsync(60_000);
    error('TRANSPORT_UNREACHABLE');
    error('REPLY_TIMEOUT');
    await clock.advanceAsync(1000);
    expect(said).toEqual(['TRANSPORT_UNREACHABLE happened; do this.', 'REPLY_TIMEOUT happened; do this.']);
    expect(played.filter((ms) => ms < 1000)).toEqual([lengthOf('away'), lengthOf('error')]);
  });

  test('a newer firmware, when nobody talks and the other sounds are over', async () => {
    const { show, enter, said, played, clock } = cues();
    show({ type: 'upgrade', version: '2.0' });
    enter('starting', 'idle');
    await clock.advanceAsync(1000);
    enter('idle', 'connecting');
    await clock.advanceAsync(10_000);
    expect(said).toEqual([]);
    enter('connecting', 'idle');
    await clock.advanceAsync(10_000);
    enter('idle', 'connecting');
    enter('connecting', 'idle');
    await clock.advanceAsync(10_000);
    expect(said).toEqual(['The server offers firmware 2.0. Updates of this device come with its package.']);
    expect(played.filter((ms) => ms === lengthOf('upgrade'))).toHaveLength(1);
    expect(upgradeWords('2.0', 'zh-CN')).toBe('服务器提供新固件 2.0。本设备的更新随软件包发布。');
  });

  test('nothing where they are switched off or the loudspeaker is, but the ring of a timer', () => {
    const off = cues({ enabled: false });
    off.enter('starting', 'idle');
    off.cues.ring();
    expect(off.played).toEqual([lengthOf('ring')]);
    const muted = cues({ isMuted: () => true });
    muted.enter('starting', 'idle');
    muted.cues.ring();
    expect(muted.played).toEqual([]);
  });
});

test('what comes with a wish is over before anybody has drawn breath', () => {
  for (const name of ['open', 'close', 'wake'] as const) expect(lengthOf(name)).toBeLessThanOrEqual(120);
});
