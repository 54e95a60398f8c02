import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshHome, type Program, startProgram } from './program.ts';

export interface ToolProgramOptions {
  readonly home?: string;
  /** Section `mcp`. */
  readonly mcp?: object;
  readonly customMCP?: object;
  readonly announcements?: object;
  /** Other sections of the configuration, by name. */
  readonly sections?: object;
  readonly args?: readonly string[];
}

/** A device with tools of its own, without sound, in a process as a user starts it. */
export function startToolProgram(options: ToolProgramOptions): Program {
  const home = options.home ?? freshHome();
  const { mcp = {}, customMCP = {}, announcements = {}, sections = {}, args = [] } = options;
  writeFileSync(configOf(home), JSON.stringify({ mcp, customMCP, announcements, ...sections }));
  const sound = ['--mic', 'null', '--speaker', 'null', '--events', '-'];
  return startProgram(['--config', configOf(home), ...sound, ...args], { home });
}

export const configOf = (home: string): string => join(home, 'tools.json');

/** A tool that is a line of shell; written into the home, it may use files there. */
export const shell = (name: string, line: string, fields: object = {}): object => ({
  name,
  description: name,
  executable: ['sh', '-c', `'${line}'`].join(' '),
  ...fields,
});

/** Announcements as `phase task strategy`, in order. */
export const announcementsOf = (program: Program): string[] =>
  program
    .eventsOf('announcement')
    .map(({ phase, task, strategy }) => [phase, task, strategy].filter((part) => part).join(' '));

/** Phases of a tool's calls, in order. */
export const phasesOf = (program: Program, tool: string): unknown[] =>
  program.eventsOf('tool').flatMap(({ name, phase }) => (name === tool ? [phase] : []));

export const sentencesOf = (program: Program): unknown[] =>
  program.eventsOf('tts').flatMap(({ state, text }) => (state === 'sentence' ? [text] : []));

/** The process ids a tool has written into a file of the home; waits for so many. */
export async function pidsIn(file: string, count: number): Promise<number[]> {
  for (;;) {
    const pids = readIfThere(file).split('\n').filter(Boolean).map(Number);
    if (pids.length >= count) return pids;
    await sleep(10);
  }
}

/** Resolves when none of these processes lives. */
export async function ended(pids: readonly number[]): Promise<void> {
  while (pids.some(lives)) await sleep(10);
}

function lives(pid: number): boolean {
  // A process that nobody has waited for yet is a zombie, and dead.
  const [, state] = /\) (\w)/.exec(readIfThere(`/proc/${pid}/stat`)) ?? [];
  return state !== undefined && state !== 'Z';
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
