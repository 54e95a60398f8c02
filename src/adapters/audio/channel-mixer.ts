import type { ChannelChoice } from '../../ports/microphone.ts';

export interface ChannelMixerOptions {
  readonly channels: number;
  readonly sampleRateHz: number;
  /** Not given: the mean of two, and of more the first that is alive (arrays put the processed voice there). */
  readonly choice?: ChannelChoice | undefined;
  /** The channels are each other's opposite, so that their mean is silence; told once, and one of them is used from then on. */
  readonly onCancelling?: () => void;
}

/** A channel in which nothing moves for so long is not connected. */
const DEAD_MS = 300;
const DEAD_SWING = 2;
/** Channels whose mean has this much less energy than they have themselves, for so long, cancel each other. */
const CANCELLING_SHARE = 0.05;
const CANCELLING_MS = 300;
/** −50 dBFS: what is softer is noise, and the noises of two microphones have nothing to do with each other. */
const LOUD_POWER = (32_768 * 10 ** (-50 / 20)) ** 2;

/**
 * Makes one channel of several. The mean of many is what sound servers do, and wrong for microphone arrays: one live channel
 * of six is 16 dB too soft, and two in antiphase are silence.
 */
export class ChannelMixer {
  readonly #options: ChannelMixerOptions;
  readonly #stillMs: number[];
  /** The beginning of a moment of which not all channels have come. */
  #carried = new Int16Array(0);
  #best = 0;
  #cancellingMs = 0;
  #cancels = false;

  constructor(options: ChannelMixerOptions) {
    this.#options = options;
    this.#stillMs = new Array<number>(options.channels).fill(0);
  }

  /** @param chunk interleaved, cut anywhere; lent. @returns mono: the chunk itself where it is */
  push(chunk: Int16Array): Int16Array {
    const { channels, choice } = this.#options;
    if (channels === 1) return chunk;
    const pcm = this.#whole(chunk);
    const mono = new Int16Array(Math.floor(pcm.length / channels));
    if (typeof choice === 'number') return pick(pcm, channels, choice, mono);
    this.#look(pcm);
    const mixes = (choice ?? (channels === 2 ? 'mix' : 'best')) === 'mix' && !this.#cancels;
    return mixes ? this.#mean(pcm, mono) : pick(pcm, channels, this.#best, mono);
  }

  #whole(chunk: Int16Array): Int16Array {
    const { channels } = this.#options;
    const all = new Int16Array(this.#carried.length + chunk.length);
    all.set(this.#carried);
    all.set(chunk, this.#carried.length);
    const whole = all.length - (all.length % channels);
    this.#carried = all.slice(whole);
    return all.subarray(0, whole);
  }

  /** Finds out which channels are alive, and stays with the one in use as long as it is. */
  #look(pcm: Int16Array): void {
    const { channels, sampleRateHz } = this.#options;
    const chunkMs = (pcm.length / channels / sampleRateHz) * 1000;
    for (let channel = 0; channel < channels; channel++) {
      const still = swingOf(pcm, channels, channel) <= DEAD_SWING;
      this.#stillMs[channel] = still ? (this.#stillMs[channel] as number) + chunkMs : 0;
    }
    if (!this.#isDead(this.#best)) return;
    const alive = this.#stillMs.indexOf(0);
    if (alive >= 0) this.#best = alive;
  }

  #isDead(channel: number): boolean {
    return (this.#stillMs[channel] as number) >= DEAD_MS;
  }

  #mean(pcm: Int16Array, mono: Int16Array): Int16Array {
    const { channels } = this.#options;
    const used = [...this.#stillMs.keys()].filter((channel) => !this.#isDead(channel));
    let own = 0;
    let mixed = 0;
    for (let at = 0; at < mono.length; at++) {
      let sum = 0;
      for (const channel of used) {
        const sample = pcm[at * channels + channel] as number;
        sum += sample;
        own += sample * sample;
      }
      const mean = used.length === 0 ? 0 : Math.round(sum / used.length);
      mono[at] = mean;
      mixed += mean * mean;
    }
    this.#watchCancelling(own / Math.max(1, used.length), mixed, mono.length);
    return mono;
  }

  #watchCancelling(own: number, mixed: number, samples: number): void {
    if (own < LOUD_POWER * samples) return;
    const ms = (samples / this.#options.sampleRateHz) * 1000;
    this.#cancellingMs = mixed < own * CANCELLING_SHARE ? this.#cancellingMs + ms : 0;
    if (this.#cancellingMs < CANCELLING_MS) return;
    this.#cancels = true;
    this.#options.onCancelling?.();
  }
}

function pick(pcm: Int16Array, channels: number, channel: number, mono: Int16Array): Int16Array {
  for (let at = 0; at < mono.length; at++) mono[at] = pcm[at * channels + channel] ?? 0;
  return mono;
}

function swingOf(pcm: Int16Array, channels: number, channel: number): number {
  let low = 32_767;
  let high = -32_768;
  for (let at = channel; at < pcm.length; at += channels) {
    const sample = pcm[at] as number;
    if (sample < low) low = sample;
    if (sample > high) high = sample;
  }
  return high - low;
}
