import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  askControl,
  chaosMount,
  controlSocketOf,
  outputOf,
  toolsNamed,
  untilMounted,
  untilOffered,
} from '../support/exchange-program.ts';
import { buildProgram, cleanUpPrograms, freshHome } from '../support/program.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { configOf, sentencesOf, startToolProgram } from '../support/tool-program.ts';
import { startToolServer } from '../support/tool-server.ts';

const endings: (() => unknown)[] = [];
beforeAll(buildProgram);
afterAll(async () => {
  cleanUpPrograms();
  await Promise.all(endings.map((end) => end()));
});

function ending<Started extends { stop(): Promise<void> }>(started: Started): Started {
  endings.push(() => started.stop());
  return started;
}

describe.concurrent('what is wrong in the configuration', { timeout: 60_000 }, () => {
  it('is told in one sentence each, and the rest works', async ({ expect }) => {
    const broker = ending(await startScriptedServer());
    const secret = randomBytes(16).toString('hex');
    const program = startToolProgram({
      sections: {
        mcpServers: {
          good: chaosMount(),
          empty: {},
          typo: { comand: 'npx', args: ['--token', secret], env: { TOKEN: secret } },
          number: 7,
          address: { url: `localhost:3000?token=${secret}`, headers: { Authorization: secret } },
          header: { url: 'http://127.0.0.1:1/', headers: { Authorization: `${secret}\n${secret}` } },
          sometime: chaosMount({}, { start: 'sometime', env: { TOKEN: secret } }),
        },
        mcpServerConfig: { goood: {}, good: { tools: { echo: { mode: 'loud' } } } },
        mcpEndpoint: [
          'wss://api.xiaozhi.me/mcp/?token=<your token>',
          `https://api.xiaozhi.me/mcp/?token=${secret}`,
          42,
          `ws://127.0.0.1:${broker.port}/`,
        ],
        tunnels: [
          `wss://x/?token=${secret}`,
          { url: 'wss://x/', token: `${secret} ${secret}` },
          { url: 'ws://x/', token: secret, tokn: 't' },
        ],
      },
      args: ['--say', 'hello', '--turns', '1'],
    });
    expect(await program.exited).toBe(0);
    expect(program.eventsOf('error').map(({ code, message }) => `${code} ${message}`)).toEqual([
      `CONFIG_INVALID ${[
        'Some MCP servers in the configuration are not right and are left out:',
        'mcpServerConfig.goood: there is no such server in mcpServers, did you mean "good"?',
        'mcpServerConfig.good.tools.echo.mode: must be one of sync, async, background',
        'mcpServers.empty: must have either a command or a url',
        'mcpServers.typo: must have either a command or a url; "comand" is unknown, did you mean "command"?',
        'mcpServers.number: must be an object',
        'mcpServers.address.url: must be an http:// or https:// URL without placeholders in the name of its host',
        'mcpServers.header.headers.Authorization: must be printable text',
        'mcpServers.sometime.start: must be one of eager, lazy, manual',
      ].join('\n  ')}`,
      'CONFIG_INVALID mcpEndpoint[0]: is still a placeholder; put the address there, or remove the entry (left out)',
      'CONFIG_INVALID mcpEndpoint[1]: must be a ws:// or wss:// URL (left out)',
      'CONFIG_INVALID mcpEndpoint[2]: must be the address of an access point, or an object with a "url" (left out)',
      'CONFIG_INVALID tunnels[0]: must be an object with "url" and "token" (left out)',
      'CONFIG_INVALID tunnels[1].token: must be a token without spaces (left out)',
      'CONFIG_INVALID tunnels[2].tokn: unknown key, did you mean "token"? (left out)',
    ]);
    expect(broker.peers.length).toBe(1);
    const config = ['--config', configOf(program.home)];
    const said = await Promise.all(
      [['config'], ['mcp', 'list'], ['tools', 'list'], ['doctor']].map((command) =>
        outputOf([...command, ...config], program.home),
      ),
    );
    const lines = [...said, program.stderr, JSON.stringify(program.events)].join('\n').split('\n');
    expect(lines.filter((line) => line.includes(secret))).toEqual([]);
    expect(sentencesOf(program)).toEqual(['You wrote: hello']);
  });
});

describe.concurrent('secrets', { timeout: 60_000 }, () => {
  it('are in nothing that the device prints, tells or answers', async ({ expect }) => {
    const home = freshHome();
    const secrets: Record<string, string> = {};
    const secret = (name: string): string => (secrets[name] ??= `${name}-${randomBytes(12).toString('hex')}`);
    // Whoever is given a secret gives it back, in every way there is.
    const web = createServer((request, response) => {
      request.resume();
      const heard = `${request.url} ${JSON.stringify(request.headers)}`;
      if (request.url?.startsWith('/coze')) response.end(JSON.stringify({ code: 4100, msg: heard }));
      else response.writeHead(401, { 'www-authenticate': `Bearer realm=${encodeURI(heard)}` }).end(heard);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => web.once('listening', resolve));
    endings.push(() => web.close().closeAllConnections());
    const webUrl = `127.0.0.1:${(web.address() as AddressInfo).port}`;
    const broker = ending(
      await startScriptedServer({
        onPeer: ({ socket, send, url, headers }) => {
          const heard = `${url} ${headers.authorization}`;
          send({ jsonrpc: '2.0', id: 1, method: heard, params: { [heard]: heard } });
          send(heard);
          socket.close(1008, heard.slice(0, 120));
        },
      }),
    );
    const server = ending(await startToolServer({ onNotice: () => {} }));
    writeFileSync(
      join(home, 'leaks.mjs'),
      'console.error(process.env, process.argv); console.log(process.env, process.argv); process.exitCode = 3;',
    );
    const parts = {
      home,
      mcp: {
        tools: [
          {
            name: 'weather',
            description: 'w',
            type: 'http',
            method: 'GET',
            url: `http://${webUrl}/x?api_key=${secret('query')}`,
            headers: { 'X-Key': secret('tool-header') },
          },
        ],
      },
      customMCP: {
        tools: [
          {
            name: 'poem',
            description: 'p',
            handler: {
              type: 'proxy',
              target: 'coze',
              config: { baseUrl: `http://${webUrl}/coze`, token: secret('coze'), workflowId: '1' },
            },
          },
        ],
      },
      sections: {
        server: { url: server.url, token: secret('server') },
        control: { tcp: { port: 0, token: secret('control') } },
        mcpServers: {
          leaks: {
            command: process.execPath,
            args: [
              'leaks.mjs',
              '--api-key',
              secret('flag'),
              `--token=${secret('assigned')}`,
              '--header',
              `Authorization: Bearer ${secret('header-flag')}`,
            ],
            env: { API_KEY: secret('variable'), ACCESS: secret('nameless-variable') },
          },
          web: {
            url: `http://${secret('user')}:${secret('password')}@${webUrl}/mcp?key=${secret('mount-query')}`,
            headers: { Authorization: `Bearer ${secret('header')}` },
          },
          good: chaosMount({ tools: toolsNamed('log') }, { env: { API_KEY: secret('good-variable') } }),
        },
        mcpEndpoint: `ws://127.0.0.1:${broker.port}/mcp/?token=${secret('access-point')}`,
        tunnels: [
          { url: `ws://127.0.0.1:${broker.port}/t?x=${secret('tunnel-query')}`, token: secret('tunnel') },
        ],
      },
    };
    const said: string[] = [];
    for (const format of ['json', 'pretty']) {
      const program = startToolProgram({
        ...parts,
        args: ['--say', 'hello', '--log-level', 'debug', '--log-format', format],
      });
      await untilMounted(program, ['leaks', 'web'], 'restarting');
      await untilOffered(program, ['good__log']);
      for (const [name, args] of [
        ['poem', {}],
        ['weather', {}],
        ['good__log', { text: secret('good-variable') }],
      ] as const)
        said.push(
          await askControl(program, 'POST', `/v1/tools/${name}/call`, { args }).then(
            (answer) => JSON.stringify(answer),
            (error: Error) => error.message,
          ),
        );
      for (const path of [
        'status',
        'tools',
        'mounts',
        'tasks',
        'access-points',
        'mounts/leaks/logs',
        'mounts/web/logs',
        'mounts/good/logs',
      ])
        said.push(
          await askControl(program, 'GET', `/v1/${path}`).then(
            JSON.stringify,
            (error: Error) => error.message,
          ),
        );
      const config = ['--config', configOf(home)];
      for (const command of [
        ['mcp', 'list', ...config],
        ['mcp', 'list', '--json', ...config],
        ['mcp', 'restart', 'leaks', ...config],
        ['mcp', 'restart', 'web', ...config],
        ['config', ...config],
        ['tools', 'list', ...config],
        ['tools', 'list', '--channel', 'access-point', ...config],
        ['tools', 'call', 'poem', ...config],
        ['doctor', ...config],
      ])
        said.push(`${command.slice(0, 3).join(' ')}:\n${await outputOf(command, home)}`);
      program.child.kill('SIGTERM');
      await program.exited;
      said.push(program.stderr, program.events.map((event) => JSON.stringify(event)).join('\n'));
    }
    const leaks = Object.entries(secrets).flatMap(([name, value]) =>
      said.flatMap((text) =>
        text
          .split('\n')
          .filter((line) => line.includes(value))
          .map((line) => `${name}: ${line}`),
      ),
    );
    expect(leaks).toEqual([]);
    expect(existsSync(controlSocketOf(home))).toBe(false);
  });
});
