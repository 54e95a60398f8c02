import { spawn } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { taskJournalFile } from '../../src/adapters/storage/task-journal.ts';
import { parseJournal } from '../../src/adapters/storage/task-journal-format.ts';
import { foldJournal, isFinished, isUndelivered, taskNumber } from '../../src/mcp/task-record.ts';
import { closeBenches, heldTool, origin, TaskBench, text } from '../support/task-bench.ts';

afterEach(closeBenches);

/** What the device has said to somebody, and how long the journal was then. */
interface Fact {
  readonly atBytes: number;
  readonly kind: 'accepted' | 'finished' | 'told';
  readonly id: string;
}

type Step = { readonly do: 'accept' | 'finish' | 'tell' | 'cancel'; readonly which: number };

const steps = fc.array(
  fc.record({
    do: fc.constantFrom<Step['do']>('accept', 'accept', 'finish', 'tell', 'cancel'),
    which: fc.nat(5),
  }),
  { minLength: 3, maxLength: 12 },
);

/** Plays steps on a real journal. */
async function play(script: readonly Step[]) {
  const bench = await TaskBench.open();
  const held = heldTool('work');
  const facts: Fact[] = [];
  const running: { id: string; index: number; result: Promise<unknown> }[] = [];
  const untold: string[] = [];
  const note = async (kind: Fact['kind'], id: string) => {
    const { length } = await readFile(taskJournalFile(bench.directory));
    facts.push({ atBytes: length, kind, id });
  };
  for (const [n, { do: what, which }] of script.entries()) {
    const task = running[which % Math.max(1, running.length)];
    if (what === 'accept' && running.length < 8) {
      const handle = await bench.tasks.accept(held.tool, { n }, origin);
      handle.detach();
      running.push({ id: handle.id, index: held.runs.length - 1, result: handle.result });
      await note('accepted', handle.id);
    } else if (what === 'tell' && untold.length > 0) {
      const id = untold.shift() as string;
      bench.tasks.markTold([id]);
      // An append of nothing comes after what was asked for before.
      await bench.finish('flush', 'x').then((flushed) => untold.push(flushed));
      await note('told', id);
    } else if (task && (what === 'finish' || what === 'cancel')) {
      if (what === 'cancel') bench.tasks.cancel(task.id);
      else held.runs[task.index]?.finish(text(`result ${task.id} 🎉`));
      await task.result;
      running.splice(running.indexOf(task), 1);
      if (what === 'finish') untold.push(task.id);
      await note('finished', task.id);
    }
  }
  return { bench, facts, bytes: await readFile(taskJournalFile(bench.directory)) };
}

test('whatever byte a crash cuts the journal at, everything that had been said before is still known', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const { facts, bytes } = await play([{ do: 'accept', which: 0 }, ...script]);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { tasks, nextNumber } = foldJournal(parseJournal(bytes.subarray(0, cut)).entries);
        for (const { kind, id } of facts.filter(({ atBytes }) => atBytes <= cut)) {
          const task = tasks.get(id);
          if (!task || taskNumber(id) >= nextNumber) throw new Error(`${id} was lost at byte ${cut}`);
          if (kind === 'finished' && !isFinished(task.state))
            throw new Error(`${id} runs again at byte ${cut}`);
          if (kind === 'told' && isUndelivered(task)) throw new Error(`${id} is told twice at byte ${cut}`);
        }
      }
    }),
    { numRuns: 25 },
  );
});

test('a device that starts on a journal cut anywhere announces each task that was not told, once, and goes on', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.boolean(),
      async (script, share, zeros) => {
        const { facts, bytes } = await play([{ do: 'accept', which: 0 }, ...script]);
        const cut = Math.floor(share * bytes.length);
        const directory = join(await mkdtemp(join(tmpdir(), 'cut-')), 'tasks');
        const crashed = await TaskBench.open(directory);
        await crashed.finish('first', '1');
        // Some file systems leave zeros where a write did not arrive.
        const rest = zeros ? Buffer.alloc(Math.min(64, bytes.length - cut)) : Buffer.alloc(0);
        await writeFile(taskJournalFile(directory), Buffer.concat([bytes.subarray(0, cut), rest]));

        const next = await TaskBench.open(directory);
        await next.tasks.resume(() => undefined);
        const mailed = next.mail.map(({ taskId }) => taskId);
        expect(new Set(mailed).size).toBe(mailed.length);
        const known = facts.filter(({ atBytes }) => atBytes <= cut);
        const told = known.filter(({ kind }) => kind === 'told').map(({ id }) => id);
        expect(mailed.filter((id) => told.includes(id))).toEqual([]);
        const ids = next.tasks.list().map(({ id }) => id);
        expect(ids).toEqual(expect.arrayContaining(known.map(({ id }) => id)));

        next.tasks.markTold(mailed);
        const fresh = await next.finish('more', 'x');
        expect(ids).not.toContain(fresh);
        const last = await next.restarted();
        await last.tasks.resume(() => undefined);
        expect(last.mail.map(({ taskId }) => taskId)).toEqual([fresh]);
        await closeBenches();
      },
    ),
    { numRuns: 40 },
  );
});

let program: string;
beforeAll(async () => {
  program = join(await mkdtemp(join(tmpdir(), 'victim-')), 'victim.mjs');
  await build({
    entryPoints: ['test/support/task-victim.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
});

test('a device killed with SIGKILL while it writes keeps its promises, again and again', async () => {
  const directory = join(await mkdtemp(join(tmpdir(), 'kill-')), 'tasks');
  const accepted = new Set<string>();
  const told = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === 60 + round * 7) child.kill('SIGKILL');
    }
    for (const line of lines) {
      const [what, id] = line.split(' ') as [string, string];
      if (what === 'accepted') {
        expect(accepted.has(id)).toBe(false);
        accepted.add(id);
      }
      // Told before, and mail again: that would be heard twice.
      if (what === 'mail') expect([id, told.has(id)]).toEqual([id, false]);
      if (what === 'told') told.add(id);
    }
  }
  const bench = await TaskBench.open(directory, { maxKept: 10_000 });
  await bench.tasks.resume(() => undefined);
  const states = bench.states();
  expect(Object.keys(states)).toEqual(expect.arrayContaining([...accepted]));
  const mailed = new Set(bench.mail.map(({ taskId }) => taskId));
  for (const id of accepted) {
    const task = bench.tasks.get(id);
    expect([id, mailed.has(id) || task?.deliveredAtMs !== undefined]).toEqual([id, true]);
  }
  expect([...told].filter((id) => mailed.has(id))).toEqual([]);
  expect(bench.said).toEqual([]);
});
