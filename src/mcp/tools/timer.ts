import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { TaskSummary, Tasks } from '../tasks.ts';
import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';
import { nextTime } from './time-of-day.ts';
import {
  defaultTimerName,
  localTime,
  maxTimerMs,
  readTimer,
  type TimerArguments,
  type TimerClocks,
  timerRingName,
} from './timer-ring.ts';

export interface TimerToolParts extends TimerClocks {
  readonly tasks: Pick<Tasks, 'accept' | 'list' | 'get' | 'cancel'>;
  /** `createTimerRing` with the same clocks. */
  readonly ring: Tool;
  /** With the tasks of timers. */
  readonly channel: string;
}

const maxNameCharacters = 60;
const maxMessageCharacters = 300;

/** `self.timer.set`, `self.timer.list`, `self.timer.cancel`: a timer is a background task that waits; its end is mail. */
export function createTimerTools(parts: TimerToolParts): readonly Tool[] {
  return [setTool(parts), listTool(parts), cancelTool(parts)];
}

function setTool({ tasks, ring, channel, ...clocks }: TimerToolParts): Tool {
  return builtin({
    name: 'self.timer.set',
    description:
      'Set a timer, alarm or reminder. The device announces it by voice when it is due, also after a restart.\n' +
      'Args:\n  `name`: short name.\n  `seconds`: how long from now; or\n' +
      '  `at`: local time as HH:MM (the next one) or YYYY-MM-DD HH:MM.\n  `message`: what to say when it is due.',
    properties: {
      name: { type: 'string', default: defaultTimerName },
      seconds: { type: 'integer', default: 0, minimum: 0, maximum: maxTimerMs / 1000 },
      at: { type: 'string', default: '' },
      message: { type: 'string', default: '' },
    },
    run: async ({ name, seconds, at, message }, { announce }) => {
      if (announce === false) throw unheard();
      const timer = {
        name: (name as string).slice(0, maxNameCharacters),
        message: (message as string).slice(0, maxMessageCharacters),
        ...dueTime(seconds as number, (at as string).trim(), clocks),
      };
      const handle = await tasks.accept(ring, timer, { channel });
      handle.detach();
      return {
        kind: 'json',
        value: { timer_id: handle.id, name: timer.name, due: localTime(timer.dueAtMs) },
      };
    },
  });
}

function dueTime(
  seconds: number,
  at: string,
  { clock, wallClock, boot }: TimerClocks,
): Pick<TimerArguments, 'dueAtMs' | 'due'> {
  const nowMs = wallClock();
  if (at === '') {
    if (seconds === 0) throw invalid('Say when: seconds from now, or at as HH:MM.');
    const ms = seconds * 1000;
    return { dueAtMs: nowMs + ms, due: { boot, monotonicMs: clock.now() + ms } };
  }
  if (seconds > 0) throw invalid('Say either seconds or at, not both.');
  const dueAtMs = nextTime(at, nowMs);
  if (dueAtMs === undefined) throw invalid('at has to be a time like 07:30 or a date like 2026-12-24 18:00.');
  if (dueAtMs <= nowMs) throw invalid(`${at} is over already.`);
  if (dueAtMs - nowMs > maxTimerMs) throw invalid('A timer can be at most 30 days ahead.');
  return { dueAtMs };
}

function listTool({ tasks, clock, boot, wallClock }: TimerToolParts): Tool {
  return builtin({
    name: 'self.timer.list',
    description: 'Timers that are set, with the time they are due.',
    maxResultBytes: 4000,
    run: () => {
      const timers = running(tasks.list()).flatMap(({ id }) => {
        const args = tasks.get(id)?.args;
        return args ? [{ id, timer: readTimer(args) }] : [];
      });
      const value = timers.map(({ id, timer }) => {
        const leftMs =
          timer.due?.boot === boot ? timer.due.monotonicMs - clock.now() : timer.dueAtMs - wallClock();
        return {
          timer_id: id,
          name: timer.name,
          due: localTime(wallClock() + leftMs),
          seconds_left: Math.max(0, Math.round(leftMs / 1000)),
        };
      });
      return Promise.resolve({ kind: 'json', value });
    },
  });
}

function cancelTool({ tasks }: TimerToolParts): Tool {
  return builtin({
    name: 'self.timer.cancel',
    description: 'Cancel a timer.\nArgs:\n  `timer_id`: from self.timer.list.',
    properties: { timer_id: { type: 'string' } },
    required: ['timer_id'],
    run: (args) => {
      const id = args.timer_id as string;
      if (!running(tasks.list()).some((task) => task.id === id) || !tasks.cancel(id))
        throw invalid(`There is no timer ${id.slice(0, 20)}; self.timer.list tells which there are.`);
      return Promise.resolve({ kind: 'text', text: 'true' });
    },
  });
}

const running = (all: readonly TaskSummary[]): readonly TaskSummary[] =>
  all.filter(({ tool, state }) => tool === timerRingName && state === 'running');

const unheard = (): ClientError =>
  new ClientError(
    ErrorCode.toolFailed,
    'No timer was set: this loudspeaker does not tell what is asked for over this access point.',
  );

const invalid = (message: string): ClientError => new ClientError(ErrorCode.toolArgumentsInvalid, message);
