/** What a person did on the keyboard, whatever the terminal made of it. */
export type Key =
  /** One printable character (Unicode code point), never a space. */
  | { readonly kind: 'character'; readonly character: string }
  /** `tap` where the terminal tells only that the key was used, the others where it tells all (kitty protocol). */
  | { readonly kind: 'space'; readonly phase: 'tap' | 'press' | 'repeat' | 'release' }
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'enter' | 'backspace' | 'escape' | 'interrupt' | 'end-of-input' }
  /** The terminal answered that it speaks the kitty keyboard protocol. */
  | { readonly kind: 'kitty-supported' };

export interface KeyParser {
  /** Takes bytes as they come, cut anywhere. */
  push(bytes: Uint8Array): void;
  /** True while an escape sequence has begun: the rest may follow, or it was the Escape key. */
  readonly pending: boolean;
  /** Decides that nothing follows. */
  flush(): void;
}

const maxSequenceLength = 64;
const maxPasteLength = 4096;
const esc = '\u001b';
const pasteEnd = `${esc}[201~`;

/** ECMA-48 input: after ESC, in a control sequence, in a string that ends with BEL or ST, in a bracketed paste. */
type Mode = 'ground' | 'escape' | 'csi' | 'ss3' | 'string' | 'paste';

/**
 * Bytes of a terminal to keys. Understands UTF-8, bracketed paste and the kitty keyboard protocol
 * (sw.kovidgoyal.net/kitty/keyboard-protocol); every other sequence is swallowed. Never throws, never grows.
 */
export function createKeyParser(onKey: (key: Key) => void): KeyParser {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let mode: Mode = 'ground';
  let held = '';
  let lastWasReturn = false;

  const enter = (next: Mode) => {
    mode = next;
    held = '';
  };

  const ground = (character: string) => {
    const isSecondHalf = character === '\n' && lastWasReturn;
    lastWasReturn = character === '\r';
    if (isSecondHalf) return;
    if (character === esc) return enter('escape');
    const key = keyOf(character);
    if (key) onKey(key);
  };

  const afterEscape = (character: string) => {
    if (character === '[') return enter('csi');
    if (character === 'O') return enter('ss3');
    if (']P_^X'.includes(character)) return enter('string');
    if (character !== esc) return enter('ground');
    onKey({ kind: 'escape' });
  };

  const csi = (character: string) => {
    if (character >= '@' && character <= '~') {
      const parameters = held;
      enter('ground');
      if (character === '~' && parameters === '200') return enter('paste');
      const key = character === 'u' ? kittyKey(parameters) : undefined;
      if (key) onKey(key);
      return;
    }
    if (character < ' ' || held.length >= maxSequenceLength) {
      enter('ground');
      return ground(character);
    }
    held += character;
  };

  const string = (character: string) => {
    if (character === '\u0007') return enter('ground');
    // ST is ESC and a backslash, which `escape` swallows.
    if (character === esc) return enter('escape');
    if (character === '\u0003') {
      enter('ground');
      ground(character);
    }
  };

  const paste = (character: string) => {
    // Terminals take control characters out of a paste: this is the person, and must always be heard.
    if (character === '\u0003') onKey({ kind: 'interrupt' });
    held += character;
    if (held.endsWith(pasteEnd)) {
      const text = held.slice(0, Math.min(maxPasteLength, held.length - pasteEnd.length));
      enter('ground');
      onKey({ kind: 'paste', text });
    } else if (held.length > maxPasteLength + pasteEnd.length) {
      // What is too long is dropped at the end; the last characters stay, because they may begin the end mark.
      held = held.slice(0, maxPasteLength) + held.slice(-pasteEnd.length);
    }
  };

  const steps: Readonly<Record<Mode, (character: string) => void>> = {
    ground,
    escape: afterEscape,
    csi,
    ss3: () => enter('ground'),
    string,
    paste,
  };

  return {
    get pending() {
      return mode === 'escape' || mode === 'csi' || mode === 'ss3' || mode === 'string';
    },
    push(bytes) {
      for (const character of decoder.decode(bytes, { stream: true })) steps[mode](character);
    },
    flush() {
      if (mode === 'ground' || mode === 'paste') return;
      const wasAlone = mode === 'escape';
      enter('ground');
      if (wasAlone) onKey({ kind: 'escape' });
    },
  };
}

function keyOf(character: string): Key | undefined {
  switch (character) {
    case '\r':
    case '\n':
      return { kind: 'enter' };
    case '\u007f':
    case '\b':
      return { kind: 'backspace' };
    case '\u0003':
      return { kind: 'interrupt' };
    case '\u0004':
      return { kind: 'end-of-input' };
    case ' ':
      return { kind: 'space', phase: 'tap' };
    default:
      return /[\p{Cc}\p{Surrogate}\ufffd]/u.test(character) ? undefined : { kind: 'character', character };
  }
}

const kittyReleased = 3;
const controlKey = 4;
/** Alt, Super, Hyper and Meta: shortcuts of the window manager or terminal, not of ours. */
const otherModifiers = 2 | 8 | 16 | 32;

/** `CSI key[:shifted[:base]] ; modifiers[:event] ; text u`, or the answer to our question, `CSI ? flags u`. */
function kittyKey(parameters: string): Key | undefined {
  if (parameters.startsWith('?')) return { kind: 'kitty-supported' };
  const [keys = '', modifiersAndEvent = '', text = ''] = parameters.split(';');
  const [code = 0, shifted] = numbersOf(keys);
  const [modifiersPlusOne = 1, event = 1] = numbersOf(modifiersAndEvent);
  const modifiers = Math.max(0, modifiersPlusOne - 1);

  if (code === 0x20 && (modifiers & (controlKey | otherModifiers)) === 0) return kittySpace(event);
  if (event === kittyReleased || (modifiers & otherModifiers) !== 0) return undefined;
  if ((modifiers & controlKey) !== 0) return controlKeyOf(code);
  if (code === 27) return { kind: 'escape' };
  if (code === 13 || code === 57414) return event === 1 ? { kind: 'enter' } : undefined;
  if (code === 127 || code === 8) return { kind: 'backspace' };
  return kittyCharacter(numbersOf(text), code, shifted, modifiers);
}

function kittySpace(event: number): Key {
  if (event === kittyReleased) return { kind: 'space', phase: 'release' };
  return { kind: 'space', phase: event === 2 ? 'repeat' : 'press' };
}

function controlKeyOf(code: number): Key | undefined {
  if (code === 0x63) return { kind: 'interrupt' };
  return code === 0x64 ? { kind: 'end-of-input' } : undefined;
}

function kittyCharacter(
  text: readonly (number | undefined)[],
  code: number,
  shifted: number | undefined,
  modifiers: number,
): Key | undefined {
  const characters = text.map(characterOf).join('');
  // An input method commits several characters at once; they are text like a paste.
  if (text.length > 1) return { kind: 'paste', text: characters };
  if (characters !== '') return keyOf(characters);
  // Above are the numbers kitty gives to keys without a character: arrows, Shift itself, media keys.
  if (code === 0 || (code >= 57344 && code <= 63743)) return undefined;
  return keyOf(characterOf((modifiers & 1) !== 0 ? (shifted ?? code) : code));
}

function characterOf(codePoint = 0): string {
  return codePoint >= 0x20 && codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : '';
}

/** Colon-separated numbers; an empty or strange one is undefined, so that defaults apply. */
function numbersOf(field: string): (number | undefined)[] {
  return field.split(':').map((part) => (/^\d{1,7}$/.test(part) ? Number(part) : undefined));
}
