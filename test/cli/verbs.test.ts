import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { readLineVerbs } from '../../src/cli/line-verbs.ts';
import { readVerb, stateLine } from '../../src/cli/verb-words.ts';
import type { DeviceState, Verb, VerbControl } from '../../src/ports/verbs.ts';

describe('a line', () => {
  test.each<[string, Verb | 'quit']>([
    ['talk', { verb: 'talk', action: 'toggle' }],
    ['talk press', { verb: 'talk', action: 'press' }],
    [' release ', { verb: 'talk', action: 'release' }],
    ['interrupt', { verb: 'interrupt' }],
    ['hangup', { verb: 'hangup' }],
    ['say what time  is it?', { verb: 'say', text: 'what time  is it?', as: 'user' }],
    ['say --notice 饭好了', { verb: 'say', text: '饭好了', as: 'notice' }],
    ['mute', { verb: 'mute', what: 'loudspeaker', muted: true }],
    ['unmute mic', { verb: 'mute', what: 'microphone', muted: false }],
    ['volume 35%', { verb: 'volume', percent: 35 }],
    ['mode realtime', { verb: 'mode', mode: 'realtime' }],
    ['quit', 'quit'],
  ])('%j', (line, verb) => {
    expect(readVerb(line)).toEqual(verb);
  });

  test.each([
    '',
    'dance',
    'talk loudly',
    'say',
    'say --notice ',
    'volume',
    'volume 101',
    'volume -1',
    'mode',
    'mute tv',
  ])('%j is refused with what there is', (line) => {
    expect(readVerb(line)).toMatchObject({ fault: expect.stringMatching(/\.$/) });
  });
});

const idle: DeviceState = {
  state: 'idle',
  volumePercent: 70,
  muted: false,
  microphoneMuted: false,
  mode: 'auto',
};

/** Lines for a device that notes what it is asked. */
function lines() {
  const input = new PassThrough();
  const performed: Verb[] = [];
  const answers: string[] = [];
  const quit = vi.fn();
  const control: VerbControl = {
    state: () => idle,
    perform: async (verb) => {
      performed.push(verb);
      await Promise.resolve();
      return idle;
    },
  };
  let verbs: VerbControl | undefined = control;
  const stop = readLineVerbs({ input, verbs: () => verbs, answer: (line) => answers.push(line), quit });
  return {
    input,
    performed,
    answers,
    quit,
    stop,
    away: () => {
      verbs = undefined;
    },
  };
}

describe('standard input that is no terminal', () => {
  test('is obeyed line by line, each answered with the state after it', async () => {
    const { input, performed, answers, quit } = lines();
    input.write('talk pr');
    input.write('ess\r\nvolume 20\nquit\n');
    await vi.waitFor(() => expect(quit).toHaveBeenCalled());
    expect(performed).toEqual([
      { verb: 'talk', action: 'press' },
      { verb: 'volume', percent: 20 },
    ]);
    expect(answers).toEqual([stateLine(idle), stateLine(idle)]);
  });

  test('a last line without an end counts, and an end is no reason to end', async () => {
    const { input, performed, quit } = lines();
    input.end('hangup');
    await vi.waitFor(() => expect(performed).toEqual([{ verb: 'hangup' }]));
    expect(quit).not.toHaveBeenCalled();
  });

  test('that is binary, or never ends its line, is complained of a few times and kept nowhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 4000 }), { maxLength: 40 }), async (pieces) => {
        const { input, answers, stop } = lines();
        for (const piece of pieces) input.write(piece);
        input.write(`\n${'x'.repeat(100_000)}`);
        input.write('\ntalk\n');
        await vi.waitFor(() => expect(answers.at(-1)).toBe(stateLine(idle)));
        expect(answers.length).toBeLessThan(12);
        stop();
      }),
      { numRuns: 20 },
    );
  });

  test('a hundred at once are all obeyed in order; while the device starts anew each is answered so', async () => {
    const { input, performed, answers, away } = lines();
    input.write(Array.from({ length: 300 }, (_, n) => `volume ${n % 100}\n`).join(''));
    await vi.waitFor(() => expect(performed).toHaveLength(300));
    expect(performed.map((verb) => (verb.verb === 'volume' ? verb.percent : -1)).slice(0, 3)).toEqual([
      0, 1, 2,
    ]);
    away();
    input.write('talk\n');
    await vi.waitFor(() => expect(answers.at(-1)).toMatch(/starting; say it again/));
  });
});
