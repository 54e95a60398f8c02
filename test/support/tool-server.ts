import { setTimeout as sleep } from 'node:timers/promises';
import { answerPackets } from './device-harness.ts';
import { type Json, type Peer, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

export interface RpcAnswer {
  readonly id: unknown;
  readonly result?: { readonly content?: readonly { readonly text: string }[]; readonly tools?: Json[] };
  readonly error?: { readonly code: number; readonly message: string };
}

/** A server whose model is the test: it calls tools, and takes notices as the test says. */
export interface ToolServer extends Omit<ScriptedServer, 'peers'> {
  /** Conversations so far; the last is the one that counts. */
  readonly peers: readonly Peer[];
  /** Texts of `listen/detect` of all conversations, in order. */
  readonly notices: readonly string[];
  /** Frames of sound received by now. */
  readonly frames: number;
  /** Everything the device answered, of all conversations, in order. */
  readonly answers: readonly RpcAnswer[];
  /** One JSON-RPC request in the conversation that is open; resolves with its answer. */
  request(method: string, params?: unknown, id?: unknown): Promise<RpcAnswer>;
  call(name: string, args?: unknown): Promise<RpcAnswer>;
  /** Sends a message in the conversation that is open. */
  say(message: Json): void;
  /** A short answer. */
  speak(): void;
  until(ready: () => boolean): Promise<void>;
}

export interface ToolServerOptions {
  /** What the server does with a notice; by default it speaks. */
  readonly onNotice?: (text: string, server: ToolServer) => void;
}

const answer = answerPackets(120);
const patienceMs = 40_000;
const sessionId = 'tools';

export async function startToolServer({ onNotice }: ToolServerOptions = {}): Promise<ToolServer> {
  const notices: string[] = [];
  const answers: RpcAnswer[] = [];
  let lastId = 100;
  const take = (peer: Peer, text: string): void => {
    const message = JSON.parse(text) as {
      type: string;
      state?: string;
      text?: string;
      payload?: RpcAnswer;
      audio_params?: object;
    };
    if (message.type === 'hello') {
      const { audio_params } = message;
      peer.send({ type: 'hello', transport: 'websocket', audio_params, session_id: sessionId });
      const payload = { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} };
      peer.send({ type: 'mcp', session_id: sessionId, payload });
    } else if (message.type === 'mcp' && message.payload) answers.push(message.payload);
    else if (message.type === 'listen' && message.state === 'detect') {
      notices.push(message.text ?? '');
      if (onNotice) onNotice(message.text ?? '', server);
      else server.speak();
    }
  };
  const scripted = await startScriptedServer({ onText: take });

  async function until(ready: () => boolean): Promise<void> {
    const giveUpMs = performance.now() + patienceMs;
    while (!ready()) {
      if (performance.now() > giveUpMs) throw new Error(`never came true: ${ready}`);
      await sleep(10);
    }
  }

  const server: ToolServer = {
    ...scripted,
    notices,
    answers,
    get frames() {
      return scripted.peers.reduce((sum, { frames }) => sum + frames.length, 0);
    },
    async request(method, params, givenId) {
      lastId += 1;
      const id = givenId ?? lastId;
      const before = answers.length;
      server.say({ type: 'mcp', payload: { jsonrpc: '2.0', id, method, params } });
      const found = () => answers.slice(before).find((answer) => answer.id === id);
      await until(() => found() !== undefined);
      return found() as RpcAnswer;
    },
    call: (name, args) => server.request('tools/call', { name, arguments: args }),
    say: (message) => scripted.peers.at(-1)?.send({ session_id: sessionId, ...message }),
    speak() {
      server.say({ type: 'tts', state: 'start' });
      for (const packet of answer) scripted.peers.at(-1)?.socket.send(packet);
      server.say({ type: 'tts', state: 'stop' });
    },
    until,
  };
  return server;
}

/** What a call gave to the model. */
export const textOf = ({ result }: RpcAnswer): string | undefined => result?.content?.[0]?.text;
