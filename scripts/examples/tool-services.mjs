// Four small services, one for each way a tool can be reached over a socket. Ends with Ctrl-C.
//   node scripts/examples/tool-services.mjs [--port 7700] [--socket /tmp/xiaozhi-example.sock]
import { rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '7700' },
    socket: { type: 'string', default: '/tmp/xiaozhi-example.sock' },
  },
});
const port = (offset) => (values.port === '0' ? 0 : Number(values.port) + offset);

// HTTP: GET /weather/{city}?unit=…, POST /translate, and a workflow as at Coze
const http = createHttpServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const answer = {
    weather: () => {
      const city = decodeURIComponent(pathname.split('/')[2] ?? '');
      return { data: { city, degrees: searchParams.get('unit') === 'f' ? 70 : 21 } };
    },
    translate: ({ target, segments }) =>
      target === 'zh'
        ? { ok: true, result: { text: `「${segments[0]}」`, language: '中文' } }
        : { ok: false, error: { message: 'I know no English' } },
    v1: ({ parameters: { topic, lines } }) => ({
      code: 0,
      msg: 'Success',
      data: JSON.stringify({ output: `${lines} lines about ${topic}` }),
    }),
  }[pathname.split('/')[1]];
  const body = await text(request);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer?.(JSON.parse(body || '{}')) ?? {}));
}).listen(port(0), '127.0.0.1');

// TCP: a line of JSON in, a line out.
const tcp = createServer((socket) => {
  createInterface({ input: socket }).on('line', (line) => {
    const { text = '' } = JSON.parse(line);
    socket.write(`${[...text].reverse().join('')}\n`);
  });
}).listen(port(1), '127.0.0.1');

// Unix socket: JSON-RPC 2.0, each message after its length (4 bytes, big-endian).
rmSync(values.socket, { force: true });
const unix = createServer((socket) => {
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      const end = 4 + bytes.readUInt32BE();
      const { id, method, params } = JSON.parse(bytes.subarray(4, end));
      bytes = bytes.subarray(end);
      const answer = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: { method, on: params.on } }));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    }
  });
}).listen(values.socket);

// WebSocket: JSON-RPC 2.0 on one connection; a slow answer holds nobody up.
const webSocket = new WebSocketServer({ port: port(2), host: '127.0.0.1' });
webSocket.on('connection', (socket) => {
  socket.on('message', (data) => {
    const { id, method, params } = JSON.parse(data);
    const answer = () =>
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: `${method}: ${params.song}` }));
    setTimeout(answer, 200);
  });
});

const servers = [http, tcp, unix, webSocket];
await Promise.all(
  servers.map((server) => server.address() ?? new Promise((go) => server.once('listening', go))),
);
console.log(
  JSON.stringify({
    http: `127.0.0.1:${http.address().port}`,
    tcp: `127.0.0.1:${tcp.address().port}`,
    unix: values.socket,
    websocket: `127.0.0.1:${webSocket.address().port}`,
  }),
);
