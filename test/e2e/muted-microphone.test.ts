import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasNotes } from '../support/heard-notes.ts';
import { buildProgram, cleanUpPrograms, fixture, freshHome, startProgram } from '../support/program.ts';

beforeAll(buildProgram, 120_000);
afterAll(cleanUpPrograms);

const readyButOff = [784, 659, 440];
const on = [440, 659];

/** A device without a screen, steered by its standard input. */
function start(home: string, heard: string) {
  const device = startProgram(
    ['--mic', `wav:${fixture('speech-two-turns.wav')}`, '--speaker', `wav:${heard}`, '--events', '-'],
    { home },
  );
  return {
    ...device,
    get stderr() {
      return device.stderr;
    },
    say: (line: string) => void device.child.stdin.write(`${line}\n`),
    status: () => device.eventsOf('state').at(-1)?.to,
    captured: () => {
      const audio = device.eventsOf('audio').at(-1) as { uplink?: { captured: number } } | undefined;
      return audio?.uplink?.captured;
    },
  };
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a microphone that somebody has switched off stays off over %s and a new start, shown and heard',
  { timeout: 120_000 },
  async (signal) => {
    const home = freshHome();
    const heard = join(home, 'heard.wav');
    const before = start(home, heard);
    await before.until(() => before.status() === 'idle');
    before.say('mute microphone');
    // From this answer on it counts, whatever happens next.
    await before.until(() => before.stderr.includes('microphone muted'));
    before.child.kill(signal);
    await before.exited;

    const after = start(home, heard);
    await after.until(() => after.status() === 'idle');
    expect(after.eventsOf('mute')).toMatchObject([{ what: 'microphone', muted: true }]);
    // Whoever talks at once cuts it off.
    await after.until(() => hasNotes(heard, ...readyButOff));
    after.say('talk');
    await after.until(() => after.status() === 'listening');
    expect(after.eventsOf('error').map(({ code }) => code)).toEqual(['AUDIO_INPUT_MUTED']);
    // The recording speaks for seconds; ten later the device tells what it has captured.
    await after.until(() => after.captured() !== undefined);
    expect([after.captured(), after.eventsOf('stt'), after.eventsOf('speech')]).toEqual([0, [], []]);
    after.say('hangup');
    await after.until(() => after.status() === 'idle');
    after.say('unmute microphone');
    after.say('talk');
    await after.until(() => after.eventsOf('stt').length > 0);
    after.child.kill('SIGTERM');
    await after.exited;
    expect(hasNotes(heard, ...readyButOff, ...on)).toBe(true);
  },
);
