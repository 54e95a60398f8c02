import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createControlClient } from '../../src/adapters/control/control-client.ts';
import { type ChaosOptions, chaosServer } from './chaos-mcp-server.ts';
import { type Program, startProgram } from './program.ts';

/** An entry of `mcpServers` for a server that misbehaves. */
export function chaosMount(options: ChaosOptions = {}, more: object = {}): object {
  const { command, args } = chaosServer(options);
  return { command, args, ...more };
}

/** Of the tools that a misbehaving server has, these are to be listed. */
export const toolsNamed = (...names: string[]): object[] =>
  names.map((name) => ({ name, description: name, inputSchema: { type: 'object' } }));

export const controlSocketOf = (home: string): string => join(home, 'state/xiaozhi-speaker/control.sock');

/** Asks a running device through its control API. */
export const askControl = (
  program: Program,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
) => createControlClient(controlSocketOf(program.home)).ask(method, path, body);

interface MountReport {
  readonly name: string;
  readonly state: string;
}

async function mountsOf(program: Program): Promise<readonly MountReport[]> {
  const answer = await askControl(program, 'GET', '/v1/mounts').catch(() => ({ mounts: [] }));
  return (answer as { mounts: readonly MountReport[] }).mounts;
}

/** Waits until all these servers are in this state. */
export async function untilMounted(
  program: Program,
  names: readonly string[],
  wanted = 'ready',
): Promise<void> {
  for (;;) {
    const mounts = await mountsOf(program);
    if (names.every((name) => mounts.some((mount) => mount.name === name && mount.state === wanted))) return;
    if (program.child.exitCode !== null)
      throw new Error(`ended before ${names} were ${wanted}\n${program.stderr}`);
    await sleep(50);
  }
}

/** Waits until all these tools are offered. */
export async function untilOffered(program: Program, names: readonly string[]): Promise<void> {
  for (;;) {
    const answer = await askControl(program, 'GET', '/v1/tools').catch(() => ({ tools: [] }));
    const { tools } = answer as { tools: readonly { readonly name: string }[] };
    if (names.every((wanted) => tools.some(({ name }) => name === wanted))) return;
    if (program.child.exitCode !== null)
      throw new Error(`ended before ${names} were offered\n${program.stderr}`);
    await sleep(50);
  }
}

/** Every living process that works for a device with this home, itself included, its crash guard not. */
export function processesAt(home: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(`HOME=${home}`)
        ? [Number(name)]
        : [];
    } catch {
      return [];
    }
  });
}

/** The processes that a device has started itself, its crash guard included. */
export function childrenOf({ child }: Program): number[] {
  return readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

/** Everything that a command of the program prints. */
export async function outputOf(args: readonly string[], home: string): Promise<string> {
  const program = startProgram(args, { home, unread: true });
  let text = '';
  for await (const chunk of program.child.stdout.setEncoding('utf8')) text += chunk;
  await program.exited;
  return text + program.stderr;
}
