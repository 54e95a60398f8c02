import { loadOpusCodec } from '../../src/app-codec.ts';
import { type Json, type Peer, type ScriptedServer, startScriptedServer } from './scripted-server.ts';
import { tone } from './signals.ts';

const codec = await loadOpusCodec();
const frameMs = 60;
/** What a device runs ahead of the ear. */
const preBufferedFrames = 6;
const stopDelayMs = 420;
/** Frames after `listen start` that make an utterance. */
const utteranceFrames = 25;

/**
 * A server that behaves on the wire as the common Python server does (servers.md 1): echoes audio_params but sends 24 kHz,
 * escapes everything beyond ASCII, sends mcp right behind its hello, reports tool calls as `stt`, paces with a monotonic
 * clock, ends an answer 420 ms after its last packet and answers an abort with two stops.
 */
export function startRealServer(): Promise<ScriptedServer> {
  return startScriptedServer({ onPeer: attend, onText: (peer, text) => conversations.get(peer)?.take(text) });
}

interface Conversation {
  take(text: string): void;
}
const conversations = new WeakMap<Peer, Conversation>();

function attend(peer: Peer): void {
  let framesAtStart = 0;
  let mode = 'auto';
  let answering: AbortController | undefined;

  const say = (message: Json) => {
    if (peer.socket.readyState === peer.socket.OPEN) peer.send({ ...message, session_id: 'real' });
  };
  const answer = async (question: string, closeAfter = false) => {
    const stop = new AbortController();
    answering = stop;
    say({ type: 'stt', text: question });
    say({ type: 'tts', state: 'start' });
    say({ type: 'llm', text: '🙂', emotion: 'happy' });
    say({ type: 'stt', text: '% self_get_weather' });
    for (const [sentence, frequencyHz] of [
      ['今天晴天，', 440],
      ['再见。', 660],
    ] as const) {
      say({ type: 'tts', state: 'sentence_start', text: sentence });
      await sendPaced(peer, frequencyHz, stop.signal);
      if (stop.signal.aborted) return;
    }
    await delay(stopDelayMs);
    if (stop.signal.aborted) return;
    answering = undefined;
    say({ type: 'tts', state: 'stop' });
    if (closeAfter) peer.socket.close(1000);
  };
  const take = (text: string) => {
    const message = JSON.parse(text) as { type: string; state?: string; mode?: string; text?: string };
    if (message.type === 'hello') {
      const { audio_params } = message as { audio_params?: object };
      say({ type: 'hello', version: 1, transport: 'websocket', audio_params });
      say({ type: 'mcp', payload: { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} } });
    } else if (message.type === 'abort') {
      answering?.abort();
      say({ type: 'tts', state: 'stop' });
      setTimeout(() => say({ type: 'tts', state: 'stop' }), stopDelayMs);
    } else if (message.type === 'listen' && message.state === 'start') {
      framesAtStart = peer.frames.length;
      mode = message.mode ?? mode;
    } else if (message.type === 'listen' && message.state === 'stop') {
      void answer('说完了');
    } else if (message.type === 'listen' && message.state === 'detect') {
      if (message.text === '退出') {
        say({ type: 'stt', text: '退出' });
        say({ type: 'tts', state: 'start' });
        peer.socket.close(1000);
      } else void answer(message.text ?? '', message.text === '再见');
    }
  };
  peer.socket.on('message', (_, isBinary) => {
    const heard = peer.frames.length - framesAtStart;
    if (isBinary && mode !== 'manual' && !answering && heard === utteranceFrames) void answer('你好');
  });
  conversations.set(peer, { take });
}

/** 0.6 s of a tone: the first frames at once, the others when they are due. */
async function sendPaced(peer: Peer, frequencyHz: number, signal: AbortSignal): Promise<void> {
  const startMs = performance.now();
  const packets = tonePackets(frequencyHz);
  for (const [index, packet] of packets.entries()) {
    const dueMs = startMs + Math.max(0, index - preBufferedFrames + 1) * frameMs;
    if (dueMs > performance.now()) await delay(dueMs - performance.now());
    if (signal.aborted || peer.socket.readyState !== peer.socket.OPEN) return;
    peer.socket.send(packet);
  }
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const sentenceMs = 600;

function tonePackets(frequencyHz: number): Uint8Array[] {
  const encoder = codec.createEncoder({
    sampleRateHz: 24_000,
    frameDurationMs: frameMs,
    complexity: 0,
    variableBitrate: true,
    discontinuousTransmission: false,
  });
  const pcm = tone(frequencyHz, 24_000, sentenceMs);
  const size = encoder.samplesPerFrame;
  return Array.from({ length: sentenceMs / frameMs }, (_, i) =>
    encoder.encode(pcm.slice(i * size, (i + 1) * size)),
  );
}
