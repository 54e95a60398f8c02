import type { BehaviourOptions } from '../../src/demo-server/behaviour.ts';
import type { DemoServerOptions } from '../../src/demo-server/server.ts';
import { type DemoBench, type DemoClient, type Json, startDemoBench, uplinkPackets } from './demo-client.ts';
import { tone } from './signals.ts';

const frameMs = 60;

/** Packets of somebody who speaks for so long, and of nobody. */
export const voice = (ms: number): Uint8Array[] => uplinkPackets(tone(300, 16_000, ms));
export const silence = (ms: number): Uint8Array[] => uplinkPackets(new Int16Array(16 * ms));

/** A raw client of a server that takes after a real one. */
export interface MannerBench extends DemoBench {
  readonly client: DemoClient;
  /** What came since the hello, without mcp messages: `stt hello`, `tts start`, `tts sentence_start One.` */
  story(): string[];
  /** How often an answer ended. */
  stops(): number;
  /** Seconds of speech that the server says it heard, turn by turn. */
  heardSeconds(): number[];
  listen(state: string, more?: object): void;
  /** Sends packets as a microphone does, one per 60 ms. */
  speak(packets: readonly Uint8Array[]): Promise<void>;
  /** Requests that the server sent over MCP. */
  requests(method: string): Json[];
  answer(id: unknown, result: unknown): void;
  /** Answers `initialize` and `tools/list`, until the server knows these tools. */
  offerTools(...names: string[]): Promise<void>;
}

export async function startMannerBench(
  behaviour: BehaviourOptions,
  hello: object = {},
  options: Partial<DemoServerOptions> = {},
): Promise<MannerBench> {
  const bench = await startDemoBench({ behaviour, ...options });
  const client = await bench.greet({
    type: 'hello',
    version: 1,
    transport: 'websocket',
    features: { mcp: true },
    ...hello,
  });
  const story = () =>
    client.messages
      .filter(({ type }) => type !== 'hello' && type !== 'mcp')
      .map(({ type, state, text }) => [type, state, text].filter((part) => part !== undefined).join(' '));
  const requests = (method: string) =>
    client.messages.flatMap(({ type, payload }) =>
      type === 'mcp' && (payload as Json).method === method ? [payload as Json] : [],
    );
  const answer = (id: unknown, result: unknown) =>
    client.send({ type: 'mcp', payload: { jsonrpc: '2.0', id, result } });
  return {
    ...bench,
    client,
    story,
    stops: () => story().filter((part) => part === 'tts stop').length,
    heardSeconds: () =>
      story()
        .flatMap((part) => /^stt \((\d+\.\d) s of speech\)$/u.exec(part)?.[1] ?? [])
        .map(Number),
    listen: (state, more = {}) => client.send({ type: 'listen', state, ...more }),
    async speak(packets) {
      for (const packet of packets) {
        client.sendFrames([packet]);
        await bench.pass(frameMs);
      }
    },
    requests,
    answer,
    async offerTools(...names) {
      await bench.until(() => requests('initialize').length === 1);
      answer(requests('initialize')[0]?.id, {});
      await bench.until(() => requests('tools/list').length === 1);
      answer(requests('tools/list')[0]?.id, { tools: names.map((name) => ({ name })) });
      await bench.pass(100);
    },
  };
}
