import type { Clock, TimerHandle } from '../../core/clock.ts';

export interface AnswerWatchParts {
  readonly clock: Clock;
  /** Datagrams of the server so far, usable or not. */
  readonly datagrams: () => number;
  /** An answer is over, and not one datagram of it has come. */
  readonly onSilent: () => void;
}

/** An answer without a sentence may have been without sound, unless it took its time. */
const spokenMs = 1_000;
/** By how much words may overtake sound. */
const overtakingMs = 500;

/** Notices answers of which words arrive and no sound. Those that we cut short do not count. */
export class AnswerWatch {
  readonly #parts: AnswerWatchParts;
  #begunMs: number | undefined;
  #hasWords = false;
  /** Datagrams when the answer before was over: sound may overtake the words that announce it. */
  #before = 0;
  #timer: TimerHandle;

  constructor(parts: AnswerWatchParts) {
    this.#parts = parts;
  }

  /** A message of the server. */
  heard({ type, state }: Readonly<Record<string, unknown>>): void {
    if (type !== 'tts') return;
    if (state === 'start' || state === 'sentence_start') {
      this.#begunMs ??= this.#parts.clock.now();
      this.#hasWords ||= state === 'sentence_start';
    } else if (state === 'stop') this.#over();
  }

  /** A message of ours. */
  sent(text: string): void {
    if (text.includes('"type":"abort"')) this.#begunMs = undefined;
  }

  stop(): void {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #over(): void {
    const { clock } = this.#parts;
    const wasSpoken =
      this.#begunMs !== undefined && (this.#hasWords || clock.now() - this.#begunMs >= spokenMs);
    this.#begunMs = undefined;
    this.#hasWords = false;
    if (wasSpoken) this.#timer ??= clock.setTimeout(() => this.#judge(), overtakingMs);
    else this.#before = this.#parts.datagrams();
  }

  #judge(): void {
    this.#timer = undefined;
    const now = this.#parts.datagrams();
    const isSilent = now === this.#before;
    this.#before = now;
    if (isSilent) this.#parts.onSilent();
  }
}
