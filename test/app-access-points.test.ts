import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createAccessPoints } from '../src/app-access-points.ts';
import { readConfigFile } from '../src/config/config-file.ts';
import { merge } from '../src/config/layers.ts';
import { type Config, ConfigSchema } from '../src/config/schema.ts';
import { programVersion } from '../src/core/version.ts';
import type { StatusEvent } from '../src/ports/status-display.ts';
import { makeCertificates } from './support/certificates.ts';
import { mcpParts, tool } from './support/mcp-parts.ts';
import { recordingLogger, switchedIdle } from './support/outbound.ts';
import { startScriptedServer, until } from './support/scripted-server.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const tools = ['light_on', 'light_all_off', 'weather'].map((name) => tool({ name }));

async function linksOf(section: Pick<Config, 'mcpEndpoint' | 'tunnels'>) {
  const parts = await mcpParts(tools);
  const events: StatusEvent[] = [];
  const states: StatusEvent[] = [];
  const lines: string[] = [];
  const links = createAccessPoints({
    ...parts,
    config: { ...ConfigSchema.parse({}), ...section },
    idle: switchedIdle(),
    random: () => 0.5,
    logger: recordingLogger(lines),
    display: { show: (event) => void (event.type === 'link' ? states : events).push(event) },
  });
  cleanups.push(() => links.close());
  links.start();
  return { ...parts, links, events, states, lines };
}

async function serverThat(onConnect: object) {
  const server = await startScriptedServer({ onPeer: (peer) => peer.send(onConnect) });
  cleanups.push(() => server.stop());
  return server;
}

const listRequest = { jsonrpc: '2.0', id: 0, method: 'tools/list' };
const namesIn = (text: string | undefined): string[] => {
  const { result, tools: reported } = JSON.parse(text ?? '{}');
  return (reported ?? result.tools).map(({ name }: { name: string }) => name);
};

/** The examples of the guide, with the addresses of servers of this test. */
async function examples(address: (url: URL) => string): Promise<Pick<Config, 'mcpEndpoint' | 'tunnels'>[]> {
  const guide = await readFile(new URL('../config/ACCESS-POINT.md', import.meta.url), 'utf8');
  const file = join(await mkdtemp(join(tmpdir(), 'guide-')), 'config.json');
  const blocks = [...guide.matchAll(/```jsonc\n([\s\S]*?)```/g)].map(([, block = '']) =>
    block.replace(/wss?:\/\/[^"]+/g, (url) => address(new URL(url))),
  );
  const sections = [];
  for (const block of blocks) {
    await writeFile(file, block);
    sections.push(ConfigSchema.parse(merge((await readConfigFile(file)) ?? []).raw));
  }
  return sections.map(({ mcpEndpoint, tunnels }) => ({ mcpEndpoint, tunnels }));
}

describe('the examples of the guide', () => {
  it('serve one access point, and several with tools of their own', async () => {
    const cloud = await serverThat(listRequest);
    const home = await serverThat(listRequest);
    const [one, several] = await examples(({ host, pathname, search }) => {
      const { port } = host === 'api.xiaozhi.me' ? cloud : home;
      return `ws://127.0.0.1:${port}${pathname}${search}`;
    });
    const first = await linksOf(one ?? {});
    await until(() => cloud.peers[0]?.texts.length === 1);
    expect(namesIn(cloud.peers[0]?.texts[0])).toEqual(['light_on', 'light_all_off', 'weather']);
    expect(first.events).toEqual([]);
    expect(first.states).toEqual([
      { type: 'link', channel: 'access-point', state: 'connecting' },
      { type: 'link', channel: 'access-point', state: 'connected' },
    ]);

    const second = await linksOf(several ?? {});
    await until(() => home.peers[0]?.texts.length === 1 && cloud.peers[1]?.texts.length === 1);
    expect(namesIn(cloud.peers[1]?.texts[0])).toEqual(['light_on', 'light_all_off', 'weather']);
    expect(namesIn(home.peers[0]?.texts[0])).toEqual(['light_on']);
    expect(home.peers[0]?.url).toBe('/mcp_endpoint/mcp/?token=YWdlbnQ%2BMQ==');
    home.peers[0]?.send({ jsonrpc: '2.0', id: 'n', method: 'tools/call', params: { name: 'light_all_off' } });
    await until(() => home.peers[0]?.texts.length === 2);
    expect(home.peers[0]?.texts[1]).toContain('Unknown tool: light_all_off');
    expect(second.links.statuses().accessPoints.map(({ name, toolCount }) => [name, toolCount])).toEqual([
      ['', 3],
      ['home', 1],
    ]);
  });

  it('open a tunnel', async () => {
    const office = await serverThat({ type: 'connected', userId: 'u1' });
    const [, , section] = await examples(({ pathname }) => `ws://127.0.0.1:${office.port}${pathname}`);
    const { links } = await linksOf(section ?? {});
    await until(() => office.peers[0]?.texts.length === 1);
    expect(office.peers[0]?.headers.authorization).toBe('Bearer a-long-secret');
    expect(JSON.parse(office.peers[0]?.texts[0] ?? '')).toMatchObject({
      type: 'capability_report',
      audio: {
        microphone: true,
        loudspeaker: true,
        codec: 'opus',
        sampleRateHz: 16_000,
        frameDurationMs: 60,
      },
      host: { platform: process.platform, arch: process.arch },
      version: programVersion,
    });
    expect(links.statuses().tunnels).toMatchObject([{ name: 'office', state: 'connected', userId: 'u1' }]);
  });
});

it('servers with certificates of their own are trusted where caFile names them', async () => {
  const certificates = makeCertificates();
  cleanups.push(async () => certificates.remove());
  const server = await startScriptedServer({
    tls: certificates.here,
    onPeer: (peer) => peer.send({ type: 'connected', userId: 'u' }),
  });
  cleanups.push(() => server.stop());
  const { url } = server;
  const caFile = certificates.here.file;
  const { links, events, clock } = await linksOf({
    mcpEndpoint: { url: `${url}?token=a`, caFile },
    tunnels: [
      { url, token: 'b', caFile },
      { url, token: 'c', name: 'stranger' },
    ],
  });
  const states = () => {
    const { accessPoints, tunnels } = links.statuses();
    return [...accessPoints, ...tunnels].map(({ state }) => state);
  };
  await until(() => states().join() === 'connected,connected,waiting');
  expect(events).toMatchObject([
    {
      type: 'error',
      code: 'TRANSPORT_TLS',
      message: expect.stringContaining('The certificate of the tunnel stranger at '),
    },
  ]);
  await links.updateTunnels([
    { url, token: 'b', caFile },
    { url, token: 'c', name: 'stranger', caFile },
  ]);
  await clock.advanceAsync(1000);
  await until(() => states().join() === 'connected,connected,connected');
  expect(server.peers).toHaveLength(3);
});

it('an access list for all channels counts for links, too', async () => {
  const server = await serverThat(listRequest);
  const { access } = await linksOf({ mcpEndpoint: `ws://127.0.0.1:${server.port}/` });
  access.replace({ allow: ['*'], deny: ['light_*'] });
  await until(() => server.peers[0]?.texts.length === 1);
  expect(namesIn(server.peers[0]?.texts[0])).toEqual(['weather']);
});

it('what is wrong is shown and left out, and nothing waits for servers that are not there', async () => {
  const server = await serverThat(listRequest);
  const { events, links } = await linksOf({
    mcpEndpoint: ['<请填写>', 'ws://127.0.0.1:1/', `ws://127.0.0.1:${server.port}/`],
    tunnels: [{ url: 'ws://127.0.0.1:1/' }],
  });
  await until(() => server.peers[0]?.texts.length === 1);
  expect(events).toEqual([
    {
      type: 'error',
      code: 'CONFIG_INVALID',
      message:
        'mcpEndpoint[0]: is still a placeholder; put the address there, or remove the entry (left out)',
      retryable: false,
    },
    {
      type: 'error',
      code: 'CONFIG_INVALID',
      message: 'tunnels[0].token: must be a token without spaces (left out)',
      retryable: false,
    },
  ]);
  expect(links.statuses().accessPoints.map(({ name }) => name)).toEqual(['2', '3']);
});

it('tunnels follow their section: moved, opened, closed, narrowed; those that are the same go on', async () => {
  const connected = { type: 'connected', userId: 'u' };
  const start = () => serverThat(connected);
  const servers = await Promise.all([start(), start(), start(), start(), start()]);
  const [from, to, other, fresh, narrow] = servers;
  const at = (name: string, { port }: { port: number }, token: string, more: object = {}) => ({
    name,
    url: `ws://127.0.0.1:${port}/`,
    token,
    ...more,
  });
  const { links, clock, events } = await linksOf({
    tunnels: [
      at('moving', from, 'one'),
      at('staying', other, 'two'),
      at('going', fresh, 'three'),
      at('narrowed', narrow, 'four'),
    ],
  });
  const connectedNames = () =>
    links.statuses().tunnels.flatMap(({ name, state }) => (state === 'connected' ? [name] : []));
  await until(() => connectedNames().length === 4);
  await links.updateTunnels([
    at('moving', to, 'five'),
    at('staying', other, 'two'),
    at('new', fresh, 'six'),
    at('narrowed', narrow, 'four', { allow: ['weather'] }),
    { name: 'wrong', url: 'http://x/', token: 'seven' },
  ]);
  await until(() => links.statuses().tunnels[0]?.state === 'waiting');
  await clock.advanceAsync(1000);
  await until(() => connectedNames().length === 4 && to.peers[0]?.texts.length === 1);
  await until(() => narrow.peers[1]?.texts.length === 1);
  expect(connectedNames()).toEqual(['moving', 'staying', 'new', 'narrowed']);
  expect(servers.map(({ peers }) => peers.map(({ headers }) => headers.authorization))).toEqual([
    ['Bearer one'],
    ['Bearer five'],
    ['Bearer two'],
    ['Bearer three', 'Bearer six'],
    ['Bearer four', 'Bearer four'],
  ]);
  expect(namesIn(narrow.peers[1]?.texts[0])).toEqual(['weather']);
  expect(other.peers[0]?.ended).toBe(undefined);
  expect(events).toMatchObject([
    { code: 'CONFIG_INVALID', message: 'tunnels[4].url: must be a ws:// or wss:// URL (left out)' },
  ]);
});

it('access points follow their section: moved, narrowed, closed, opened; those that are the same go on', async () => {
  const [from, to, same, gone] = await Promise.all([1, 2, 3, 4].map(() => serverThat(listRequest)));
  if (!from || !to || !same || !gone) throw new Error('a server is missing');
  const at = (name: string, { port }: { port: number }, more: object = {}) => ({
    name,
    url: `ws://127.0.0.1:${port}/?token=${name}`,
    ...more,
  });
  const { links } = await linksOf({
    mcpEndpoint: [at('moving', from), at('staying', same), at('going', gone)],
  });
  const listings = (...of: (typeof from)[]) =>
    of.map(({ peers }) => peers.map(({ texts }) => namesIn(texts[0]).length));
  const listed = (...of: (typeof from)[]) =>
    of.every(({ peers }) => peers.length > 0 && peers.every(({ texts }) => texts.length === 1));
  await until(() => listed(from, same, gone));
  await links.updateAccessPoints([
    at('moving', to),
    at('staying', same),
    at('new', gone, { allow: ['weather'] }),
    'nonsense',
  ]);
  await until(() => listed(to, gone) && gone.peers.length === 2);
  expect(links.statuses().accessPoints.map(({ name }) => name)).toEqual(['staying', 'moving', 'new']);
  expect(listings(from, to, same, gone)).toEqual([[3], [3], [3], [3, 1]]);
  await links.updateAccessPoints(undefined);
  expect(links.statuses().accessPoints).toEqual([]);
});
