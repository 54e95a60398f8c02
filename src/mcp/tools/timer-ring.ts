import { type Clock, wait } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import {
  clockLookMs,
  dateOf,
  type Moment,
  momentOf,
  type SystemTime,
  sinceMs,
} from '../../core/system-time.ts';
import { foreignWords, inWords, type Words, words } from '../../core/words.ts';
import type { AcceptedAt, Tool, ToolArguments } from '../tool.ts';
import { builtin } from './builtin.ts';
import { nextTime } from './time-of-day.ts';

/** Name of the tool that waits; never listed, but known to the keeper of tasks, which starts it again after a restart. */
export const timerRingName = 'self.timer';

/** Longest time ahead of a timer. */
export const maxTimerMs = 30 * 24 * 3_600_000;
/** Rings up to this much later count as on time. */
const toleranceMs = 60_000;
/** A date that moves by more was set by somebody: times of day are worked out anew. */
const stepMs = 60_000;

/** What is stored with the task of a timer. */
export interface TimerArguments {
  readonly name: string;
  readonly message: string;
  /** When it is due, ms since 1970, by the date of the device when it was set; that date may have been wrong. */
  readonly dueAtMs: number;
  /** Of timers that were set as a duration. */
  readonly durationMs?: number | undefined;
  /** Of timers that were set for a time of day: `07:00`, or with a date. */
  readonly at?: string | undefined;
}

export interface TimerClocks {
  readonly clock: Clock;
  readonly time: SystemTime;
}

/** Of a timer that was given none. */
export const defaultTimerName = 'timer';

/** Waits until the timer is due and results in its message; at once when that was while the device was off. */
export function createTimerRing({ clock, time }: TimerClocks): Tool {
  return builtin({
    name: timerRingName,
    description: 'Waits for the time of a timer.',
    audience: 'user',
    mode: 'background',
    idempotent: true,
    timeoutMs: 2 * maxTimerMs,
    run: async (args, { signal, accepted }) => {
      const timer = readTimer(args);
      const countdown = new Countdown(timer, accepted ?? (() => undefined), time);
      let leftMs = countdown.leftMs();
      for (; leftMs > 0; leftMs = countdown.leftMs()) {
        // The date may be set meanwhile, and in suspend timers stand still.
        await wait(clock, Math.min(leftMs, clockLookMs), signal);
        signal.throwIfAborted();
      }
      const said = rung(timer, -leftMs, time);
      return { kind: 'text', text: inWords(said, 'en'), words: said };
    },
  });
}

/**
 * How long a timer has still to wait. A duration runs on the time since boot, whatever happens to the date; across a boot
 * the dates must do. A time of day is the next one after the moment the timer was set, by what is known of the date now:
 * when the clock turns out to have been wrong, it is worked out anew.
 */
export class Countdown {
  readonly #timer: TimerArguments;
  readonly #accepted: () => AcceptedAt | undefined;
  readonly #time: SystemTime;
  /** The first look in this process: what counts from when the dates of before make no sense. */
  readonly #begun: Moment;
  #chosen: { readonly offsetMs: number; readonly dueAtMs: number } | undefined;

  constructor(timer: TimerArguments, accepted: () => AcceptedAt | undefined, time: SystemTime) {
    this.#timer = timer;
    this.#accepted = accepted;
    this.#time = time;
    this.#begun = momentOf(time);
  }

  /** Zero or less: it is due, and that long ago. */
  leftMs(): number {
    const { durationMs } = this.#timer;
    if (durationMs !== undefined) return this.#leftOf(durationMs);
    return this.#dueAtMs() - this.#time.wallMs();
  }

  #leftOf(durationMs: number): number {
    const time = this.#time;
    const accepted = this.#accepted();
    const passedMs = sinceMs(accepted?.moment, time);
    if (passedMs !== undefined) return durationMs - passedMs;
    const leftMs = (accepted?.atMs ?? this.#timer.dueAtMs - durationMs) + durationMs - time.wallMs();
    // Set in the future, or longer ago than any timer lasts: one of the two dates is wrong.
    const believable = leftMs <= durationMs && leftMs > -maxTimerMs;
    return believable ? leftMs : durationMs - (sinceMs(this.#begun, time) ?? 0);
  }

  #dueAtMs(): number {
    const time = this.#time;
    const offsetMs = time.wallMs() - time.bootMs();
    // Chosen once per date: looked at again a moment later, `07:00` could be tomorrow's.
    if (!this.#chosen || Math.abs(offsetMs - this.#chosen.offsetMs) > stepMs)
      this.#chosen = { offsetMs, dueAtMs: this.#chooseTime() };
    return this.#chosen.dueAtMs;
  }

  #chooseTime(): number {
    const { at, dueAtMs } = this.#timer;
    if (at === undefined) return dueAtMs;
    const time = this.#time;
    const accepted = this.#accepted();
    const setAtMs = dateOf(accepted?.moment, time) ?? accepted?.atMs ?? dueAtMs;
    const begunAtMs = dateOf(this.#begun, time) ?? time.wallMs();
    // Set in the future, or longer ago than any timer waits: the date was wrong then.
    const believable = setAtMs <= begunAtMs && begunAtMs - setAtMs <= maxTimerMs;
    return nextTime(at, believable ? setAtMs : begunAtMs) ?? dueAtMs;
  }
}

function rung({ name, message }: TimerArguments, lateMs: number, time: SystemTime): Words {
  const what = name === defaultTimerName ? words('timer') : foreignWords(name);
  const said = message === '' ? what : words('because', { what, text: message });
  const text = name === defaultTimerName && message !== '' ? foreignWords(message) : said;
  return lateMs <= toleranceMs ? text : words('timerLate', { text, time: localTime(time.wallMs() - lateMs) });
}

/** `2026-11-21 07:00:00` in the time zone of the device. */
export function localTime(ms: number): string {
  return new Date(ms).toLocaleString('sv-SE');
}

/** @throws ClientError TOOL_ARGUMENTS_INVALID when they are not those of a timer */
export function readTimer(args: ToolArguments): TimerArguments {
  const { name, message, dueAtMs, durationMs, at } = args as Partial<TimerArguments>;
  if (typeof name !== 'string' || typeof message !== 'string' || typeof dueAtMs !== 'number')
    throw new ClientError(ErrorCode.toolArgumentsInvalid, 'This is not a timer; use self.timer.set.');
  return {
    name,
    message,
    dueAtMs,
    ...(typeof durationMs === 'number' && { durationMs }),
    ...(typeof at === 'string' && { at }),
  };
}
