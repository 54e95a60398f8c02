// The far end, in a process of its own so that its work is not counted: OTA and WebSocket on one port, and a voice that
// talks without pause. The demo server is no stand-in: it falls silent between answers.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { startPacedLoop } from './paced-loop.mjs';
import { frameDurationMs, speechFrames, speechPackets } from './speech.mjs';

/** As real servers do, except where the bench wants to see a packet the moment it comes. */
const framesAhead = Number(process.env.BENCH_FRAMES_AHEAD ?? 6);
const answerPackets = 5;
/** Typed, it is answered without end. */
const tellMeAll = 'tell me all';
/** A packet of 60 ms that holds more than silence has more bytes; shorter ones in proportion. */
const soundBytes = 40;
const soundFrameMs = 60;
/** Time that runs so many times as fast, for whoever begins to talk from now on. */
let speed = 1;

const packets = speechPackets(await loadOpusCodec(), await speechFrames(process.env.BENCH_SPEECH));

const http = createServer((request, response) => {
  request.resume();
  const wanted = /^\/speed\/(\d+)$/.exec(request.url);
  if (wanted) speed = Number(wanted[1]);
  request.on('end', () => {
    const { port } = http.address();
    const answer = JSON.stringify({
      websocket: { url: `ws://127.0.0.1:${port}/xiaozhi/v1/`, token: 'bench', version: 1 },
    });
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length });
    response.end(answer);
  });
});
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
sockets.on('connection', (socket, request) => {
  request.socket.setNoDelay(true);
  let stopTalking = () => {};
  let leastBytes = soundBytes;
  const say = (message) => socket.send(JSON.stringify({ session_id: 'bench', ...message }));
  const send = (index) => socket.send(packets[index % packets.length]);

  const talk = () => {
    stopTalking();
    say({ type: 'tts', state: 'start' });
    for (let ahead = 0; ahead < framesAhead; ahead++) send(ahead);
    stopTalking = startPacedLoop(frameDurationMs / speed, (tick) => send(framesAhead + tick - 1));
  };
  const answer = () => {
    stopTalking();
    say({ type: 'tts', state: 'start' });
    for (let index = 0; index < answerPackets; index++) send(index);
    say({ type: 'tts', state: 'stop' });
  };
  const tell = (type) => process.send({ type, atNs: String(process.hrtime.bigint()) });
  const hear = (message) => {
    if (message.type === 'hello') {
      tell('hello');
      leastBytes = (soundBytes * message.audio_params.frame_duration) / soundFrameMs;
      say({
        type: 'hello',
        transport: 'websocket',
        audio_params: { format: 'opus', sample_rate: 24_000, channels: 1, frame_duration: frameDurationMs },
      });
    } else if (message.type === 'listen' && message.state === 'start' && message.mode === 'realtime') talk();
    else if (message.type === 'listen' && message.text === tellMeAll) talk();
    else if (message.type === 'listen' && message.state !== 'start') answer();
    else if (message.type === 'abort') {
      tell('abort');
      stopTalking();
    }
  };

  socket.on('message', (data, isBinary) => {
    if (!isBinary) hear(JSON.parse(data.toString()));
    else if (data.length > leastBytes) tell('packet');
  });
  socket.on('error', () => {});
  socket.on('close', () => stopTalking());
});
http.listen(0, '127.0.0.1', () => {
  const { port } = http.address();
  process.send({
    type: 'ready',
    otaUrl: `http://127.0.0.1:${port}/xiaozhi/ota/`,
    websocketUrl: `ws://127.0.0.1:${port}/xiaozhi/v1/`,
  });
});
process.on('disconnect', () => process.exit());
