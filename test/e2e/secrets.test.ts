import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { askControl, untilOffered } from '../support/exchange-program.ts';
import { buildProgram, cleanUpPrograms, freshHome, root, startProgram } from '../support/program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

let planted = 0;
/** No two are alike, so that one knows which came out. */
const secret = () => `planted-${++planted}-swordfish`;
const isOut = (text: string) => [...new Set(text.match(/planted-\d+-swordfish/g))];

/** Prints its whole environment and its arguments where a log takes them, and fails. */
const loud = 'env >&2; echo "$@" >&2; echo "$0 failed" >&2; exit 3';
const shell = (name: string, more: object) => ({
  name,
  description: name,
  executable: '/bin/sh -c',
  args: [loud],
  ...more,
});

const sections = () => ({
  server: { token: secret() },
  mcp: {
    tools: [
      shell('fails', { env: { API_KEY: secret(), OTHER: secret() } }),
      {
        name: 'calls',
        description: 'calls',
        type: 'http',
        url: `http://127.0.0.1:1/x?key=${secret()}`,
        headers: { 'X-Any': secret() },
        auth: { type: 'bearer', token: secret() },
      },
      shell('damaged', { timout: 5, env: { A: secret() }, tokn: secret() }),
    ],
  },
  mcpServers: {
    ends: {
      command: '/bin/sh',
      args: ['-c', loud, '--token', secret()],
      env: { ANY: secret(), PASSWORD: secret() },
    },
    away: { url: `http://127.0.0.1:1/mcp?t=${secret()}`, headers: { Authorization: `Bearer ${secret()}` } },
    damaged: { command: 'x', agrs: [secret()], env: { A: secret() }, apiKey: secret() },
  },
  customMCP: {
    tools: [
      {
        name: 'custom_calls',
        description: 'd',
        handler: {
          type: 'http',
          url: `http://me:${secret()}@127.0.0.1:1/`,
          headers: { 'X-Any': secret() },
          auth: { type: 'api_key', api_key: secret() },
        },
      },
    ],
  },
  mcpEndpoint: [
    `ws://127.0.0.1:1/mcp/?token=${secret()}`,
    `wss//127.0.0.1/mcp/token=${secret()}`,
    secret(),
    { url: secret() },
  ],
  tunnels: [{ url: 'ws://127.0.0.1:1/', token: secret() }],
  platforms: { coze: { token: secret() } },
});

function configured(): { readonly home: string; readonly file: string } {
  const home = freshHome();
  const file = join(home, 'config', 'xiaozhi-speaker', 'config.json');
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, JSON.stringify(sections()));
  return { home, file };
}

it('no secret of the configuration is in a report or in a log, whatever goes wrong', {
  timeout: 90_000,
}, async () => {
  const { home, file } = configured();
  for (const command of [['config'], ['doctor'], ['tools', 'list'], ['mcp', 'list']]) {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'dist/main.js'), ...command, '--config', file],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: home, XDG_STATE_HOME: join(home, 'state') },
        timeout: 60_000,
      },
    );
    expect(stdout.length, command.join(' ')).toBeGreaterThan(0);
    expect(isOut(stdout + stderr), command.join(' ')).toEqual([]);
  }
  const program = startProgram(
    [
      'run',
      '--mic',
      'null',
      '--speaker',
      'null',
      '--events',
      '-',
      '--log-level',
      'debug',
      '--log-format',
      'json',
    ],
    { home },
  );
  await untilOffered(program, ['fails', 'calls', 'custom_calls']);
  for (const name of ['fails', 'calls', 'custom_calls'])
    await askControl(program, 'POST', `/v1/tools/${name}/call`, { args: {} }).then(
      () => expect.unreachable('it cannot work'),
      ({ message }) => expect(isOut(message), name).toEqual([]),
    );
  const logs = await vi.waitFor(
    async () => {
      const text = JSON.stringify(await askControl(program, 'GET', '/v1/mounts/ends/logs'));
      expect(text).toContain('exit code 3');
      return text;
    },
    { timeout: 30_000, interval: 100 },
  );
  program.child.kill('SIGTERM');
  await program.exited;
  expect(program.stderr).toContain('The tool failed and wrote to standard error');
  expect(isOut(program.stderr + JSON.stringify(program.events) + logs)).toEqual([]);
});

it('a report that cannot be written does not end with 0', () => {
  const { home } = configured();
  for (const command of ['config --schema', 'devices', 'tools list'])
    expect(() =>
      execFileSync(
        '/bin/sh',
        ['-c', `${process.execPath} ${join(root, 'dist/main.js')} ${command} > /dev/full`],
        {
          env: { PATH: process.env.PATH, HOME: home },
          stdio: 'pipe',
        },
      ),
    ).toThrow('The report could not be written');
});
