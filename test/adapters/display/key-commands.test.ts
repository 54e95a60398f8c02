import { beforeEach, expect, test } from 'vitest';
import {
  createKeyCommands,
  type KeyCommand,
  type KeyCommands,
} from '../../../src/adapters/display/key-commands.ts';
import { createKeyParser } from '../../../src/adapters/display/key-parser.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let commands: KeyCommand[];
let edits: string[];
let keys: KeyCommands;

beforeEach(() => {
  clock = new FakeClock();
  clock.advance(5000);
  commands = [];
  edits = [];
  keys = createKeyCommands({
    clock,
    onCommand: (command) => commands.push(command),
    onEdit: (text) => edits.push(text),
  });
});

/** What a terminal sends for `input`. */
function type(input: string): void {
  const parser = createKeyParser((key) => keys.handle(key));
  parser.push(Buffer.from(input));
  parser.flush();
}

const space = (phase: 'press' | 'repeat' | 'release') => keys.handle({ kind: 'space', phase });

test('Enter and Space toggle talking', () => {
  type('\r');
  clock.advance(1000);
  type(' ');

  expect(commands).toEqual([{ type: 'toggle' }, { type: 'toggle' }]);
});

test('a key that repeats by itself toggles once, not thirty times a second', () => {
  for (let n = 0; n < 60; n++) {
    type(' ');
    clock.advance(33);
  }
  expect(commands).toEqual([{ type: 'toggle' }]);

  clock.advance(200);
  type(' ');
  expect(commands).toEqual([{ type: 'toggle' }, { type: 'toggle' }]);
});

test('text and Enter send the text', () => {
  type('你好 world');
  type('\r');

  expect(commands).toEqual([{ type: 'text', text: '你好 world' }]);
  expect(edits.slice(-3)).toEqual(['你好 worl', '你好 world', '']);
});

test.each([
  ['m', { type: 'mute' }],
  ['q', { type: 'quit' }],
  ['+', { type: 'volume', delta: 10 }],
  ['-', { type: 'volume', delta: -10 }],
])('%s alone acts after half a second', (key, command) => {
  type(key);
  clock.advance(499);
  expect(commands).toEqual([]);
  clock.advance(1);
  expect([commands, edits, clock.pendingTimers]).toEqual([[command], [], 0]);
});

test('a text may begin with a key letter', () => {
  type('m');
  clock.advance(499);
  type('usic');
  clock.advance(1000);
  type('\r');
  type('q 1\r');
  type('-5 度\r');

  expect(commands).toEqual([
    { type: 'text', text: 'music' },
    { type: 'text', text: 'q 1' },
    { type: 'text', text: '-5 度' },
  ]);
});

test('a key letter inside a text is text', () => {
  type('a');
  type('q');
  clock.advance(1000);

  expect([commands, edits]).toEqual([[], ['a', 'aq']]);
});

test('Enter after a key letter makes it act at once, and does nothing else', () => {
  type('m\r');
  clock.advance(1000);

  expect(commands).toEqual([{ type: 'mute' }]);
});

test('the volume keys may be pressed quickly one after the other', () => {
  type('+++-');
  clock.advance(500);

  expect(commands.map((command) => command.type === 'volume' && command.delta)).toEqual([10, 10, 10, -10]);
  expect(edits).toEqual([]);
});

test('Backspace takes back what looks like one character, and a key letter', () => {
  type('a👨‍👩‍👧');
  type('\u007f');
  type('\u007f');
  type('\u007f');
  type('q\u007f');
  clock.advance(1000);

  expect([commands, edits.slice(-2)]).toEqual([[], ['a', '']]);
});

test('Escape clears the text, and takes back a key letter', () => {
  type('hello');
  type('\u001b');
  type('q');
  type('\u001b');
  clock.advance(1000);

  expect([commands, edits.at(-1)]).toEqual([[], '']);
});

test('a paste is edited, not executed: its line breaks are spaces and nothing is sent', () => {
  type('说: ');
  type('\u001b[200~q\r\nrm -rf\u0007 /\n\u001b[201~');

  expect([commands, edits.at(-1)]).toEqual([[], '说: q rm -rf /']);
});

test('a blank paste and Enter send nothing', () => {
  type('\u001b[200~ \n \u001b[201~\r');

  expect(commands).toEqual([{ type: 'toggle' }]);
});

test('a text is at most 500 characters long', () => {
  type('很'.repeat(2000));
  type('\r');

  expect(commands).toEqual([{ type: 'text', text: '很'.repeat(500) }]);
});

test('Ctrl-C interrupts and Ctrl-D quits, even in the middle of a text', () => {
  type('hello\u0003');
  type('\u0004');

  expect(commands).toEqual([{ type: 'interrupt' }, { type: 'quit' }]);
});

test('Space held down talks until it is let go', () => {
  space('press');
  clock.advance(200);
  expect(commands).toEqual([{ type: 'press' }]);
  space('repeat');
  clock.advance(3000);
  space('release');

  expect(commands).toEqual([{ type: 'press' }, { type: 'release' }]);
});

test('Space tapped toggles where the terminal reports releases, too', () => {
  space('press');
  clock.advance(80);
  space('release');
  clock.advance(1000);

  expect([commands, clock.pendingTimers]).toEqual([[{ type: 'toggle' }], 0]);
});

test('Space inside a text is a space, held or not', () => {
  type('a');
  space('press');
  space('release');
  space('press');
  clock.advance(1000);
  space('release');

  expect([commands, edits.at(-1)]).toEqual([[], 'a  ']);
});

test('after closing no timer is left and nothing acts', () => {
  type('q');
  space('press');
  keys.close();
  clock.advance(1000);

  expect([commands, clock.pendingTimers]).toEqual([[], 0]);
});
