import type { Clock } from '../core/clock.ts';
import type { DeviceCandidate } from '../ports/device-candidate.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import { type DeviceNews, DeviceSuccession } from './device-succession.ts';
import { durationMs } from './format.ts';
import { createResampler, type Resampler } from './resampler.ts';

export interface FallbackLoudspeakerOptions {
  readonly clock: Clock;
  /** Best first, at least one. */
  readonly candidates: readonly DeviceCandidate<Loudspeaker>[];
  /** Takes its time and is heard by nobody: goes on when none of them can be opened. Its start never fails. */
  readonly silence: Loudspeaker;
  readonly news: DeviceNews<Loudspeaker>;
}

interface Held {
  readonly pcm: Int16Array;
  readonly resolve: () => void;
}

/**
 * The best of several loudspeakers. When it is lost in the middle of a word the next one goes on, at the same rate, with what
 * had not been written yet; when it is back it is taken again as soon as nothing is being heard. There is always one: the
 * start does not fail, and `onError` is never called.
 */
export function createFallbackLoudspeaker(options: FallbackLoudspeakerOptions): Loudspeaker {
  return new FallbackLoudspeaker(options);
}

class FallbackLoudspeaker implements Loudspeaker {
  readonly #succession: DeviceSuccession<Loudspeaker>;
  readonly #silence: Loudspeaker;
  #open = false;
  #name: string;
  #sampleRateHz = 0;
  #resampler: Resampler | undefined;
  /** What was written while there is no device: the newest, because whoever writes waits. */
  #held: Held | undefined;
  #unheard = 0;

  constructor({ clock, candidates, silence, news }: FallbackLoudspeakerOptions) {
    this.#name = candidates[0]?.spec ?? '';
    this.#silence = silence;
    this.#succession = new DeviceSuccession({
      clock,
      candidates: [...candidates, certain(silence)],
      silence,
      news,
      start: (device, onLost) => device.start(onLost),
      isPause: () => this.#succession.device === silence || this.pendingMs() === 0,
      onLeft: () => this.#leave(),
      onTaken: (device) => this.#use(device),
      // Silence is never lost.
      onGone: () => {},
    });
  }

  get name(): string {
    return this.#name;
  }

  get sampleRateHz(): number {
    return this.#sampleRateHz;
  }

  get xruns(): number {
    return this.#unheard + (this.#succession.device?.xruns ?? 0);
  }

  get isUnheard(): boolean {
    return this.#succession.device === this.#silence;
  }

  async start(): Promise<void> {
    this.#leave();
    this.#open = true;
    this.#unheard = 0;
    const device = await this.#succession.open();
    if (!device) return;
    this.#sampleRateHz = device.sampleRateHz;
    this.#use(device);
  }

  write(pcm: Int16Array): Promise<void> {
    if (!this.#open || pcm.length === 0) return Promise.resolve();
    const { device } = this.#succession;
    if (device && this.#resampler) return device.write(this.#resampler.push(pcm));
    if (this.#held) this.#unheard += 1;
    this.#release();
    return new Promise((resolve) => {
      this.#held = { pcm, resolve };
    });
  }

  flush(): void {
    this.#release();
    this.#succession.device?.flush();
    this.#resampler?.reset();
  }

  pendingMs(): number {
    if (this.#held) return durationMs(this.#held.pcm.length, this.#sampleRateHz);
    return this.#succession.device?.pendingMs() ?? 0;
  }

  stop(): Promise<void> {
    this.#open = false;
    this.#leave();
    this.#release();
    return this.#succession.close();
  }

  #use(device: Loudspeaker): void {
    this.#name = device.name;
    this.#resampler = createResampler(this.#sampleRateHz, device.sampleRateHz);
    const held = this.#held;
    this.#held = undefined;
    if (held) void this.write(held.pcm).then(held.resolve);
  }

  #leave(): void {
    this.#unheard += this.#succession.device?.xruns ?? 0;
    this.#resampler = undefined;
  }

  #release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }
}

function certain(device: Loudspeaker): DeviceCandidate<Loudspeaker> {
  return { spec: device.name, isThere: () => Promise.resolve(true), open: () => Promise.resolve(device) };
}
