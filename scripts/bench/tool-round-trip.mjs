import { fork } from 'node:child_process';
import { WebSocket } from 'ws';
import { median } from './statistics.mjs';
import { converse, listen } from './tool-device.mjs';

if (process.argv[1] === import.meta.filename) {
  const socket = new WebSocket(process.argv[2], { perMessageDeflate: false });
  socket.on('open', () => socket._socket.setNoDelay(true));
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('close', () => process.exit());
}

/** Time from a call to its answer in µs, over loopback, and of the same bytes sent back by a bare `ws` client. */
export async function measureToolRoundTrip({ tool, args, rounds, calls, directory }) {
  let onReply = () => {};
  const device = await converse({
    microphone: 'null',
    directory,
    tools: [],
    onReply: (payload) => onReply(payload),
  });
  const server = await listen();
  const { socket } = await server.connect(() => fork(import.meta.filename, [server.url]));
  let onEcho = () => {};
  socket.on('message', () => onEcho());
  let id = 1;
  const answer = () =>
    new Promise((resolve, reject) => {
      onReply = ({ error }) => (error ? reject(new Error(error.message)) : resolve());
      id += 1;
      device.call(id, tool, args);
    });
  const echo = () =>
    new Promise((resolve) => {
      onEcho = resolve;
      id += 1;
      const payload = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: args } };
      socket.send(JSON.stringify({ session_id: 'bench', type: 'mcp', payload }));
    });
  const timed = async (trip) => {
    const times = [];
    for (let n = 0; n < calls; n++) {
      const startMs = performance.now();
      await trip();
      times.push((performance.now() - startMs) * 1000);
    }
    return median(times);
  };
  await timed(answer);
  await timed(echo);
  const measured = { device: [], echo: [] };
  for (let round = 0; round < rounds; round++) {
    measured.echo.push(await timed(echo));
    measured.device.push(await timed(answer));
  }
  socket.close();
  server.stop();
  await device.stop();
  return measured;
}
