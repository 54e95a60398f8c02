import { EventEmitter } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import type { KeyCommand } from '../../../src/adapters/display/key-commands.ts';
import { type Keyboard, openKeyboard } from '../../../src/adapters/display/keyboard.ts';
import { FakeClock } from '../../support/fake-clock.ts';

class FakeTerminal extends EventEmitter {
  isRaw = false;
  isReading = false;
  written = '';

  setRawMode(raw: boolean): this {
    this.isRaw = raw;
    return this;
  }

  resume(): this {
    this.isReading = true;
    return this;
  }

  pause(): this {
    this.isReading = false;
    return this;
  }

  write(text: string): void {
    this.written += text;
  }
}

let keyboard: Keyboard | undefined;
afterEach(() => keyboard?.close());

function setUp() {
  const terminal = new FakeTerminal();
  const clock = new FakeClock();
  const commands: KeyCommand[] = [];
  const edits: string[] = [];
  keyboard = openKeyboard({
    input: terminal as never,
    output: terminal,
    clock,
    onCommand: (command) => commands.push(command),
    onEdit: (text) => edits.push(text),
  });
  const send = (text: string) => terminal.emit('data', Buffer.from(text));
  return { terminal, clock, commands, edits, send, keyboard };
}

test('single keys are read, and the terminal is given back as it was', () => {
  const { terminal, send, commands, keyboard } = setUp();
  expect([terminal.isRaw, terminal.isReading, terminal.written]).toEqual([
    true,
    true,
    '\u001b[?2004h\u001b[?u',
  ]);
  send('\r');
  terminal.written = '';
  keyboard.close();
  keyboard.close();
  send('\r');

  expect(commands).toEqual([{ type: 'toggle' }]);
  expect([terminal.isRaw, terminal.isReading, terminal.written]).toEqual([false, false, '\u001b[?2004l']);
});

test('releases are asked for where the terminal knows them, and taken back', () => {
  const { terminal, clock, send, commands, keyboard } = setUp();
  terminal.written = '';
  send('\u001b[?0u');
  send('\u001b[?0u');
  expect(terminal.written).toBe('\u001b[>27u');
  send('\u001b[32;;32u');
  clock.advance(500);
  send('\u001b[32;1:3u');
  keyboard.close();

  expect(commands).toEqual([{ type: 'press' }, { type: 'release' }]);
  expect(terminal.written).toBe('\u001b[>27u\u001b[<u\u001b[?2004l');
});

test('the Escape key is told from the start of a sequence by what follows within 50 ms', () => {
  const { clock, send, edits } = setUp();
  send('abc');
  send('\u001b');
  clock.advance(20);
  send('[A');
  clock.advance(1000);
  expect(edits.at(-1)).toBe('abc');
  send('\u001b');
  clock.advance(50);
  expect(edits.at(-1)).toBe('');
});

test('a terminal that goes away quits', () => {
  const { terminal, commands, keyboard } = setUp();
  terminal.emit('error', new Error('EIO'));
  terminal.emit('end');
  keyboard.close();
  terminal.emit('error', new Error('EIO'));

  expect(commands).toEqual([{ type: 'quit' }, { type: 'quit' }]);
});

test('after closing no timer is left and no callback comes', () => {
  const { clock, send, commands, keyboard } = setUp();
  send('q');
  send('\u001b');
  keyboard.close();
  clock.advance(1000);

  expect([commands, clock.pendingTimers]).toEqual([[], 0]);
});
