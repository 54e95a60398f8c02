import type { WriteStream } from 'node:tty';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { StatusDisplay, StatusEvent } from '../../ports/status-display.ts';
import {
  type Color,
  meterCellsOf,
  type Paint,
  type StatusLineContent,
  statusLine,
  widthOf,
} from './status-line.ts';
import { transcriptOf } from './transcript.ts';
import type { Words } from './words.ts';

/** A screen must not be redrawn for every frame of sound. */
const redrawIntervalMs = 100;
/** A server that sends faster than anybody reads is cut short: lines in one second. */
const maxLinesPerSecond = 30;

const csi = '\u001b[';
const hideCursor = `${csi}?25l`;
const showCursor = `${csi}?25h`;
const toLineStart = '\r';
const clearBelow = `${csi}J`;
const sgr: Readonly<Record<Color, readonly [number, number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  bold: [1, 22],
  dim: [2, 22],
};

/** The part of a terminal that the screen uses. */
export type Screen = Pick<WriteStream, 'columns' | 'write' | 'on' | 'off'>;

export interface TerminalDisplayOptions {
  /** A terminal (`isTTY`). */
  readonly screen: Screen;
  readonly clock: Clock;
  readonly words: Words;
  /** Colours; off when the person set NO_COLOR. */
  readonly color: boolean;
}

/** The screen of a person: the conversation scrolls, the last line tells the state. */
export interface TerminalDisplay extends StatusDisplay {
  /** 0–100, as often as it is measured; undefined hides the meter. */
  showLevel(levelPercent: number | undefined): void;
  showVolume(volumePercent: number, muted: boolean): void;
  /** What the person is typing. */
  showEdit(text: string): void;
  /** Puts finished text (a log line, colours allowed) above the status line. */
  writeLine(line: string): void;
  /** Leaves the terminal as it was found, below the conversation. Idempotent. */
  close(): void;
}

/**
 * One line is redrawn in place, and nothing else of the screen is touched: scrolling back, copying, narrow windows and
 * multiplexers work as for any program that prints lines.
 */
export function createTerminalDisplay(options: TerminalDisplayOptions): TerminalDisplay {
  return new LineScreen(options);
}

const cellsOf = (levelPercent: number | undefined) =>
  levelPercent === undefined ? undefined : meterCellsOf(levelPercent);

class LineScreen implements TerminalDisplay {
  readonly #screen: Screen;
  readonly #clock: Clock;
  readonly #words: Words;
  readonly #paint: Paint;
  #content: StatusLineContent = {
    status: 'starting',
    levelPercent: undefined,
    voice: false,
    volumePercent: undefined,
    muted: false,
    edit: '',
  };
  #drawn = '';
  #redraw: TimerHandle | undefined;
  #lastDrawMs = Number.NEGATIVE_INFINITY;
  #secondStartedMs = Number.NEGATIVE_INFINITY;
  #linesThisSecond = 0;
  #leftOut = 0;
  #notice: TimerHandle | undefined;
  #activationCode: string | undefined;
  #closed = false;

  constructor({ screen, clock, words, color }: TerminalDisplayOptions) {
    this.#screen = screen;
    this.#clock = clock;
    this.#words = words;
    this.#paint = color
      ? (name, text) => `${csi}${sgr[name][0]}m${text}${csi}${sgr[name][1]}m`
      : (_, text) => text;
    screen.on('resize', this.#resized);
    // A terminal that is gone reports an error on the next write; the device notices by SIGHUP.
    screen.on('error', this.#lost);
    process.once('exit', this.#restore);
    this.#draw();
  }

  show(event: StatusEvent): void {
    if (event.type === 'state') {
      // A microphone that broke says no last level.
      const over = event.to === 'listening' ? {} : { levelPercent: undefined };
      this.#update({ status: event.to, ...over });
      return;
    }
    if (event.type === 'speech') {
      this.#update({ voice: event.phase === 'started' });
      return;
    }
    // What a server reports now is the device's own notice, not what the person said.
    if (event.type === 'stt' && this.#content.status === 'announcing') return;
    if (event.type === 'activation') {
      // The device asks the server again and again and is told the same code; the person has it on the screen.
      if (event.code === this.#activationCode) return;
      this.#activationCode = event.code;
    }
    this.#print(transcriptOf(event, this.#words, this.#paint));
  }

  showLevel(levelPercent: number | undefined): void {
    const shown = this.#content.levelPercent;
    if (cellsOf(shown) === cellsOf(levelPercent)) return;
    this.#content = { ...this.#content, levelPercent };
    this.#drawSoon();
  }

  showVolume(volumePercent: number, muted: boolean): void {
    this.#update({ volumePercent, muted });
  }

  showEdit(edit: string): void {
    this.#update({ edit });
  }

  writeLine(line: string): void {
    this.#print([line.replace(/\n$/, '')]);
  }

  close(): void {
    if (this.#closed) return;
    this.#restore();
    this.#closed = true;
    this.#clock.clearTimeout(this.#redraw);
    this.#clock.clearTimeout(this.#notice);
    this.#screen.off('resize', this.#resized);
    process.off('exit', this.#restore);
  }

  #update(change: Partial<StatusLineContent>): void {
    this.#content = { ...this.#content, ...change };
    this.#draw();
  }

  #drawSoon(): void {
    if (this.#redraw !== undefined || this.#closed) return;
    const dueMs = Math.max(0, this.#lastDrawMs + redrawIntervalMs - this.#clock.now());
    this.#redraw = this.#clock.setTimeout(() => this.#draw(), dueMs);
  }

  #draw(): void {
    this.#write(this.#erase() + this.#freshLine());
  }

  #print(lines: readonly string[]): void {
    const kept = this.#withinRate(lines);
    if (kept.length === 0) return;
    const text = kept.map((line) => `${line.replaceAll('\n', '\r\n')}\r\n`).join('');
    this.#write(this.#erase() + text + this.#freshLine());
  }

  #withinRate(lines: readonly string[]): readonly string[] {
    const nowMs = this.#clock.now();
    if (nowMs - this.#secondStartedMs >= 1000) {
      this.#secondStartedMs = nowMs;
      this.#linesThisSecond = 0;
    }
    this.#linesThisSecond += lines.length;
    if (this.#linesThisSecond <= maxLinesPerSecond) return lines;
    this.#leftOut += lines.length;
    this.#notice ??= this.#clock.setTimeout(
      () => {
        this.#notice = undefined;
        const notice = this.#words.linesLeftOut(this.#leftOut);
        this.#leftOut = 0;
        this.#print([this.#paint('dim', notice)]);
      },
      this.#secondStartedMs + 1000 - nowMs,
    );
    return [];
  }

  #erase(): string {
    return this.#drawn === '' ? '' : `${toLineStart}${clearBelow}`;
  }

  #freshLine(): string {
    this.#clock.clearTimeout(this.#redraw);
    this.#redraw = undefined;
    this.#lastDrawMs = this.#clock.now();
    // The last column stays free: a cursor that waits there for the next line behaves differently everywhere.
    this.#drawn = statusLine(
      this.#content,
      this.#words,
      Math.max(1, (this.#screen.columns || 80) - 1),
      this.#paint,
    );
    return this.#drawn + (this.#content.edit === '' ? hideCursor : showCursor);
  }

  /** Terminals that reflow have folded a line that became too long: go up to where it begins now. */
  readonly #resized = (): void => {
    if (this.#closed) return;
    const rows = Math.ceil(widthOf(this.#drawn) / Math.max(1, this.#screen.columns || 80));
    const up = rows > 1 ? `${csi}${rows - 1}A` : '';
    this.#write(`${up}${toLineStart}${clearBelow}${this.#freshLine()}`);
  };

  readonly #restore = (): void => {
    this.#write(`${this.#erase()}${showCursor}`);
    this.#drawn = '';
  };

  readonly #lost = (): void => {
    this.#closed = true;
  };

  #write(text: string): void {
    if (!this.#closed) this.#screen.write(text);
  }
}
