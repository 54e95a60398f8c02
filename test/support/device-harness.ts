import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { loadOpusCodec } from '../../src/adapters/audio/opus-discord.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { DeviceSettings } from '../../src/machine/context.ts';
import type { ListeningMode } from '../../src/machine/events.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import type { Microphone, MicrophoneSink } from '../../src/ports/microphone.ts';
import type { StatusEvent } from '../../src/ports/status-display.ts';
import type { VoiceDetector } from '../../src/ports/voice-detector.ts';
import type { WakeWordDetector } from '../../src/ports/wake-word-detector.ts';
import { Device, type DeviceParts } from '../../src/runtime/device.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { type FakeTransport, type FakeTransportOptions, FakeTransports } from './fake-transport.ts';
import { concat, tone } from './signals.ts';

const codec = await loadOpusCodec();
const frameMs = 60;
const uplinkFrame = tone(300, 16_000, frameMs);

/** An answer of the server: a tone of this length as Opus packets of 60 ms. */
export function answerPackets(durationMs: number, frequencyHz = 440): Uint8Array[] {
  const encoder = codec.createEncoder({
    sampleRateHz: 24_000,
    frameDurationMs: frameMs,
    complexity: 0,
    variableBitrate: true,
    discontinuousTransmission: false,
  });
  const pcm = tone(frequencyHz, 24_000, durationMs);
  const samples = encoder.samplesPerFrame;
  return Array.from({ length: Math.floor(pcm.length / samples) }, (_, i) =>
    encoder.encode(pcm.slice(i * samples, (i + 1) * samples)),
  );
}

/** Hears what the test makes it hear. */
export class FakeMicrophone implements Microphone {
  readonly name = 'fake';
  readonly sampleRateHz = 16_000;
  starts = 0;
  /** Set: it cannot be opened. */
  missing = false;
  #sink: MicrophoneSink | undefined;

  get open(): boolean {
    return this.#sink !== undefined;
  }

  start(sink: MicrophoneSink): Promise<void> {
    this.starts += 1;
    if (this.missing) {
      return Promise.reject(new ClientError(ErrorCode.audioDeviceMissing, 'There is no microphone.'));
    }
    this.#sink = sink;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#sink = undefined;
    return Promise.resolve();
  }

  hear(pcm: Int16Array): void {
    this.#sink?.onChunk(pcm);
  }

  break(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onError(new ClientError(ErrorCode.audioDeviceLost, 'The microphone was unplugged.'));
  }
}

/** Plays in the time of the fake clock and keeps what has been heard. */
export class FakeLoudspeaker implements Loudspeaker {
  readonly name = 'fake';
  readonly sampleRateHz = 24_000;
  missing = false;
  open = false;
  readonly #inner: Loudspeaker;
  #written: Int16Array[] = [];
  #onError: (error: ClientError) => void = () => {};

  constructor(clock: FakeClock) {
    this.#inner = createNullLoudspeaker({ pacer: createPacer(clock, frameMs) });
  }

  async start(onError: (error: ClientError) => void): Promise<void> {
    if (this.missing) throw new ClientError(ErrorCode.audioDeviceMissing, 'There is no loudspeaker.');
    this.#onError = onError;
    this.open = true;
    await this.#inner.start(onError);
  }

  write(pcm: Int16Array): Promise<void> {
    if (this.open) this.#written.push(pcm.slice());
    return this.#inner.write(pcm);
  }

  flush(): void {
    const unheard = Math.round((this.pendingMs() * this.sampleRateHz) / 1000);
    const all = concat(this.#written);
    this.#written = [all.slice(0, Math.max(0, all.length - unheard))];
    this.#inner.flush();
  }

  pendingMs(): number {
    return this.#inner.pendingMs();
  }

  stop(): Promise<void> {
    this.flush();
    this.open = false;
    return this.#inner.stop();
  }

  break(): void {
    this.open = false;
    void this.#inner.stop();
    this.#onError(new ClientError(ErrorCode.audioDeviceLost, 'The loudspeaker was unplugged.'));
  }

  /** How much has been heard or will be unless it is flushed, in ms. */
  heardMs(): number {
    return Math.round((concat(this.#written).length * 1000) / this.sampleRateHz);
  }

  heard(): Int16Array {
    return concat(this.#written);
  }
}

/** Detects what the test says it does, in the sound it is pushed next. */
export class FakeWakeWordDetector implements WakeWordDetector {
  readonly name = 'fake';
  readonly sampleRateHz = 16_000;
  /** All that it was given to listen to, and how often it began anew. */
  heardMs = 0;
  resets = 0;
  closed = false;
  #listener: (phrase: string) => void = () => {};
  #phrase: string | undefined;

  onDetected(listener: (phrase: string) => void): void {
    this.#listener = listener;
  }

  /** The next sound ends with these words. */
  expect(phrase: string): void {
    this.#phrase = phrase;
  }

  /** At once, whether or not it is listening. */
  say(phrase: string): void {
    this.#listener(phrase);
  }

  push(pcm: Int16Array): void {
    this.heardMs += pcm.length / 16;
    const phrase = this.#phrase;
    this.#phrase = undefined;
    if (phrase !== undefined) this.#listener(phrase);
  }

  reset(): void {
    this.resets += 1;
  }

  close(): void {
    this.closed = true;
  }
}

export interface HarnessOptions {
  /** A detector waits for the wake word. */
  readonly wakeWord?: 'uploaded' | 'unsent';
  readonly voiceDetector?: VoiceDetector;
  readonly mode?: ListeningMode;
  readonly idleTimeoutMs?: number;
  readonly settings?: Partial<DeviceSettings>;
  readonly provisioning?: DeviceParts['provisioning'];
  readonly muted?: boolean;
  /** Parts that take the place of the harness's own. */
  readonly parts?: Partial<DeviceParts>;
  readonly createTransports?: (options: FakeTransportOptions) => FakeTransports;
}

/** A whole device without network and sound card, in a time of its own. */
export class DeviceHarness {
  readonly clock = new FakeClock();
  readonly microphone = new FakeMicrophone();
  readonly loudspeaker = new FakeLoudspeaker(this.clock);
  readonly wakeWord = new FakeWakeWordDetector();
  readonly events: StatusEvent[] = [];
  /** Both directions in order: `> text`, `> audio`, `< text`, `< audio`; a run of audio is one entry. */
  readonly trace: string[] = [];
  readonly transports: FakeTransports;
  readonly device: Device;
  readonly mcp: object[] = [];
  /** What the channels say of the list that the server has read. */
  toolListIsOutdated = false;

  constructor({
    mode = 'auto',
    idleTimeoutMs = 0,
    settings,
    provisioning,
    muted = false,
    wakeWord,
    voiceDetector,
    parts,
    createTransports = (options) => new FakeTransports(options),
  }: HarnessOptions = {}) {
    this.transports = createTransports({
      clock: this.clock,
      idleTimeoutMs,
      onSent: (sent) => this.#note('>', typeof sent === 'string' ? sent : 'audio'),
    });
    this.device = new Device(
      {
        microphone: this.microphone,
        loudspeaker: this.loudspeaker,
        codec,
        voiceDetector,
        wakeWordDetector: wakeWord && this.wakeWord,
        transports: this.transports,
        provisioning: provisioning ?? {
          provisioning: undefined,
          memory: { recall: () => undefined, remember: () => Promise.resolve() },
          useAnswer: () => {},
        },
        display: { show: (event) => this.events.push(event) },
        clock: this.clock,
        logger: silentLogger,
        openTools: () => ({
          receive: (payload) => void this.mcp.push(payload),
          isOutdated: () => this.toolListIsOutdated,
          announceChange: () => void this.mcp.push({ method: 'announced' }),
          close: () => Promise.resolve(),
        }),
        ...parts,
      },
      {
        settings: {
          listeningMode: mode,
          idleSettleMs: 800,
          replyTimeoutMs: 20_000,
          soundGapTimeoutMs: 20_000,
          resumeWithinMs: 5_000,
          serverMayListen: false,
          textWays: ['detect'],
          releaseTailMs: 100,
          voiceOverAnswer: 'unheard',
          localEndpointing: false,
          wakeWord: wakeWord ?? 'none',
          recovery: { firstDelayMs: 1_000, maxDelayMs: 60_000, attempts: 5, healthyAfterMs: 60_000 },
          announcements: {
            strategies: ['detect', 'detect-cue', 'local'],
            triesPerStrategy: 2,
            language: 'en',
            maxSpokenCharacters: 300,
            maxCueCharacters: 80,
            firstRetryMs: 1_600,
            maxRetryMs: 60_000,
            quietMs: 3_000,
          },
          mailboxCapacity: 32,
          now: () => new Date(2026, 0, 1, 12),
          // No jitter.
          random: () => 0.5,
          ...settings,
        },
        encoder: {
          sampleRateHz: 16_000,
          frameDurationMs: frameMs,
          complexity: 0,
          variableBitrate: true,
          discontinuousTransmission: true,
        },
        preRollMs: 2_000,
        volumePercent: 100,
        muted,
      },
    );
  }

  /** Started and idle. */
  static async idle(options?: HarnessOptions): Promise<DeviceHarness> {
    const harness = new DeviceHarness(options);
    harness.device.start();
    await harness.pass(0);
    return harness;
  }

  /** In a conversation: the device listens. The trace begins here. */
  static async listening(options?: HarnessOptions): Promise<DeviceHarness> {
    const harness = await DeviceHarness.idle(options);
    harness.device.send({ type: 'talk.toggled' });
    await harness.greet();
    harness.trace.length = 0;
    harness.events.length = 0;
    return harness;
  }

  /** The channel opened last. */
  get far(): FakeTransport {
    return this.transports.made.at(-1) as FakeTransport;
  }

  get status(): string {
    return this.device.status;
  }

  eventsOf<Type extends StatusEvent['type']>(type: Type): Extract<StatusEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as Extract<StatusEvent, { type: Type }>[];
  }

  /** Codes of the error events so far. */
  get errors(): string[] {
    return this.eventsOf('error').map(({ code }) => code);
  }

  /** Time goes by; an open microphone hears a voice. */
  async pass(ms: number): Promise<void> {
    await settle();
    for (let goneMs = 0; goneMs < ms; goneMs += frameMs) {
      if (goneMs + frameMs <= ms) this.microphone.hear(uplinkFrame);
      await this.clock.advanceAsync(Math.min(frameMs, ms - goneMs));
    }
  }

  async greet(sessionId = 'S'): Promise<void> {
    await settle();
    this.far.sayHello(sessionId);
    await settle();
  }

  /** The server says something. */
  say(message: object | string): void {
    this.#note('<', typeof message === 'string' ? message : JSON.stringify(message));
    this.far.send(message);
  }

  tts(state: 'start' | 'stop'): void {
    this.say({ type: 'tts', state });
  }

  sendAudio(packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      this.#note('<', 'audio');
      this.far.sendAudioDown(packet);
    }
  }

  /** A whole answer, sent at once, and the time to hear it and a little more. */
  async answer(durationMs = 300): Promise<void> {
    this.tts('start');
    this.sendAudio(answerPackets(durationMs));
    this.tts('stop');
    await this.pass(durationMs + 240);
  }

  #note(direction: '<' | '>', what: string): void {
    const entry = `${direction} ${what}`;
    if (what !== 'audio' || this.trace.at(-1) !== entry) this.trace.push(entry);
  }
}
