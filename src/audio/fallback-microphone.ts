import { type Clock, type TimerHandle, wait } from '../core/clock.ts';
import { ClientError } from '../core/errors.ts';
import type { DeviceCandidate } from '../ports/device-candidate.ts';
import type { Microphone, MicrophoneSink } from '../ports/microphone.ts';
import { type DeviceNews, DeviceSuccession } from './device-succession.ts';
import { durationMs } from './format.ts';
import { levelDbfs } from './gain.ts';
import { createResampler, type Resampler } from './resampler.ts';

export interface FallbackMicrophoneOptions {
  readonly clock: Clock;
  /** Best first, at least one. */
  readonly candidates: readonly DeviceCandidate<Microphone>[];
  readonly news: DeviceNews<Microphone>;
}

/** A room in which nobody speaks, for so long. */
const QUIET_DBFS = -40;
const PAUSE_MS = 500;
/** A sound server that has crashed is back within it where somebody starts it anew. */
const PATIENCE_MS = 2_500;
const TRY_EVERY_MS = 250;
const SILENT_CHUNK_MS = 60;
/** Who is away again so soon after that is not waited for a second time. */
const RESTED_MS = 10_000;

/**
 * The best of several microphones. When it is lost the next one goes on, at the same rate; when it is back it is taken again
 * in a pause. When none can be opened there is silence for a moment, in which a sound server may come back; only then is
 * that an error, and the next `start` tries all of them again.
 */
export function createFallbackMicrophone(options: FallbackMicrophoneOptions): Microphone {
  return new FallbackMicrophone(options);
}

class FallbackMicrophone implements Microphone {
  readonly #succession: DeviceSuccession<Microphone>;
  #sink: MicrophoneSink | undefined;
  #name: string;
  #sampleRateHz = 0;
  #resampler: Resampler | undefined;
  #xrunsBefore = 0;
  #quietMs = 0;
  readonly #clock: Clock;
  /** Ends with the next start or stop: whoever waits under it waits for nothing then. */
  #open = new AbortController();
  #waitedAtMs = Number.NEGATIVE_INFINITY;
  #silenceTimer: TimerHandle;

  constructor(options: FallbackMicrophoneOptions) {
    this.#clock = options.clock;
    this.#name = options.candidates[0]?.spec ?? '';
    this.#succession = new DeviceSuccession({
      ...options,
      start: (device, onLost) => this.#startOne(device, onLost),
      isPause: () => this.#quietMs >= PAUSE_MS,
      onLeft: () => this.#leave(),
      onTaken: (device) => this.#use(device),
      onGone: (error) => void this.#comeBack(error),
    });
  }

  get name(): string {
    return this.#name;
  }

  get sampleRateHz(): number {
    return this.#sampleRateHz;
  }

  get xruns(): number {
    return this.#xrunsBefore + (this.#succession.device?.xruns ?? 0);
  }

  async start(sink: MicrophoneSink): Promise<void> {
    this.#begin();
    this.#leave();
    this.#sink = sink;
    this.#xrunsBefore = 0;
    const device = await this.#openFirst();
    if (!device) return;
    this.#sampleRateHz = device.sampleRateHz;
    this.#use(device);
  }

  stop(): Promise<void> {
    this.#begin();
    this.#sink = undefined;
    this.#leave();
    return this.#succession.close();
  }

  #begin(): void {
    this.#open.abort();
    this.#open = new AbortController();
    this.#clock.clearTimeout(this.#silenceTimer);
  }

  /** A sound server that does not answer at this moment may be starting anew; what is not plugged in is not waited for. */
  async #openFirst(): Promise<Microphone | undefined> {
    const { signal } = this.#open;
    try {
      return await this.#succession.open();
    } catch (thrown) {
      const isAway = thrown instanceof ClientError && thrown.retryable;
      if (!isAway || signal.aborted || !this.#mayWait()) throw thrown;
      const device = await this.#openSoon(signal);
      if (!device && !signal.aborted) throw thrown;
      return device;
    }
  }

  /** None is left: silence, until one is back. */
  async #comeBack(error: ClientError): Promise<void> {
    const { signal } = this.#open;
    if (this.#mayWait()) {
      this.#giveSilence();
      const device = await this.#openSoon(signal);
      if (signal.aborted) return;
      this.#clock.clearTimeout(this.#silenceTimer);
      if (device) return this.#use(device);
    }
    this.#sink?.onError(error);
  }

  #mayWait(): boolean {
    if (this.#clock.now() - this.#waitedAtMs < RESTED_MS) return false;
    this.#waitedAtMs = this.#clock.now();
    return true;
  }

  #giveSilence(): void {
    this.#sink?.onChunk(new Int16Array(Math.round((this.#sampleRateHz * SILENT_CHUNK_MS) / 1000)));
    this.#silenceTimer = this.#clock.setTimeout(() => this.#giveSilence(), SILENT_CHUNK_MS);
  }

  /** Undefined when none can be opened in time, or nobody waits any more. */
  async #openSoon(signal: AbortSignal): Promise<Microphone | undefined> {
    const untilMs = this.#clock.now() + PATIENCE_MS;
    while (this.#clock.now() < untilMs) {
      await wait(this.#clock, TRY_EVERY_MS, signal);
      if (signal.aborted) return undefined;
      const device = await this.#succession.open().catch(() => undefined);
      if (device) return device;
    }
    return undefined;
  }

  #startOne(device: Microphone, onError: (error: ClientError) => void): Promise<void> {
    const onChunk = (pcm: Int16Array) => this.#hear(pcm, device.sampleRateHz);
    return device.start({ onChunk, onError });
  }

  #use(device: Microphone): void {
    this.#name = device.name;
    this.#resampler = createResampler(device.sampleRateHz, this.#sampleRateHz);
  }

  #leave(): void {
    this.#xrunsBefore = this.xruns;
    this.#resampler = undefined;
    this.#quietMs = 0;
  }

  /** What comes before a start is over is of no known rate, and is not heard. */
  #hear(pcm: Int16Array, sampleRateHz: number): void {
    if (!this.#resampler || !this.#sink) return;
    this.#quietMs = levelDbfs(pcm) < QUIET_DBFS ? this.#quietMs + durationMs(pcm.length, sampleRateHz) : 0;
    const sound = this.#resampler.push(pcm);
    if (sound.length > 0) this.#sink.onChunk(sound);
  }
}
