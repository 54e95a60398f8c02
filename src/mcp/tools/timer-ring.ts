import { type Clock, wait } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { foreignWords, inWords, type Words, words } from '../../core/words.ts';
import type { Tool, ToolArguments } from '../tool.ts';
import { builtin } from './builtin.ts';

/** Name of the tool that waits; never listed, but known to the keeper of tasks, which starts it again after a restart. */
export const timerRingName = 'self.timer';

/** Longest time ahead of a timer. */
export const maxTimerMs = 30 * 24 * 3_600_000;
/** How often the time of day is looked at: it may be set while a timer waits. */
const lookMs = 20_000;
/** Rings up to this much later count as on time. */
const toleranceMs = 60_000;

/** What is stored with the task of a timer. */
export interface TimerArguments {
  readonly name: string;
  readonly message: string;
  /** Wall-clock time, ms since 1970. */
  readonly dueAtMs: number;
  /** Of timers that were set as a duration: when they are due on the clock that cannot be set, in the process `boot`. */
  readonly due?: { readonly boot: string; readonly monotonicMs: number };
}

export interface TimerClocks {
  readonly clock: Clock;
  /** Wall-clock time, ms since 1970. */
  readonly wallClock: () => number;
  /** Names this run of the process: after a restart, monotonic times mean nothing. */
  readonly boot: string;
}

/** Of a timer that was given none. */
export const defaultTimerName = 'timer';

/** Waits until the timer is due and results in its message; at once when that was while the device was off. */
export function createTimerRing(clocks: TimerClocks): Tool {
  const { clock, wallClock } = clocks;
  return builtin({
    name: timerRingName,
    description: 'Waits for the time of a timer.',
    audience: 'user',
    mode: 'background',
    idempotent: true,
    timeoutMs: 2 * maxTimerMs,
    run: async (args, { signal }) => {
      const timer = readTimer(args);
      for (let leftMs = leftOf(timer, clocks); leftMs > 0; leftMs = leftOf(timer, clocks)) {
        await wait(clock, Math.min(leftMs, lookMs), signal);
        signal.throwIfAborted();
      }
      const said = rung(timer, wallClock());
      return { kind: 'text', text: inWords(said, 'en'), words: said };
    },
  });
}

function leftOf({ dueAtMs, due }: TimerArguments, { clock, wallClock, boot }: TimerClocks): number {
  // A duration is over when it is over, whatever the time of day has been set to meanwhile.
  if (due?.boot === boot) return due.monotonicMs - clock.now();
  return dueAtMs - wallClock();
}

function rung({ name, message, dueAtMs, due }: TimerArguments, nowMs: number): Words {
  const what = name === defaultTimerName ? words('timer') : foreignWords(name);
  const said = message === '' ? what : words('because', { what, text: message });
  const text = name === defaultTimerName && message !== '' ? foreignWords(message) : said;
  const lateMs = nowMs - dueAtMs;
  return due || lateMs <= toleranceMs ? text : words('timerLate', { text, time: localTime(dueAtMs) });
}

/** `2026-11-21 07:00:00` in the time zone of the device. */
export function localTime(ms: number): string {
  return new Date(ms).toLocaleString('sv-SE');
}

/** @throws ClientError TOOL_ARGUMENTS_INVALID when they are not those of a timer */
export function readTimer(args: ToolArguments): TimerArguments {
  const { name, message, dueAtMs, due } = args as Partial<TimerArguments>;
  if (typeof name !== 'string' || typeof message !== 'string' || typeof dueAtMs !== 'number')
    throw new ClientError(ErrorCode.toolArgumentsInvalid, 'This is not a timer; use self.timer.set.');
  return { name, message, dueAtMs, ...(due && { due }) };
}
