import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadOpusCodec } from '../../src/adapters/audio/opus-discord.ts';
import { readTaskJournal } from '../../src/adapters/storage/task-journal.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { type Logger, silentLogger } from '../../src/core/logger.ts';
import { createDemoServer } from '../../src/demo-server/server.ts';
import { foldJournal } from '../../src/mcp/task-record.ts';
import { freshHome, type Program, type ProgramEvent } from './program.ts';
import { shell, startToolProgram } from './tool-program.ts';

const codec = await loadOpusCodec();

/** After what a device is killed, and a little later. */
export const killMoments = ['finished', 'sent', 'tts start', 'first sound', 'end'] as const;
export type KillMoment = (typeof killMoments)[number];

const latestAfterMs = 400;
const patienceMs = 120_000;
const longestThoughtMs = 3_000;
/** The server's answers are as long as its chime, 0.88 s, or longer; a little less may have come out of a loudspeaker. */
const heardMs = 800;

/** What became of one result. */
export interface Telling {
  readonly result: string;
  readonly killed: string;
  /** What the server was given to say about it, in order, without what stood before and after. */
  readonly given: readonly string[];
  /** How often the device says that it has told it. */
  readonly told: number;
  /** In how many lives of the device some of an answer about it was played. */
  readonly heard: number;
}

export interface KillRunOptions {
  readonly kills: number;
  readonly seed: number;
  readonly language: 'en' | 'zh-CN';
  /** Told of each kill. */
  readonly onKill?: (text: string) => void;
}

/** How a person is told that they may know already. */
const maybeTold = /I may have told you already|我可能已经告诉过你了/u;

/** The rules that a telling breaks. */
export function faultsOf({ result, killed, given, told, heard }: Telling): string[] {
  const about = `${result} (killed ${killed}): ${JSON.stringify(given)}`;
  return [
    ...(told === 0 ? [`never told: ${about}`] : []),
    ...(heard === 0 ? [`told, but never heard: ${about}`] : []),
    ...(given.length === 0 ? [`never given to the server: ${about}`] : []),
    ...(given.slice(1).every((words) => maybeTold.test(words))
      ? []
      : [`told again as if it were new: ${about}`]),
  ];
}

/**
 * A device that finishes a task and is killed (SIGKILL) while it tells of it, again and again on one state directory, against
 * a server that takes after the Python one and thinks for 0 to 3 s about a notice. In the end it is left alone until it has
 * nothing to tell.
 */
export async function runKills({ kills, seed, language, onKill }: KillRunOptions): Promise<Telling[]> {
  const random = randomOf(seed);
  let isNotice = false;
  const given: string[] = [];
  const told: string[] = [];
  const heard: string[] = [];
  const killed: string[] = [];
  const server = createDemoServer(
    {
      host: '127.0.0.1',
      port: 0,
      behaviour: {
        manner: 'python',
        thinkMs: () => (isNotice ? Math.floor(random() * longestThoughtMs) : 0),
      },
    },
    {
      codec,
      clock: monotonicClock,
      logger: textsTo((text) => {
        given.push(text);
        isNotice = !isTyped(text);
      }),
    },
  );
  const { otaUrl } = await server.start();
  const home = freshHome();

  function start(...args: string[]): Program {
    return startToolProgram({
      home,
      mcp: { tools: [brew] },
      announcements: { language, quietMs: 300 },
      sections: { conversation: { idleSettleMs: 100 } },
      args: ['--server', otaUrl, '--transport', 'websocket', ...args],
    });
  }

  /** Ends a life and notes what was told in it. `atMs`: when, in the time of its events. */
  async function end(program: Program, signal: NodeJS.Signals, atMs: number): Promise<void> {
    program.child.kill(signal);
    await program.exited;
    told.push(...tasksIn(program, 'spoken'));
    heard.push(...new Set(tasksIn(program, 'sent').filter((task) => wasHeard(program, task, atMs))));
  }

  try {
    for (let n = 1; n <= kills; n++) {
      const moment = killMoments[Math.floor(random() * killMoments.length)] as KillMoment;
      const afterMs = Math.floor(random() * latestAfterMs);
      // On a busy machine the first text may come before the server knows the tools.
      const program = start('--say', 'hello', '--say', `call brew {"pot": ${n}}`);
      const { t: cameMs } = await until(
        () => comingOf(program, `t${n}`, moment),
        () => `${moment} ${program.stderr}`,
      );
      const waitedMs = performance.now();
      await sleep(afterMs);
      await end(program, 'SIGKILL', cameMs + performance.now() - waitedMs);
      killed.push(`${afterMs} ms after ${moment}`);
      onKill?.(`${n} of ${kills}, ${killed.at(-1)}`);
    }
    const last = start();
    await untilNothingIsLeft(home, kills);
    await end(last, 'SIGTERM', Number.POSITIVE_INFINITY);
  } finally {
    await server.stop();
  }
  return killed.map((moment, index) => ({
    result: `Pot ${index + 1} is ready`,
    killed: moment,
    given: given.flatMap((text) => wordsAbout(index + 1, text)),
    told: told.filter((task) => task === `t${index + 1}`).length,
    heard: heard.filter((task) => task === `t${index + 1}`).length,
  }));
}

const brew = {
  ...shell('brew', 'sleep 0.3; sed "s/[^0-9]*\\([0-9]*\\).*/Pot \\1 is ready./"', { mode: 'background' }),
  input_schema: { type: 'object', properties: { pot: { type: 'integer' } } },
};

const isTyped = (text: string): boolean => /^(?:hello|call)/u.test(text);

/** The texts that devices hand over, from the server's log. */
function textsTo(onText: (text: string) => void): Logger {
  const logger: Logger = {
    ...silentLogger,
    child: () => logger,
    info(message, fields) {
      const { text } = Object(Object(fields).private) as { text?: string };
      if (message === 'text from the device' && text !== undefined) onText(text);
    },
  };
  return logger;
}

/** A notice may be about several results; what is said of one begins behind the one before. */
function wordsAbout(pot: number, text: string): string[] {
  return text.split(/(?<=is ready\.)/u).filter((words) => words.includes(`Pot ${pot} is ready`));
}

const tasksIn = (program: Program, wanted: string): string[] =>
  program.eventsOf('announcement').flatMap(({ phase, task }) => (phase === wanted ? [`${task}`] : []));

const isOf =
  (task: string, wanted: string) =>
  ({ type, phase, task: about }: ProgramEvent): boolean =>
    type === 'announcement' && phase === wanted && about === task;

const isPlayback =
  (wanted: string) =>
  ({ type, phase }: ProgramEvent): boolean =>
    type === 'playback' && phase === wanted;

/** What has come since the notice about a task was sent, that included. */
function sinceSent({ events }: Program, task: string): readonly ProgramEvent[] {
  const sent = events.findIndex(isOf(task, 'sent'));
  return sent < 0 ? [] : events.slice(sent);
}

function comingOf(program: Program, task: string, moment: KillMoment): ProgramEvent | undefined {
  const since = sinceSent(program, task);
  switch (moment) {
    case 'finished':
      return program.events.find(isOf(task, 'queued'));
    case 'sent':
      return since[0];
    case 'tts start':
      return since.find(({ type, state }) => type === 'tts' && state === 'start');
    case 'first sound':
      return since.find(isPlayback('started'));
    case 'end':
      return since.find(isOf(task, 'spoken'));
  }
}

function wasHeard(program: Program, task: string, endMs: number): boolean {
  const since = sinceSent(program, task);
  const [started] = since.filter(isPlayback('started'));
  if (!started) return false;
  return endMs - started.t >= heardMs || since.some(isPlayback('drained'));
}

async function untilNothingIsLeft(home: string, results: number): Promise<void> {
  const directory = join(home, 'state/xiaozhi-speaker/tasks');
  let left: string[] = [];
  await until(
    async () => {
      const { tasks } = foldJournal(await readTaskJournal(directory));
      const untold = [...tasks.values()].filter(({ deliveredAtMs }) => deliveredAtMs === undefined);
      left = untold.map(({ id }) => id);
      return (tasks.size >= results && left.length === 0) || undefined;
    },
    () => `all is told; left: ${left.join(', ')}`,
  );
}

/** Waits for a value; patiently, because a machine may be busy with more than this. */
async function until<Value>(
  found: () => Value | undefined | Promise<Value | undefined>,
  what: () => string,
): Promise<Value> {
  const giveUpMs = performance.now() + patienceMs;
  for (;;) {
    const value = await found();
    if (value !== undefined) return value;
    if (performance.now() > giveUpMs) throw new Error(`never came: ${what()}`);
    await sleep(10);
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
