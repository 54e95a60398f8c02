import { afterEach, describe, expect, it } from 'vitest';
import type { Manner } from '../../src/demo-server/behaviour.ts';
import type { ListeningMode } from '../../src/machine/events.ts';
import { MannerDevice, type Said } from '../support/manner-device.ts';

/** `announcements.quietMs`, and what the first byte of a notice may take. */
const quietMs = 3_000;
const noticeWithinMs = 1_500;
/** What a turn costs in hundredths: pre-roll and fading belong to what is heard. */
const sentenceMs = 3_000;

const cases = (['python', 'go', 'java'] as const).flatMap((manner) =>
  (['auto', 'realtime'] as const).map((mode) => ({ manner, mode })),
);

let device: MannerDevice;
afterEach(() => device?.stop());

/** The Go server takes realtime for push-to-talk: a voice has no end there, so texts are typed. */
const hearsVoices = (manner: Manner, mode: ListeningMode): boolean => manner !== 'go' || mode !== 'realtime';

/** A conversation in which tools are asked for, by voice where the server hears one. */
async function talk(manner: Manner, mode: ListeningMode, commands: readonly string[]) {
  device = await MannerDevice.start({ manner, mode, spokenCommand: commands });
  device.harness.device.send({ type: 'talk.toggled' });
  await device.until(() => device.harness.status === 'listening');
  // The server has read the tools by then.
  await device.live(1_500);
  const typed = [...commands];
  return {
    /** Returns when the answer has been heard and the device listens again. */
    async ask(reply: string): Promise<void> {
      if (hearsVoices(manner, mode)) await device.live(1_500, 'voice');
      else device.harness.device.send({ type: 'text.submitted', text: typed.shift() ?? '' });
      await device.until(() => device.sentences(reply).length === 1);
    },
  };
}

/** When the device handed over a notice about this. */
const noticeOf = (words: string): Said | undefined =>
  device.said.find(({ by, what, text }) => by === 'device' && what !== 'mcp' && text.includes(words));

/** When the last answer before `atMs` had been heard to its end. */
function drainedBefore(atMs: number): number {
  const events = device.said.filter(
    ({ atMs: at, by, what }) => by === 'server' && what === 'tts stop' && at < atMs,
  );
  return events.at(-1)?.atMs ?? 0;
}

describe.each(cases)('with a $manner server in $mode', ({ manner, mode }) => {
  it('a tool of 5 s and a timer of 10 s are told in the silence, and the conversation goes on', async () => {
    const { ask } = await talk(manner, mode, [
      'call tea {}',
      'call self.timer.set {"seconds": 10, "message": "Turn the eggs."}',
    ]);
    await ask('Started as task');
    await device.until(() => device.sentences('Tea is ready').length === 1);
    const [doneMs = 0] = device.teaMs;
    const { atMs: toldMs = 0 } = noticeOf('Tea is ready') ?? {};
    expect(toldMs - Math.max(doneMs, drainedBefore(toldMs))).toBeLessThanOrEqual(quietMs + noticeWithinMs);

    await device.until(() => device.harness.status === 'listening');
    await ask('timer_id');
    const setMs = device.nowMs;
    await device.until(() => device.sentences('Turn the eggs').length === 1);
    expect((noticeOf('Turn the eggs')?.atMs ?? 0) - setMs).toBeLessThanOrEqual(
      10_000 + quietMs + noticeWithinMs,
    );

    await device.until(() => device.harness.status === 'listening');
    if (hearsVoices(manner, mode)) {
      // Nobody answers a reminder sooner; the Python server hears nothing before.
      const deafUntilMs = (noticeOf('Turn the eggs')?.atMs ?? 0) + 2_100;
      await device.until(() => device.nowMs > deafUntilMs);
      await device.live(sentenceMs, 'voice');
      await device.until(() => device.heardSeconds().length === 1);
      expect(device.heardSeconds()[0]).toBeGreaterThanOrEqual((sentenceMs - 200) / 1_000);
    } else device.harness.device.send({ type: 'text.submitted', text: 'good night' });
    await device.until(
      () => device.harness.eventsOf('turn').filter(({ phase }) => phase === 'finished').length === 3,
    );
    await device.until(() => device.harness.status === 'listening');

    expect(device.harness.transports.made).toHaveLength(1);
    expect(device.harness.errors).toEqual([]);
    for (const words of ['Tea is ready', 'Turn the eggs']) {
      expect(device.sentences(words)).toHaveLength(1);
      const sent = device.sent();
      const at = sent.findIndex(({ text }) => text.includes(words));
      // One silent frame is all that follows, in auto nothing before the notice was heard.
      expect(sent[at + 1]?.what).toBe('audio');
      if (mode === 'auto')
        expect(sent.slice(at, at + 3).map(({ what, mode: listening }) => `${what} ${listening}`)).toEqual([
          'listen detect ',
          'audio ',
          'listen start auto',
        ]);
    }
    const controls = device.sent().map(({ what }) => what);
    if (hearsVoices(manner, mode)) expect(controls).not.toContain('abort');
    expect(controls).not.toContain('listen stop');
    expect(new Set(device.sent().flatMap(({ mode: listening }) => listening || []))).toEqual(new Set([mode]));
  });
});
