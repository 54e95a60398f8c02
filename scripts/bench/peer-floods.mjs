// What others may do to a device that runs, and how long its loop is not to be had meanwhile.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { generate, parser } from 'mqtt-packet';
import { WebSocketServer } from 'ws';
import { root } from '../bundle-options.mjs';
import { ask } from './http-exchange.mjs';
import { wait } from './statistics.mjs';

const perSecond = 20_000;
const batchMs = 10;

/** Says something so often, as long as the other end takes it. */
function flood(say) {
  const timer = setInterval(() => {
    for (let n = 0; n < (perSecond * batchMs) / 1000; n++) say(n);
  }, batchMs);
  return () => clearInterval(timer);
}

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

/** A WebSocket server that floods whoever comes, after what it says first. */
async function floodingSocket(greet, say) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const stops = [];
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    greet(socket);
    stops.push(flood((n) => socket.bufferedAmount < 1e6 && socket.send(say(n))));
  });
  return {
    port: server.address().port,
    stop() {
      for (const stop of stops) stop();
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

/** An MQTT broker that takes whoever comes, and then floods. */
async function floodingBroker(packet) {
  const stops = [];
  const sockets = new Set();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const packets = parser();
    packets.on('packet', ({ cmd, messageId, subscriptions }) => {
      if (cmd === 'connect') {
        socket.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
        const sayOnce = (n) => socket.writableLength < 1e6 && socket.write(packet(n));
        stops.push(flood(sayOnce));
      } else if (cmd === 'subscribe')
        socket.write(generate({ cmd: 'suback', messageId, granted: subscriptions.map(() => 0) }));
      else if (cmd === 'pingreq') socket.write(generate({ cmd: 'pingresp' }));
    });
    packets.on('error', () => socket.destroy());
    socket.on('data', (chunk) => packets.parse(chunk));
  });
  return {
    port: await listening(server),
    stop() {
      for (const stop of stops) stop();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const doubling = () => {
  const $defs = { d25: { type: 'string' } };
  for (let level = 0; level < 25; level++)
    $defs[`d${level}`] = { allOf: [{ $ref: `#/$defs/d${level + 1}` }, { $ref: `#/$defs/d${level + 1}` }] };
  return { type: 'object', $defs, properties: { a: { $ref: '#/$defs/d0' } } };
};
const tools = [
  { name: 'doubling', inputSchema: doubling() },
  { name: 'pattern', inputSchema: { type: 'object', properties: { a: { pattern: '^(a+)+$' } } } },
];

/** A streamable-HTTP MCP server with schemas that take for ever, whose stream floods. */
async function mcpServer(floods) {
  const stops = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('retry: 0\n\n');
        const change = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
        if (floods)
          stops.push(flood(() => response.writableLength < 1e6 && response.write(`data: ${change}\n\n`)));
        return;
      }
      const { id, method, params } = body === '' ? {} : JSON.parse(body);
      if (id === undefined) return void response.writeHead(202).end();
      const result =
        method === 'initialize'
          ? {
              protocolVersion: params.protocolVersion,
              capabilities: { tools: { listChanged: true } },
              serverInfo: { name: 'flood', version: '1' },
            }
          : method === 'tools/list'
            ? { tools }
            : { content: [{ type: 'text', text: 'ok' }] };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  });
  const port = await listening(server);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    stop() {
      for (const stop of stops) stop();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function startDevice(home, config, options) {
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  const file = join(home, 'config.json');
  await writeFile(file, JSON.stringify(config));
  const child = fork(
    `${root}dist/main.js`,
    ['run', '--config', file, '--mic', 'null', '--speaker', 'null', ...options],
    {
      execArgv: ['--require', `${root}scripts/bench/loop-delay-probe.cjs`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home },
    },
  );
  const ended = once(child, 'exit');
  const socketPath = join(home, 'xiaozhi-speaker', 'control.sock');
  const get = (path, body) => ask({ socketPath, path, ...(body && { body }) });
  return {
    get,
    async until(holds) {
      while (!(await holds().catch(() => false))) {
        if (child.exitCode !== null) throw new Error(`The device ended with code ${child.exitCode}`);
        await wait(50);
      }
    },
    begin: () => child.send('begin'),
    async delay() {
      const answer = once(child, 'message');
      child.send('end');
      return (await answer)[0];
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Loop delay of a device in ms, p99 and longest, under each flood. */
export async function measurePeerFloods({ seconds, directory }) {
  const home = join(directory, 'floods');
  const measured = {};
  const run = async (name, config, options, work) => {
    const device = await startDevice(home, config, options);
    try {
      await device.until(() => device.get('/v1/health'));
      await wait(2000);
      device.begin();
      await work(device);
      measured[name] = await device.delay();
    } finally {
      await device.stop();
    }
  };
  const pass = () => wait(1000 * seconds);

  const schemas = await mcpServer(false);
  await run('schemas of a mount', { mcpServers: { f: { url: schemas.url } } }, [], async ({ get, until }) => {
    await until(async () => (await get('/v1/tools')).toString().includes('f__pattern'));
    const body = JSON.stringify({ args: { a: `${'a'.repeat(40)}!` } });
    const endMs = performance.now() + 1000 * seconds;
    for (let n = 0; performance.now() < endMs; n++)
      await get(`/v1/tools/f__${tools[n % tools.length].name}/call`, body);
  });
  schemas.stop();

  const stream = await mcpServer(true);
  await run('event stream of a mount', { mcpServers: { f: { url: stream.url } } }, [], pass);
  stream.stop();

  const ping = (n) => JSON.stringify({ jsonrpc: '2.0', id: n, method: 'tools/list', params: {} });
  const accessPoint = await floodingSocket(() => {}, ping);
  await run('access point', { mcpEndpoint: `ws://127.0.0.1:${accessPoint.port}/?token=x` }, [], pass);
  accessPoint.stop();

  const hello = JSON.stringify({
    type: 'hello',
    transport: 'websocket',
    session_id: 'flood',
    audio_params: { sample_rate: 24_000, frame_duration: 60 },
  });
  const says = [
    { type: 'llm', emotion: 'happy', text: 'x' },
    { type: 'stt', text: 'x' },
    { type: 'tts', state: 'sentence_start', text: 'x' },
    { type: 'nonsense' },
  ].map((message) => JSON.stringify({ session_id: 'flood', ...message }));
  const chat = await floodingSocket(
    (socket) => socket.send(hello),
    (n) => says[n % says.length],
  );
  await run('chat channel', {}, ['--server', `ws://127.0.0.1:${chat.port}/`, '--start'], pass);
  chat.stop();

  const acknowledgements = generate({ cmd: 'pingresp' });
  const messages = says.map((payload) =>
    generate({ cmd: 'publish', topic: 'devices/p2p/flood', payload, qos: 0 }),
  );
  for (const [name, packet] of [
    ['MQTT broker', (n) => messages[n % messages.length]],
    ['MQTT broker that only answers', () => acknowledgements],
  ]) {
    const broker = await floodingBroker(packet);
    await run(name, {}, ['--server', `mqtt://127.0.0.1:${broker.port}`, '--start'], pass);
    broker.stop();
  }

  // The tool is called once, so that its connection is there.
  const socketTool = await floodingSocket(
    () => {},
    (n) => JSON.stringify({ jsonrpc: '2.0', id: 1_000_000 + n, result: 'x' }),
  );
  const tool = {
    name: 'talks',
    description: 'talks',
    type: 'websocket',
    url: `ws://127.0.0.1:${socketTool.port}/`,
    mode: 'background',
  };
  await run('WebSocket of a tool', { mcp: { tools: [tool] } }, [], async ({ get }) => {
    await get('/v1/tools/talks/call', JSON.stringify({ args: {} }));
    await pass();
  });
  socketTool.stop();
  return measured;
}
