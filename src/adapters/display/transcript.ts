import { printableText } from '../../core/printable-text.ts';
import type { StatusEvent } from '../../ports/status-display.ts';
import type { Paint } from './status-line.ts';
import type { Words } from './words.ts';

const maxTextCharacters = 2000;
const maxCodeCharacters = 32;

/** The lines an event adds to the conversation on the screen; none for what only programs want to know. */
export function transcriptOf(event: StatusEvent, words: Words, paint: Paint): readonly string[] {
  switch (event.type) {
    case 'stt':
      return [`${paint('green', `${words.you}:`)} ${clean(event.text)}`];
    case 'tts':
      if (event.state !== 'sentence' || event.text === undefined) return [];
      return [`${paint('cyan', `${words.device}:`)} ${clean(event.text)}`];
    case 'alert':
      return [`${paint('yellow', `! ${clean(event.status)}:`)} ${clean(event.message)}`];
    case 'mute':
      if (event.what !== 'microphone') return [];
      return [paint('yellow', `! ${words.microphone[event.muted ? 'off' : 'on']}`)];
    case 'upgrade':
      return [paint('dim', `* ${words.upgrade(printableText(event.version, maxCodeCharacters))}`)];
    case 'recording': {
      const what = `${words.recording[event.phase](event.source)}: ${clean(event.file)}`;
      const why = event.reason === undefined ? '' : ` (${clean(event.reason)})`;
      return [paint(event.phase === 'stopped' ? 'dim' : 'red', `* ${what}${why}`)];
    }
    case 'error':
      return [`${paint('red', `x ${clean(event.message)}`)} ${paint('dim', `[${clean(event.code)}]`)}`];
    case 'activation':
      return activation(printableText(event.code, maxCodeCharacters), clean(event.message), words, paint);
    default:
      return [];
  }
}

/** Big and alone, so that it can be read from across the room; drawn in ASCII, which has one width everywhere. */
function activation(code: string, message: string, words: Words, paint: Paint): readonly string[] {
  const spaced = Array.from(code).join(' ');
  const rule = `  +${'-'.repeat(spaced.length + 6)}+`;
  return [
    '',
    `  ${words.activationTitle}`,
    rule,
    `  |   ${paint('bold', spaced)}   |`,
    rule,
    `  ${words.activationNext(code)}`,
    ...(message === '' ? [] : [`  ${message}`]),
    '',
  ];
}

function clean(text: string): string {
  return printableText(text, maxTextCharacters);
}
