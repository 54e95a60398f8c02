import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildProgram, cleanUpPrograms, fixture, freshHome, startProgram } from '../support/program.ts';

beforeAll(buildProgram, 120_000);
afterAll(cleanUpPrograms);

const verbs: readonly (readonly [path: string, body?: object])[] = [
  ['/v1/talk', { action: 'toggle' }],
  ['/v1/talk', { action: 'press' }],
  ['/v1/talk', { action: 'release' }],
  ['/v1/interrupt'],
  ['/v1/say', { text: 'hello' }],
  ['/v1/say', { text: 'The tea is ready.', as: 'notice' }],
  ['/v1/volume', { percent: 30 }],
  ['/v1/mute', { what: 'microphone', muted: true }],
  ['/v1/mute', { what: 'microphone', muted: false }],
  ['/v1/mute', { what: 'loudspeaker', muted: false }],
  ['/v1/mode', { mode: 'manual' }],
  ['/v1/hangup'],
  ['/v1/mode', { mode: 'auto' }],
];
const states = /^(starting|idle|connecting|listening|thinking|speaking|announcing|recovering)$/;

/** What became of one verb: the state after it, an error code, or that nobody was there. */
function ask(socketPath: string, [path, body]: (typeof verbs)[number]): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(
      { socketPath, path, method: 'POST', headers: { 'content-type': 'application/json' }, timeout: 20_000 },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('close', () => {
          try {
            const answer = JSON.parse(text) as { state?: string; error?: { code: string; message: string } };
            if (response.statusCode === 200) resolve(states.test(answer.state ?? '') ? 'state' : text);
            else resolve(/\.$/.test(answer.error?.message ?? '') ? (answer.error?.code ?? text) : text);
          } catch {
            resolve(`not finished: ${text}`);
          }
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve(/^(ENOENT|ECONNREFUSED)$/.test(error.code ?? '') ? 'nobody there' : `${error.message}`),
    );
    sent.end(body && JSON.stringify(body));
  });
}

/** Sends a hundred verbs a second until told to stop, whether or not the ones before have been answered. */
function press(socketPath: string, first: number) {
  let on = true;
  const asked: Promise<string>[] = [];
  const work = (async () => {
    const beganMs = performance.now();
    for (let n = 0; on; n++) {
      asked.push(ask(socketPath, verbs[(first + n) % verbs.length] as (typeof verbs)[number]));
      await sleep(Math.max(0, beganMs + (n + 1) * 10 - performance.now()));
    }
  })();
  return async () => {
    on = false;
    await work;
    return await Promise.all(asked);
  };
}

test('two who press every button a hundred times a second, from before its start until after its end, are answered each time', {
  timeout: 120_000,
  // Who is in the kernel's queue in the very moment the door is shut is cut off by it; a fault of ours fails every time.
  retry: 2,
}, async () => {
  const home = freshHome();
  const socketPath = join(home, 'state/xiaozhi-speaker/control.sock');
  const ends = [press(socketPath, 0), press(socketPath, 6)];
  const device = startProgram(
    ['--mic', `wav:${fixture('speech-short.wav')}`, '--speaker', 'null', '--events', '-'],
    { home },
  );
  await device.until(() => device.eventsOf('state').length > 20);
  const beganMs = performance.now();
  await device.until(() => performance.now() - beganMs > 4_000);
  device.child.kill('SIGTERM');
  const exitCode = await device.exited;
  const answers = (await Promise.all(ends.map((end) => end()))).flat();
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  const known = ['state', 'nobody there', 'NOT_READY', 'TOOL_BUSY', 'TOOL_CANCELLED'];
  expect(Object.keys(counts).filter((answer) => !known.includes(answer))).toEqual([]);
  expect(counts.state).toBeGreaterThan(200);
  expect([exitCode, device.stderr]).toEqual([143, expect.not.stringMatching(/should not have happened/)]);
});

const megabytes = (count: number, piece: Buffer): Buffer[] => Array<Buffer>(count).fill(piece);

test.each<[string, readonly Buffer[]]>([
  ['closed', []],
  ['endless', megabytes(60, Buffer.alloc(1_000_000, 'talk '))],
  ['binary', megabytes(10, randomBytes(1_000_000))],
  ['nothing but line ends', megabytes(10, Buffer.alloc(1_000_000, '\n'))],
])(
  'a standard input that is %s costs the device neither its life nor its memory',
  { timeout: 90_000 },
  async (_, pieces) => {
    const home = freshHome();
    const device = startProgram(['--mic', 'null', '--speaker', 'null', '--events', '-'], { home });
    await device.until(() => device.eventsOf('state').some(({ to }) => to === 'idle'));
    for (const piece of pieces) if (!device.child.stdin.write(piece)) await once(device.child.stdin, 'drain');
    if (pieces.length === 0) device.child.stdin.end();
    else {
      device.child.stdin.write('\nvolume 31\n');
      await device.until(() => device.stderr.includes('volume 31 %'));
      const residentMb = Number(
        /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${device.child.pid}/status`, 'utf8'))?.[1],
      );
      expect(residentMb / 1024).toBeLessThan(160);
    }
    const socketPath = join(home, 'state/xiaozhi-speaker/control.sock');
    expect(await ask(socketPath, ['/v1/volume', { percent: 32 }])).toBe('state');
    expect(device.stderr.length).toBeLessThan(20_000);
    device.child.kill('SIGTERM');
    expect(await device.exited).toBe(143);
  },
);
