import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { askControl, untilOffered } from '../support/exchange-program.ts';
import { buildProgram, cleanUpPrograms, freshHome, root, startProgram } from '../support/program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

let planted = 0;
/** No two are alike, so that one knows which came out. */
const secret = () => `planted-${++planted}-swordfish`;
const isOut = (text: string) => [...new Set(text.match(/planted-\d+-swordfish|(?:a1){8}/g))];

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
  server: {
    url: `http://me:${secret()}@127.0.0.1:1/ota/?key=${secret()}`,
    websocketUrl: `ws://me:${secret()}@127.0.0.1:1/?token=${secret()}`,
    token: secret(),
  },
  identity: { serialNumber: 'SN1', hmacKey: 'a1'.repeat(32) },
  device: {
    cameraCommand: `curl -H "X-Api-Key: ${secret()}" --token ${secret()} http://me:${secret()}@127.0.0.1:1/?key=${secret()}`,
    rebootCommand: `/bin/false --password=${secret()}`,
  },
  control: { tcp: { port: 0, token: secret() } },
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

/** Quotes to whoever comes all that it was sent and has sent, as servers of others do. */
async function tactlessServer() {
  const told: string[] = [];
  const tell = () => {
    const text = secret();
    told.push(text);
    return text;
  };
  let port = 0;
  const server = createServer((request, response) => {
    request.resume();
    const websocket = { url: `ws://me:${tell()}@127.0.0.1:${port}/?key=${tell()}`, token: tell() };
    const mqtt = {
      endpoint: '127.0.0.1:1',
      client_id: 'c',
      username: 'u',
      password: tell(),
      publish_topic: 'p',
    };
    response.end(JSON.stringify({ websocket, mqtt, server_time: { timestamp: Date.now() } }));
  });
  server.on('upgrade', ({ headers, url }, socket) => {
    const body = JSON.stringify({
      message: `refused ${headers.authorization} at ${url}, not ${told.join(' ')}`,
    });
    socket.on('error', () => {});
    socket.end(`HTTP/1.1 401 Unauthorized\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  return { url: `http://me:${tell()}@127.0.0.1:${port}/ota/?key=${tell()}`, close: () => server.close() };
}

it.each(['websocket', 'mqtt'])('nor is one that a server has given, or quotes (%s)', async (transport) => {
  const server = await tactlessServer();
  const args = '--mic null --speaker null --events - --log-level debug --log-format json --start'.split(' ');
  const program = startProgram(['run', '--server', server.url, '--transport', transport, ...args]);
  await program.until(() => program.eventsOf('error').length > 0);
  await vi.waitFor(
    () =>
      expect(program.eventsOf('error').map(({ code }) => code)).toContainEqual(
        expect.stringMatching(/^TRANSPORT_/),
      ),
    20_000,
  );
  program.child.kill('SIGTERM');
  await program.exited;
  server.close();
  const messages = program.eventsOf('error').map(({ message }) => message);
  if (transport === 'websocket') expect(messages.join()).toContain('refused Bearer ••••');
  expect(isOut(program.stderr + JSON.stringify(program.events))).toEqual([]);
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
