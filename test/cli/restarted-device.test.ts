import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { runAction } from '../../src/cli/run.ts';
import { startScriptedServer, until } from '../support/scripted-server.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'restarted-'));
});
afterEach(() => rm(home, { recursive: true }));

const terminal = () =>
  Object.assign(new PassThrough(), { isTTY: true, isRaw: false, columns: 80, setRawMode: () => {} });

test('what is typed while the device restarts is asked by the next one, of one keyboard', async () => {
  const server = await startScriptedServer({
    onText: (peer, text) => {
      const { type, state } = JSON.parse(text) as { type: string; state?: string };
      if (type === 'hello') peer.send({ type: 'hello', transport: 'websocket', session_id: 's' });
      if (state === 'start') peer.send({ type: 'system', command: 'reboot' });
    },
  });
  const [stdin, stdout, stderr, stop] = [terminal(), terminal(), new PassThrough(), new AbortController()];
  stdout.resume();
  const env = { XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, PATH: process.env.PATH };
  const context = { env, stdin, stdout, stderr, stop: stop.signal } as unknown as CliContext;
  const running = runAction(
    { server: server.url, mic: 'null', speaker: 'null', start: true, events: join(home, 'events') },
    context,
  );
  await until(() => server.peers[0]?.ended !== undefined);
  for (const key of 'hello\r') stdin.write(key);

  await until(() => server.peers[1]?.texts.some((text) => text.includes('"text":"hello"')) === true);
  expect(stdin.listenerCount('data')).toBe(1);
  stop.abort();
  expect(await running).toBe(0);
  expect(server.peers[1]?.texts.filter((text) => text.includes('hello"')).length).toBe(2);
  await server.stop();
});
