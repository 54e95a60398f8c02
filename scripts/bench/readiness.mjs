import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { root } from '../bundle-options.mjs';
import { wait } from './statistics.mjs';

const nsPerMs = 1e6;
const chaosServer = `${root}test/support/chaos-mcp-server.mjs`;
const serverThat = (does) => ({ command: process.execPath, args: [chaosServer, JSON.stringify(does)] });

/** Ten servers of others: eight as they should be, one that never answers, one that takes 15 s. */
const mounts = {
  hanging: serverThat({ initialize: 'hang' }),
  slow: serverThat({ initializeDelayMs: 15_000 }),
  ...Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`server${n}`, serverThat({})])),
};
/** All but the one that hangs. */
const cachedLists = Object.keys(mounts).length - 1;

/**
 * ms from the start of the program to its first answered `tools/list`, at the server of the conversation and at an access
 * point: without mounts, with ten whose tools are known from last time, and with the same ten at their very first start.
 */
export async function measureReadiness({ rounds, directory }) {
  const farEnd = await startFarEnd();
  const newHome = () => mkdtemp(join(directory, 'readiness-'));
  const without = { farEnd, home: await newHome(), mcpServers: {} };
  const known = { farEnd, home: await newHome(), mcpServers: mounts };
  await readyMs(without, async () => {});
  await readyMs(known, ({ cache }) => holds(cache, cachedLists));
  const measured = { without: [], known: [], unknown: [] };
  for (let round = 0; round < rounds; round++) {
    // Each is first in every other round: what the machine does besides changes slowly.
    for (const which of round % 2 ? ['known', 'without'] : ['without', 'known'])
      measured[which].push(await readyMs({ without, known }[which]));
    measured.unknown.push(await readyMs({ farEnd, home: await newHome(), mcpServers: mounts }));
  }
  farEnd.stop();
  return measured;
}

/** `until` is waited for before the device is ended. */
async function readyMs({ farEnd, home, mcpServers }, until = () => wait(0)) {
  const directories = { XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: join(home, 'cache') };
  await mkdir(directories.XDG_CACHE_HOME, { recursive: true });
  const file = join(home, 'config.json');
  await writeFile(file, JSON.stringify({ mcpServers, mcpEndpoint: farEnd.accessPointUrl }));
  const answers = farEnd.nextAnswers();
  const startNs = process.hrtime.bigint();
  const device = ['--server', farEnd.otaUrl, '--mic', 'null', '--speaker', 'null', '--start'];
  const child = spawn(process.execPath, [`${root}dist/main.js`, 'run', '--config', file, ...device], {
    stdio: 'ignore',
    env: { ...process.env, ...directories },
  });
  const ended = once(child, 'exit');
  const early = ended.then(([code]) => {
    throw new Error(`The device ended with code ${code} before it was ready`);
  });
  early.catch(() => {});
  const { deviceNs, accessPointNs } = await Promise.race([answers, early]);
  await Promise.race([until({ cache: directories.XDG_CACHE_HOME }), early]);
  child.kill('SIGTERM');
  await ended;
  const sinceStart = (atNs) => Number(atNs - startNs) / nsPerMs;
  return { device: sinceStart(deviceNs), accessPoint: sinceStart(accessPointNs) };
}

async function holds(directory, files) {
  const count = async () =>
    (await readdir(directory, { recursive: true })).filter((name) => /tools-[^/]+\.json$/.test(name)).length;
  while ((await count()) < files) await wait(100);
}

/** OTA, the server of a conversation and the broker of an access point on one port; both ask for the tools at once. */
async function startFarEnd() {
  let resolveAnswers = () => {};
  let heard = {};
  const answered = (at) => {
    heard[at] ??= process.hrtime.bigint();
    if (heard.deviceNs && heard.accessPointNs) resolveAnswers(heard);
  };
  const http = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ websocket: { url: `${origin()}/device`, token: 'bench', version: 1 } }));
    });
  });
  const origin = () => `ws://127.0.0.1:${http.address().port}`;
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on('connection', (socket, { url }) => {
    socket.on('error', () => {});
    if (url === '/device') converse(socket, () => answered('deviceNs'));
    else
      askForTools(
        socket,
        (message) => socket.send(JSON.stringify(message)),
        () => answered('accessPointNs'),
      );
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    otaUrl: `http://127.0.0.1:${http.address().port}/ota/`,
    accessPointUrl: `${origin()}/access-point?token=bench`,
    nextAnswers: () => {
      heard = {};
      return new Promise((resolve) => {
        resolveAnswers = resolve;
      });
    },
    stop: () => {
      for (const socket of sockets.clients) socket.terminate();
      http.close();
    },
  };
}

function converse(socket, onListed) {
  const say = (message) => socket.send(JSON.stringify({ session_id: 'bench', ...message }));
  socket.once('message', () => {
    say({
      type: 'hello',
      transport: 'websocket',
      audio_params: { format: 'opus', sample_rate: 24_000, channels: 1, frame_duration: 60 },
    });
    askForTools(socket, (payload) => say({ type: 'mcp', payload }), onListed);
  });
}

function askForTools(socket, send, onListed) {
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const message = JSON.parse(data);
    const { id, result } = message.payload ?? message;
    if (id === 1) send({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} });
    if (id === 2 && Array.isArray(result?.tools)) onListed();
  });
  const params = {
    protocolVersion: '2024-11-05',
    capabilities: {},
    clientInfo: { name: 'bench', version: '0' },
  };
  send({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
}
