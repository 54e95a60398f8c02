import type { Clock, TimerHandle } from '../../core/clock.ts';
import { createKeyCommands, type KeyCommand } from './key-commands.ts';
import { createKeyParser } from './key-parser.ts';

/** The part of `process.stdin` on a terminal that the keyboard uses. */
export type KeyboardInput = Pick<
  NodeJS.ReadStream,
  'setRawMode' | 'on' | 'off' | 'resume' | 'pause' | 'isRaw'
>;

export interface KeyboardOptions {
  /** A terminal (`isTTY`). */
  readonly input: KeyboardInput;
  /** The same terminal, for the sequences that switch its reports on and off. */
  readonly output: { write(text: string): unknown };
  readonly clock: Clock;
  readonly onCommand: (command: KeyCommand) => void;
  /** The text being typed, after each change. */
  readonly onEdit: (text: string) => void;
}

export interface Keyboard {
  /** Gives the terminal back as it was. No callback follows. Idempotent. */
  close(): void;
}

/** The rest of an escape sequence arrives at once; the Escape key is alone. */
const escapeTimeoutMs = 50;
const pasteOn = '\u001b[?2004h';
const pasteOff = '\u001b[?2004l';
const kittyQuery = '\u001b[?u';
/** Disambiguate (1), report releases (2), all keys as sequences (8), with their text (16). */
const kittyOn = '\u001b[>27u';
const kittyOff = '\u001b[<u';

/** Reads single keys of a terminal until closed. */
export function openKeyboard({ input, output, clock, onCommand, onEdit }: KeyboardOptions): Keyboard {
  let closed = false;
  let speaksKitty = false;
  let escapeTimer: TimerHandle | undefined;

  const commands = createKeyCommands({ clock, onCommand, onEdit });
  const parser = createKeyParser((key) => {
    if (closed) return;
    if (key.kind === 'kitty-supported' && !speaksKitty) {
      speaksKitty = true;
      output.write(kittyOn);
    }
    commands.handle(key);
  });

  const onData = (bytes: Uint8Array) => {
    clock.clearTimeout(escapeTimer);
    parser.push(bytes);
    if (parser.pending && !closed) escapeTimer = clock.setTimeout(() => parser.flush(), escapeTimeoutMs);
  };
  // The terminal is gone (window closed, connection lost): nobody is left to talk to.
  const onGone = () => {
    if (!closed) onCommand({ type: 'quit' });
  };

  const close = () => {
    if (closed) return;
    closed = true;
    clock.clearTimeout(escapeTimer);
    commands.close();
    input.off('data', onData);
    input.off('end', onGone);
    process.off('exit', close);
    output.write(speaksKitty ? kittyOff + pasteOff : pasteOff);
    input.setRawMode(wasRaw);
    input.pause();
  };

  const wasRaw = input.isRaw;
  input.setRawMode(true);
  input.on('data', onData);
  input.on('end', onGone);
  input.on('error', onGone);
  process.once('exit', close);
  output.write(pasteOn + kittyQuery);
  input.resume();
  return { close };
}
