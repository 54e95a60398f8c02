import { EventEmitter } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import {
  createTerminalDisplay,
  type TerminalDisplay,
} from '../../../src/adapters/display/terminal-display.ts';
import { wordsFor } from '../../../src/adapters/display/words.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Draws what the display writes: carriage return, line feed, clear below, cursor up; colours are left out. */
class FakeScreen extends EventEmitter {
  columns = 60;
  written = '';
  writes = 0;
  lines = [''];
  row = 0;
  cursorShown = true;

  write(text: string): boolean {
    this.written += text;
    this.writes += 1;
    for (const [token] of text.matchAll(/\p{Cc}\[[?\d;]*[A-Za-z]|./gsu)) this.#apply(token);
    return true;
  }

  #apply(token: string): void {
    if (token === '\r') this.column = 0;
    else if (token === '\n') this.#down();
    else if (token === '\u001b[J') this.#clearBelow();
    else if (token.startsWith('\u001b') && token.endsWith('A'))
      this.row -= Number.parseInt(token.slice(2), 10);
    else if (token.startsWith('\u001b[?25')) this.cursorShown = token.endsWith('h');
    else if (!token.startsWith('\u001b')) this.#put(token);
  }

  column = 0;

  #down(): void {
    this.row += 1;
    this.lines[this.row] ??= '';
  }

  #clearBelow(): void {
    this.lines = this.lines.slice(0, this.row + 1);
    this.lines[this.row] = (this.lines[this.row] ?? '').slice(0, this.column);
  }

  #put(character: string): void {
    const line = this.lines[this.row] ?? '';
    this.lines[this.row] =
      line.slice(0, this.column) + character + line.slice(this.column + character.length);
    this.column += character.length;
  }
}

const open: TerminalDisplay[] = [];
afterEach(() => {
  for (const display of open.splice(0)) display.close();
});

function setUp({ color = false, language = 'en' as 'en' | 'zh-CN' } = {}) {
  const screen = new FakeScreen();
  const clock = new FakeClock();
  const display = createTerminalDisplay({ screen: screen as never, clock, words: wordsFor(language), color });
  open.push(display);
  return { screen, clock, display };
}

test('a conversation scrolls above one status line', () => {
  const { screen, display } = setUp();
  display.showVolume(70, false);
  display.show({ type: 'state', from: 'starting', to: 'listening', cause: 'talk.toggled' });
  display.show({ type: 'stt', text: '今天天气怎么样？' });
  display.show({ type: 'state', from: 'listening', to: 'speaking', cause: 'tts.started' });
  display.show({ type: 'tts', state: 'start' });
  display.show({ type: 'tts', state: 'sentence', text: '晴天。' });
  display.show({ type: 'tts', state: 'stop' });
  display.writeLine('00:00:00 info  a log line\n');
  display.show({ type: 'alert', status: 'OTA', message: 'update', emotion: 'happy' });
  display.show({ type: 'error', code: 'TRANSPORT_CLOSED', message: 'Gone. Press Enter.', retryable: true });

  expect(screen.lines).toEqual([
    'You: 今天天气怎么样？',
    '小智: 晴天。',
    '00:00:00 info  a log line',
    '! OTA: update',
    'x Gone. Press Enter. [TRANSPORT_CLOSED]',
    '> Speaking  vol 70%  Enter talk  q quit',
  ]);
  expect(screen.cursorShown).toBe(false);
});

test('the person sees when sound is recorded, and why that ended', () => {
  const { screen, display } = setUp();
  const recording = { type: 'recording', id: '1', source: 'microphone', file: '/r/1.wav' } as const;
  display.show({ ...recording, phase: 'started', seconds: 0 });
  display.show({ ...recording, phase: 'stopped', seconds: 2 });
  display.show({ ...recording, phase: 'failed', seconds: 2, reason: 'The disk is full.' });
  expect(screen.lines.slice(0, -1)).toEqual([
    '* Recording the microphone: /r/1.wav',
    '* Recording of the microphone ended: /r/1.wav',
    '* Recording of the microphone failed: /r/1.wav (The disk is full.)',
  ]);
});

test('the activation code stands alone, spaced, and once', () => {
  const { screen, display } = setUp();
  for (let asked = 0; asked < 3; asked++) {
    display.show({ type: 'activation', code: '123456', message: 'xiaozhi.me\n123456' });
  }

  expect(screen.lines.slice(0, -1)).toEqual([
    '',
    '  This device is not yet known to the server. Its code:',
    '  +-----------------+',
    '  |   1 2 3 4 5 6   |',
    '  +-----------------+',
    "  Sign in to the server's console, add a device and enter 123456.",
    '  xiaozhi.me 123456',
    '',
  ]);
});

test('a server cannot steer the terminal', () => {
  const { screen, display } = setUp();
  const before = screen.written.length;
  const hostile = '\u001b[2J\u001b]0;owned\u0007\u009b6n\r\nx\u202e';
  display.show({ type: 'stt', text: hostile });
  display.show({ type: 'tts', state: 'sentence', text: hostile });
  display.show({ type: 'alert', status: hostile, message: hostile, emotion: hostile });
  display.show({ type: 'activation', code: hostile, message: hostile });
  display.show({ type: 'error', code: hostile, message: hostile, retryable: false });
  const sequences = screen.written.slice(before).match(/\p{Cc}(?:\[[?\d]*[A-Za-z])?/gu) ?? [];

  expect(new Set(sequences)).toEqual(new Set(['\r', '\n', '\u001b[J', '\u001b[?25l']));
  expect(screen.written).not.toContain('owned');
});

test('a very long text is cut', () => {
  const { screen, display } = setUp();
  display.show({ type: 'stt', text: 'x'.repeat(1_000_000) });

  expect(screen.lines[0]).toBe(`You: ${'x'.repeat(1999)}…`);
});

test('the level is redrawn ten times a second at most, and the last one is shown', () => {
  const { screen, clock, display } = setUp();
  display.show({ type: 'state', from: 'idle', to: 'listening', cause: 'x' });
  const before = screen.writes;
  for (let ms = 0; ms < 1000; ms += 20) {
    display.showLevel(ms / 10);
    clock.advance(20);
  }
  display.showLevel(100);
  clock.advance(100);

  expect(screen.writes - before).toBe(10);
  expect(screen.lines.at(-1)).toContain('[||||||||||||]');
  clock.advance(60_000);
  expect([screen.writes - before, clock.pendingTimers]).toEqual([10, 0]);
});

test('a level that fills the same cells is not drawn again', () => {
  const { screen, clock, display } = setUp();
  display.show({ type: 'state', from: 'idle', to: 'listening', cause: 'x' });
  display.showLevel(50);
  clock.advance(100);
  const before = screen.writes;
  for (const level of [51, 49, 52, 50]) {
    display.showLevel(level);
    clock.advance(100);
  }
  expect(screen.writes - before).toBe(0);
});

test('no level is shown of a microphone that broke while it listened', () => {
  const { screen, clock, display } = setUp();
  display.show({ type: 'state', from: 'idle', to: 'listening', cause: 'x' });
  display.showLevel(100);
  display.show({ type: 'state', from: 'listening', to: 'idle', cause: 'microphone.failed' });
  clock.advance(1000);
  expect(screen.lines.at(-1)).not.toContain('|');
});

test('a flood is cut to what can be read, and the person is told', () => {
  const { screen, clock, display } = setUp();
  for (let n = 1; n <= 10_000; n++) display.show({ type: 'stt', text: `flood ${n}` });
  clock.advance(1000);

  expect(screen.lines.length).toBe(32);
  expect(screen.lines.slice(29, 31)).toEqual(['You: flood 30', '(9970 lines left out: too many at once)']);
  display.show({ type: 'stt', text: 'calm again' });
  expect(screen.lines.at(-2)).toBe('You: calm again');
});

test('typed text replaces the hints, with the cursor after it', () => {
  const { screen, display } = setUp();
  display.showEdit('你好');
  expect([screen.lines.at(-1), screen.cursorShown]).toEqual(['. Starting > 你好', true]);
  display.showEdit('');
  expect([screen.lines.at(-1), screen.cursorShown]).toEqual(['. Starting  Enter talk  q quit', false]);
});

test('a narrower window leaves nothing of the old status line', () => {
  const { screen, display } = setUp();
  display.show({ type: 'stt', text: 'hello' });
  // What a terminal that reflows does to the line that no longer fits.
  const [folded = ''] = screen.lines.splice(1);
  screen.columns = 16;
  screen.lines.push(folded.slice(0, 16), folded.slice(16));
  screen.row = 2;
  screen.emit('resize');

  expect(screen.lines).toEqual(['You: hello', '. Starting']);
});

test('closing leaves the conversation, shows the cursor and touches the terminal no more', () => {
  const { screen, clock, display } = setUp();
  display.show({ type: 'stt', text: 'hello' });
  display.showLevel(50);
  display.close();
  display.close();
  const written = screen.written;
  display.show({ type: 'stt', text: 'late' });
  display.showLevel(10);
  screen.emit('resize');
  clock.advance(1000);

  expect([screen.lines, screen.cursorShown, clock.pendingTimers]).toEqual([['You: hello', ''], true, 0]);
  expect(screen.written).toBe(written);
  expect(screen.listenerCount('resize')).toBe(0);
});

test('a terminal that is gone does not take the device with it', () => {
  const { screen, display } = setUp();
  screen.emit('error', new Error('EIO'));
  const { writes } = screen;
  display.show({ type: 'stt', text: 'late' });

  expect(screen.writes).toBe(writes);
});

test('colours are used only when wanted', () => {
  const sgr = /\p{Cc}\[\d+m/u;
  for (const color of [true, false]) {
    const { screen, display } = setUp({ color });
    display.show({ type: 'stt', text: 'hello' });
    expect(sgr.test(screen.written)).toBe(color);
  }
});

test('speaks Chinese', () => {
  const { screen, display } = setUp({ language: 'zh-CN' });
  display.show({ type: 'stt', text: '你好' });

  expect(screen.lines).toEqual(['你: 你好', '. 启动中  回车 说话  q 退出']);
});

test('what the device itself tells the server is not shown as words of the person', () => {
  const { screen, display } = setUp();
  display.show({ type: 'state', from: 'idle', to: 'announcing', cause: 'tool.completed' });
  display.show({ type: 'stt', text: '[Notice of the device] tea' });
  display.show({ type: 'state', from: 'announcing', to: 'speaking', cause: 'tts.started' });
  display.show({ type: 'tts', state: 'sentence', text: 'Tea is ready.' });
  display.show({ type: 'stt', text: 'thanks' });
  expect(screen.lines.slice(0, -1)).toEqual(['小智: Tea is ready.', 'You: thanks']);
});
