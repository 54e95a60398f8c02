import { setImmediate as nextTick } from 'node:timers/promises';
import { loadOpusCodec } from '../../src/adapters/audio/opus-discord.ts';
import { wait } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { type BehaviourOptions, createBehaviour, type Manner } from '../../src/demo-server/behaviour.ts';
import { createConversation } from '../../src/demo-server/converse.ts';
import type { DeviceLinkHandler } from '../../src/demo-server/device-link.ts';
import type { ListeningMode } from '../../src/machine/events.ts';
import { createAccessList } from '../../src/mcp/access-list.ts';
import { createDispatcher } from '../../src/mcp/dispatcher.ts';
import { createToolRegistry } from '../../src/mcp/registry.ts';
import { createResultShelf } from '../../src/mcp/result-shelf.ts';
import { createChannelServer, loadServerSdk } from '../../src/mcp/server.ts';
import { openTasks, type Tasks } from '../../src/mcp/tasks.ts';
import { createTimerTools } from '../../src/mcp/tools/timer.ts';
import { createTimerRing } from '../../src/mcp/tools/timer-ring.ts';
import type { TaskJournal } from '../../src/ports/task-journal.ts';
import { DeviceHarness, type HarnessOptions } from './device-harness.ts';
import { type FakeTransport, type FakeTransportOptions, FakeTransports } from './fake-transport.ts';
import { tone } from './signals.ts';
import { text, tool } from './task-bench.ts';

const codec = await loadOpusCodec();
const frameMs = 60;
const voiceFrame = tone(300, 16_000, frameMs);
const silentFrame = new Int16Array(voiceFrame.length);
const bootedMs = Date.UTC(2026, 0, 1, 12);

export interface MannerDeviceOptions extends BehaviourOptions {
  readonly manner: Manner;
  readonly mode: ListeningMode;
  readonly harness?: HarnessOptions;
}

/** What went over the wire, and when. */
export interface Said {
  readonly atMs: number;
  readonly by: 'device' | 'server';
  /** `listen detect`, `tts sentence_start`, `audio`. */
  readonly what: string;
  readonly text: string;
  readonly mode: string;
}

/**
 * A whole device with background tools and timers, and a server in the manner of a real one, in one time of their own: no
 * socket, no waiting. Its tools: `tea` takes 5 s in the background, `soup` makes the model wait for 25 s, `hush` has nothing to
 * say.
 */
export class MannerDevice {
  readonly harness: DeviceHarness;
  readonly said: Said[] = [];
  /** When runs of `tea` ended. */
  readonly teaMs: number[] = [];
  readonly #tasks: Tasks;

  private constructor(harness: DeviceHarness, tasks: Tasks) {
    this.harness = harness;
    this.#tasks = tasks;
  }

  static async start({
    mode,
    harness: options = {},
    ...behaviour
  }: MannerDeviceOptions): Promise<MannerDevice> {
    await loadServerSdk();
    const registry = createToolRegistry();
    const access = createAccessList({ allow: ['*'], deny: [] });
    const shelf = createResultShelf();
    let device: MannerDevice | undefined;
    let tasks: Tasks | undefined;
    const server = createBehaviour(behaviour);
    const harness = new DeviceHarness({
      mode,
      ...options,
      createTransports: (given) => new ServedTransports(given, (transport) => serve(transport, () => device)),
      parts: {
        openTools: (send, limit, onUse) =>
          createChannelServer({
            registry,
            access,
            dispatcher,
            name: 'test',
            version: '0',
            channel: 'device',
            logger: silentLogger,
            send,
            replyWithinMs: 29_000,
            ...(onUse && { onUse }),
            ...(limit && { maxPageBytes: limit.maxMessageBytes - 200, maxPayloadBytes: limit.payloadBytes }),
          }),
        notices: {
          render: () => Promise.resolve({ pcm: tone(500, 24_000, 1_500), sampleRateHz: 24_000 }),
          markTold: (ids) => tasks?.markTold(ids),
          markSent: (ids) => tasks?.markSent(ids) ?? Promise.resolve(),
          markUnsent: (ids) => tasks?.markUnsent(ids),
          bringAgain: (ids) => tasks?.bringAgain(ids),
        },
        ...options.parts,
      },
    });
    const { clock } = harness;
    const wallClock = () => bootedMs + clock.now();
    tasks = await openTasks({
      journal: memoryJournal(),
      clock,
      wallClock,
      logger: silentLogger,
      limits: { maxRunning: 8, maxKept: 200, expireAfterMs: 259_200_000 },
      listener: {
        onMail: (mail) => harness.device.send({ type: 'tool.completed', mail }),
        onTold: (taskIds) => harness.device.send({ type: 'mail.withdrawn', taskIds }),
        onExpired: () => {},
        onProblem: () => {},
      },
    });
    const dispatcher = createDispatcher({
      registry,
      access,
      keeper: tasks,
      shelf,
      clock,
      wallClock,
      logger: silentLogger,
      onEvent: (event) => harness.events.push(event),
    });
    const clocks = { clock, wallClock, boot: 'test' };
    const ring = createTimerRing(clocks);
    const tea = tool('tea', async (_, { signal }) => {
      await wait(clock, 5_000, signal);
      device?.teaMs.push(clock.now());
      return text('Tea is ready.');
    });
    const soup = tool(
      'soup',
      async (_, { signal }) => {
        await wait(clock, 25_000, signal);
        return text('Soup is served.');
      },
      { mode: 'sync' },
    );
    const hush = tool('hush', () => Promise.resolve(text('')), { mode: 'sync' });
    registry.publish({ source: 'custom', name: 'test', position: 0 }, [
      tea,
      soup,
      hush,
      ...createTimerTools({ tasks, ring, channel: 'device', ...clocks }),
    ]);
    device = new MannerDevice(harness, tasks);
    await tasks.resume(() => undefined);
    harness.device.start();
    await device.live(120);
    return device;

    function serve(transport: FakeTransport, owner: () => MannerDevice | undefined): DeviceLinkHandler {
      const note = (by: Said['by'], message: unknown) => owner()?.note(by, message);
      const handler = createConversation(
        {
          helloFields: () => ({ version: 1, transport: 'websocket' }),
          sendJson: (message) => {
            note('server', message);
            transport.send(message);
          },
          echo: (sent) => transport.send(sent),
          sendAudio: (packet, timestampMs) => {
            note('server', 'audio');
            transport.sendAudioDown(packet, timestampMs);
          },
          close: () => transport.hangUp(),
        },
        { codec, clock: harness.clock, logger: silentLogger, behaviour: server, speak },
      );
      return {
        ...handler,
        onText(sent) {
          note('device', JSON.parse(sent));
          handler.onText(sent);
        },
        onAudio(packet) {
          note('device', 'audio');
          handler.onAudio(packet);
        },
      };
    }
  }

  get nowMs(): number {
    return this.harness.clock.now();
  }

  note(by: Said['by'], message: unknown): void {
    const { type, state, text: words = '', mode = '' } = Object(message) as Record<string, string>;
    const what = message === 'audio' ? 'audio' : [type, state].filter((part) => part !== undefined).join(' ');
    this.said.push({ atMs: this.nowMs, by, what, text: words, mode });
  }

  /** Time goes by in silence, or with a voice near the device. */
  async live(ms: number, sound: 'silence' | 'voice' = 'silence'): Promise<void> {
    for (let goneMs = 0; goneMs < ms; goneMs += frameMs) {
      this.harness.microphone.hear(sound === 'voice' ? voiceFrame : silentFrame);
      await this.harness.clock.advanceAsync(frameMs);
      await nextTick();
    }
  }

  /** Silence until something is true; fails with what was said when that takes longer. */
  async until(ready: () => boolean, withinMs = 30_000): Promise<void> {
    const giveUpMs = this.nowMs + withinMs;
    while (!ready()) {
      if (this.nowMs > giveUpMs)
        throw new Error(`not within ${withinMs} ms: ${ready}\n${this.#story().join('\n')}`);
      await this.live(frameMs);
    }
  }

  /** Sentences of the server whose text has these words. */
  sentences(words: string): Said[] {
    return this.said.filter(({ what, text: said }) => what === 'tts sentence_start' && said.includes(words));
  }

  /** Seconds of speech that the server says it heard, turn by turn. */
  heardSeconds(): number[] {
    return this.said
      .flatMap(({ what, text: said }) =>
        what === 'stt' ? (/^\((\d+\.\d) s of speech\)$/u.exec(said)?.[1] ?? []) : [],
      )
      .map(Number);
  }

  /** What the device sent, without mcp and with runs of audio as one. */
  sent(): Said[] {
    return this.#withoutRuns(this.said.filter(({ by, what }) => by === 'device' && what !== 'mcp'));
  }

  /** States in the order in which they were entered. */
  states(): string[] {
    return this.harness.eventsOf('state').map(({ to }) => to);
  }

  async stop(): Promise<void> {
    const stopped = this.harness.device.stop();
    await this.live(1_000);
    await stopped;
    await this.#tasks.stop();
  }

  #story(): string[] {
    return this.#withoutRuns(this.said).map(
      ({ atMs, by, what, text: words, mode }) =>
        `${atMs} ${by === 'device' ? '>' : '<'} ${what} ${mode}${words}`,
    );
  }

  /** Of the audio between two messages, one entry per direction is kept. */
  #withoutRuns(said: readonly Said[]): Said[] {
    const since = new Set<Said['by']>();
    return said.filter(({ by, what }) => {
      if (what !== 'audio') since.clear();
      else if (since.has(by)) return false;
      else since.add(by);
      return true;
    });
  }
}

/** Half a second, and a tenth more for each word. */
function speak(words: string): Promise<Int16Array> {
  return Promise.resolve(tone(440, 24_000, 500 + 100 * words.split(' ').length));
}

/** Channels with a server at the other end, which is greeted as soon as they are open. */
class ServedTransports extends FakeTransports {
  readonly #serve: (transport: FakeTransport) => DeviceLinkHandler;
  #handler: DeviceLinkHandler | undefined;

  constructor(options: FakeTransportOptions, serve: (transport: FakeTransport) => DeviceLinkHandler) {
    super({
      ...options,
      onSent: (sent) => {
        options.onSent?.(sent);
        if (typeof sent === 'string') this.#handler?.onText(sent);
        else this.#handler?.onAudio(sent);
      },
    });
    this.#serve = serve;
  }

  override create(): FakeTransport {
    const transport = super.create();
    const { open, close, hangUp } = transport;
    const leave = () => {
      this.#handler?.onClosed();
      this.#handler = undefined;
    };
    transport.open = (handlers) => {
      open.call(transport, handlers);
      queueMicrotask(() => {
        this.#handler = this.#serve(transport);
        this.#handler.onText(JSON.stringify(hello));
      });
    };
    transport.close = () => {
      leave();
      return close.call(transport);
    };
    transport.hangUp = () => {
      leave();
      hangUp.call(transport);
    };
    return transport;
  }
}

const hello = {
  type: 'hello',
  version: 1,
  transport: 'websocket',
  features: { mcp: true },
  audio_params: { format: 'opus', sample_rate: 16_000, channels: 1, frame_duration: frameMs },
};

function memoryJournal(): TaskJournal {
  let kept: unknown[] = [];
  return {
    open: () => Promise.resolve({ entries: [], damaged: 0 }),
    append(entries) {
      kept.push(...entries);
      return Promise.resolve();
    },
    rewrite(entries) {
      kept = [...entries()];
      return Promise.resolve();
    },
    get sizeBytes() {
      return kept.length;
    },
    close: () => Promise.resolve(),
  };
}
