import type { Clock } from '../core/clock.ts';
import type { ClientError } from '../core/errors.ts';
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

/**
 * The best of several microphones. When it is lost the next one goes on, at the same rate; when it is back it is taken again
 * in a pause. Only when none can be opened is that an error, and the next `start` tries all of them again.
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

  constructor(options: FallbackMicrophoneOptions) {
    this.#name = options.candidates[0]?.spec ?? '';
    this.#succession = new DeviceSuccession({
      ...options,
      start: (device, onLost) => this.#startOne(device, onLost),
      isPause: () => this.#quietMs >= PAUSE_MS,
      onLeft: () => this.#leave(),
      onTaken: (device) => this.#use(device),
      onGone: (error) => this.#sink?.onError(error),
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
    this.#leave();
    this.#sink = sink;
    this.#xrunsBefore = 0;
    const device = await this.#succession.open();
    if (!device) return;
    this.#sampleRateHz = device.sampleRateHz;
    this.#use(device);
  }

  stop(): Promise<void> {
    this.#sink = undefined;
    this.#leave();
    return this.#succession.close();
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
