import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { runFigure } from './child-processes.mjs';
import { median } from './statistics.mjs';

const params = {
  'access-point': { method: 'tools/call', params: { name: 'echo', arguments: { text: 'hello' } } },
  tunnel: { method: 'tool_call', params: { tool: 'echo', args: { text: 'hello' } } },
};

/** Time from a call to its answer in µs, through an access point, a tunnel, and of the same bytes sent back by bare `ws`. */
export async function measureLinkRoundTrips({ rounds, calls, directory }) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  const links = new Map();
  const complete = new Promise((resolve) => {
    server.on('connection', (socket, { url }) => {
      links.set(url.slice(1), socket);
      if (links.size === 3) resolve();
    });
  });
  const child = runFigure('link-calls', { url: `ws://127.0.0.1:${server.address().port}`, directory });
  await complete;
  const tunnel = links.get('tunnel');
  tunnel.send('{"type":"connected","userId":"bench"}');
  await once(tunnel, 'message');
  tunnel.send('{"type":"approved_tools","tools":["echo"]}');

  let id = 0;
  const timed = async (link, request) => {
    const times = [];
    const socket = links.get(link);
    for (let n = 0; n < calls; n++) {
      id += 1;
      const startMs = performance.now();
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...request }));
      const [answer] = await once(socket, 'message');
      times.push((performance.now() - startMs) * 1000);
      if (JSON.parse(answer).error) throw new Error(`${link}: ${answer}`);
    }
    return median(times);
  };
  const measured = { 'access-point': [], tunnel: [], echo: [] };
  for (let round = -1; round < rounds; round++) {
    for (const link of ['access-point', 'tunnel']) {
      const echo = await timed('echo', params[link]);
      const call = await timed(link, params[link]);
      // The first round warms up.
      if (round >= 0) measured[link].push(call / echo);
      if (round >= 0) measured.echo.push(echo);
    }
  }
  child.disconnect();
  for (const socket of links.values()) socket.terminate();
  server.close();
  return measured;
}
