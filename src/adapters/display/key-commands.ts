import type { Clock, TimerHandle } from '../../core/clock.ts';
import { printableText } from '../../core/printable-text.ts';
import type { Key } from './key-parser.ts';

/** What the person wants. `press` and `release` come only from terminals that report when a key is let go. */
export type KeyCommand =
  | { readonly type: 'toggle' }
  | { readonly type: 'press' }
  | { readonly type: 'release' }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'mute' }
  /** `delta` in percent of full volume. */
  | { readonly type: 'volume'; readonly delta: number }
  | { readonly type: 'quit' }
  /** Ctrl-C: what SIGINT would be on a terminal in its usual mode. */
  | { readonly type: 'interrupt' };

export interface KeyCommandsOptions {
  readonly clock: Clock;
  readonly onCommand: (command: KeyCommand) => void;
  /** The text being typed, after each change. */
  readonly onEdit: (text: string) => void;
}

export interface KeyCommands {
  handle(key: Key): void;
  close(): void;
}

/** A letter that is also a key waits this long for the text it may begin. */
const letterHoldMs = 500;
/** Space held for less is a tap, and toggles. */
const tapMs = 200;
/** Keys repeat faster than this, fingers do not. */
const autoRepeatMs = 100;
const volumeStepPercent = 10;
const maxEditCharacters = 500;

const letterCommands: Readonly<Record<string, KeyCommand>> = {
  m: { type: 'mute' },
  q: { type: 'quit' },
  '+': { type: 'volume', delta: volumeStepPercent },
  '-': { type: 'volume', delta: -volumeStepPercent },
};

/** Keys to commands: decides what is text and what is a key, and holds the line being typed. */
export function createKeyCommands({ clock, onCommand, onEdit }: KeyCommandsOptions): KeyCommands {
  let edit = '';
  let letter: string | undefined;
  let letterTimer: TimerHandle | undefined;
  let space: 'up' | 'undecided' | 'held' = 'up';
  let spaceTimer: TimerHandle | undefined;
  let lastToggleKeyMs = Number.NEGATIVE_INFINITY;

  const setEdit = (text: string) => {
    if (text === edit) return;
    edit = text;
    onEdit(text);
  };

  const takeLetter = (): string => {
    const taken = letter ?? '';
    clock.clearTimeout(letterTimer);
    letter = undefined;
    return taken;
  };

  const act = () => {
    const command = letterCommands[takeLetter()];
    if (command) onCommand(command);
  };

  const hold = (character: string) => {
    letter = character;
    letterTimer = clock.setTimeout(act, letterHoldMs);
  };

  const append = (text: string) => {
    const longer = edit + takeLetter() + text;
    setEdit(Array.from(longer).slice(0, maxEditCharacters).join(''));
  };

  const toggle = () => {
    const nowMs = clock.now();
    const isRepeat = nowMs - lastToggleKeyMs < autoRepeatMs;
    lastToggleKeyMs = nowMs;
    if (!isRepeat) onCommand({ type: 'toggle' });
  };

  const onCharacter = (character: string) => {
    if (edit === '' && Object.hasOwn(letterCommands, character)) {
      if (letter === undefined) return hold(character);
      if (isVolumeKey(letter) && isVolumeKey(character)) {
        act();
        return hold(character);
      }
    }
    append(character);
  };

  const onEnter = () => {
    if (letter !== undefined) return act();
    if (edit === '') return toggle();
    const text = edit.trim();
    setEdit('');
    lastToggleKeyMs = clock.now();
    if (text !== '') onCommand({ type: 'text', text });
  };

  const onSpace = (phase: 'tap' | 'press' | 'repeat' | 'release') => {
    if (phase === 'release') return onSpaceUp();
    if (space !== 'up') return;
    if (edit !== '' || letter !== undefined) return append(' ');
    if (phase === 'tap') return toggle();
    if (phase === 'press') {
      space = 'undecided';
      spaceTimer = clock.setTimeout(() => {
        space = 'held';
        onCommand({ type: 'press' });
      }, tapMs);
    }
  };

  const onSpaceUp = () => {
    const was = space;
    clock.clearTimeout(spaceTimer);
    space = 'up';
    if (was === 'undecided') onCommand({ type: 'toggle' });
    if (was === 'held') onCommand({ type: 'release' });
  };

  return {
    handle(key) {
      switch (key.kind) {
        case 'character':
          return onCharacter(key.character);
        case 'space':
          return onSpace(key.phase);
        case 'paste':
          return append(printableText(key.text, maxEditCharacters));
        case 'enter':
          return onEnter();
        case 'backspace':
          return takeLetter() === '' ? setEdit(withoutLast(edit)) : undefined;
        case 'escape':
          takeLetter();
          return setEdit('');
        case 'interrupt':
          return onCommand({ type: 'interrupt' });
        case 'end-of-input':
          return onCommand({ type: 'quit' });
        case 'kitty-supported':
          return;
      }
    },
    close() {
      clock.clearTimeout(letterTimer);
      clock.clearTimeout(spaceTimer);
    },
  };
}

function isVolumeKey(character: string): boolean {
  return letterCommands[character]?.type === 'volume';
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Removes what the person sees as one character. */
function withoutLast(text: string): string {
  const last = Array.from(segmenter.segment(text)).at(-1);
  return last === undefined ? '' : text.slice(0, last.index);
}
