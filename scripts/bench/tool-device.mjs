import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { runFigure } from './child-processes.mjs';

/** A server on loopback for one client at a time. `connect` starts the client and gives its socket. */
export async function listen() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${server.address().port}/`,
    async connect(start) {
      const connected = once(server, 'connection');
      const client = start();
      const [socket, request] = await connected;
      request.socket.setNoDelay(true);
      return { client, socket };
    },
    stop: () => server.close(),
  };
}

/** A device in conversation, seen from its server. `onFrame` is told of every frame of sound, `onReply` of every answer. */
export async function converse({ microphone, directory, tools, onFrame = () => {}, onReply }) {
  const server = await listen();
  const { client, socket } = await server.connect(() =>
    runFigure('tool-load', { websocketUrl: server.url, microphone, directory, tools }),
  );
  const say = (message) => socket.send(JSON.stringify({ session_id: 'bench', ...message }));
  const rpc = (id, method, params) => say({ type: 'mcp', payload: { jsonrpc: '2.0', id, method, params } });
  const ready = new Promise((resolve) => {
    socket.on('message', (data, isBinary) => {
      if (isBinary) {
        onFrame();
        return;
      }
      const message = JSON.parse(data.toString());
      if (message.type === 'hello') {
        const audio = { format: 'opus', sample_rate: 24_000, channels: 1, frame_duration: 60 };
        say({ type: 'hello', transport: 'websocket', audio_params: audio });
        rpc(1, 'initialize', {});
      } else if (message.type === 'mcp' && message.payload.id === 1) resolve();
      else if (message.type === 'mcp') onReply(message.payload, data);
    });
  });
  await ready;
  return {
    call: (id, name, args) => rpc(id, 'tools/call', { name, arguments: args }),
    async stop() {
      const ended = once(client, 'exit');
      client.send('stop');
      await ended;
      server.stop();
    },
  };
}
