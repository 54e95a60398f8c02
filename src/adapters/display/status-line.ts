import stringWidth from 'string-width';
import type { DeviceStatus } from '../../ports/status-display.ts';
import type { Words } from './words.ts';

export interface StatusLineContent {
  readonly status: DeviceStatus;
  /** 0–100; undefined while no sound is measured. */
  readonly levelPercent: number | undefined;
  /** Somebody is speaking to the device; the meter is bright then (firmware B64). */
  readonly voice: boolean;
  /** Undefined until it is known. */
  readonly volumePercent: number | undefined;
  readonly muted: boolean;
  /** What the person is typing. */
  readonly edit: string;
}

/** Colours text, or leaves it alone. */
export type Paint = (color: Color, text: string) => string;
export type Color = 'red' | 'green' | 'yellow' | 'magenta' | 'cyan' | 'bold' | 'dim';

const meterCells = 12;
const separator = '  ';

const looks: Readonly<Record<DeviceStatus, { readonly symbol: string; readonly color: Color }>> = {
  starting: { symbol: '.', color: 'dim' },
  activating: { symbol: '#', color: 'yellow' },
  idle: { symbol: '-', color: 'dim' },
  connecting: { symbol: '~', color: 'yellow' },
  listening: { symbol: '<', color: 'green' },
  thinking: { symbol: '?', color: 'yellow' },
  speaking: { symbol: '>', color: 'cyan' },
  announcing: { symbol: '!', color: 'magenta' },
  recovering: { symbol: 'x', color: 'red' },
};

/**
 * The status line in at most `columns` columns: what matters least is left out first. While the person types, it ends
 * with the text, so that the cursor and an input method's window stand where the next character goes.
 */
export function statusLine(content: StatusLineContent, words: Words, columns: number, paint: Paint): string {
  const { symbol, color } = looks[content.status];
  const state = cutToWidth(`${symbol} ${words.states[content.status]}`, columns);
  const painted = paint('bold', paint(color, state));
  if (content.edit !== '') return withEdit(painted, widthOf(state), content.edit, columns);

  const parts = [painted];
  let used = widthOf(state);
  const add = (text: string, shown: string): boolean => {
    const width = separator.length + widthOf(text);
    if (used + width > columns) return false;
    used += width;
    parts.push(shown);
    return true;
  };
  if (content.levelPercent !== undefined) {
    const bar = meter(content.levelPercent);
    add(bar, paint(content.voice ? color : 'dim', bar));
  }
  if (content.volumePercent !== undefined) {
    const volume = `${words.volume} ${content.volumePercent}%`;
    add(volume, volume);
  }
  if (content.muted) add(words.muted, paint('red', words.muted));
  for (const hint of words.hints) if (add(hint, paint('dim', hint))) break;
  return parts.join(separator);
}

function withEdit(painted: string, stateWidth: number, edit: string, columns: number): string {
  const prompt = ' > ';
  const room = columns - stateWidth - prompt.length;
  if (room >= 10) return `${painted}${prompt}${lastOfWidth(edit, room)}`;
  return `> ${lastOfWidth(edit, Math.max(1, columns - 2))}`;
}

/** How much of the meter a level fills; levels that fill the same look the same. */
export function meterCellsOf(levelPercent: number): number {
  return Math.round((Math.min(100, Math.max(0, levelPercent)) / 100) * meterCells);
}

function meter(levelPercent: number): string {
  const filled = meterCellsOf(levelPercent);
  return `[${'|'.repeat(filled)}${' '.repeat(meterCells - filled)}]`;
}

/** Columns that `text` takes. Characters of ambiguous width count double: some terminals draw them so. */
export function widthOf(text: string): number {
  return stringWidth(text, { ambiguousIsNarrow: false });
}

function cutToWidth(text: string, columns: number): string {
  return takeWhileFits(graphemesOf(text), columns).join('');
}

function lastOfWidth(text: string, columns: number): string {
  return takeWhileFits(graphemesOf(text).reverse(), columns).reverse().join('');
}

function takeWhileFits(graphemes: readonly string[], columns: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const grapheme of graphemes) {
    used += widthOf(grapheme);
    if (used > columns) break;
    taken.push(grapheme);
  }
  return taken;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function graphemesOf(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
