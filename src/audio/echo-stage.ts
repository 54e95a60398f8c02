import type { Clock } from '../core/clock.ts';
import { type ClientError, toClientError } from '../core/errors.ts';
import type { EchoCanceller } from '../ports/echo-canceller.ts';
import { CaptureClock } from './capture-clock.ts';
import { EchoPlace } from './echo-place.ts';
import { EchoReference } from './echo-reference.ts';
import { durationMs } from './format.ts';
import { Framer } from './framer.ts';
import { levelDbfs } from './gain.ts';
import { OwnVoice } from './own-voice.ts';
import { PlaybackDrift } from './playback-drift.ts';
import { createResampler, type Resampler } from './resampler.ts';

export interface EchoStageOptions {
  readonly canceller: EchoCanceller;
  readonly clock: Clock;
  /** Called once at most: from then on sound passes as it is. */
  readonly onProblem: (error: ClientError) => void;
}

export interface EchoCounters {
  /** Frames of 10 ms, and those of them during which the loudspeaker could be heard. */
  readonly frames: number;
  readonly farFrames: number;
  /** By how much the echo comes later than the loudspeaker promised; undefined until it is known. */
  readonly delayMs: number | undefined;
  /** How often the far end had to be moved to where the echo is. */
  readonly realigned: number;
  /** Echo return loss enhancement of the last seconds of far end, in dB: the near end before over after. */
  readonly erleDb: number | undefined;
}

const AUDIBLE_DBFS = -50;
const MEMORY_FRAMES = 100;

/**
 * Near end and far end side by side: what the loudspeaker plays goes in when it is written, what the microphone hears comes
 * out without it, in frames of 10 ms at the canceller's rate.
 */
export class EchoStage {
  readonly #options: EchoStageOptions;
  readonly #reference: EchoReference;
  readonly #place: EchoPlace;
  readonly #ownVoice: OwnVoice;
  readonly #captureClock: CaptureClock;
  readonly #drift = new PlaybackDrift();
  readonly #framer: Framer;
  readonly #far: Int16Array;
  #nearResampler: Resampler;
  #farResampler: Resampler;
  #nearRateHz: number;
  #farRateHz: number;
  #onFrame: (frame: Int16Array) => void = () => {};
  /** When the frame that is being filled began to be captured. */
  #frameStartMs = 0;
  /** When what has been delivered last had been captured; undefined before the first. */
  #nearEndMs: number | undefined;
  /** Samples of the frame that is being filled. */
  #carried = 0;
  #failed = false;
  #frames = 0;
  #farFrames = 0;
  #energyBefore = 0;
  #energyAfter = 0;

  constructor(options: EchoStageOptions) {
    const { sampleRateHz, samplesPerFrame } = options.canceller;
    this.#options = options;
    this.#reference = new EchoReference(sampleRateHz);
    this.#place = new EchoPlace(sampleRateHz);
    this.#ownVoice = new OwnVoice(this.#place, sampleRateHz);
    this.#captureClock = new CaptureClock(options.clock);
    this.#framer = new Framer(samplesPerFrame, (frame) => this.#process(frame));
    this.#far = new Int16Array(samplesPerFrame);
    this.#nearRateHz = sampleRateHz;
    this.#farRateHz = sampleRateHz;
    this.#nearResampler = createResampler(sampleRateHz, sampleRateHz);
    this.#farResampler = createResampler(sampleRateHz, sampleRateHz);
  }

  get counters(): EchoCounters {
    const heard = this.#energyAfter > 0 && this.#energyBefore > 0;
    return {
      frames: this.#frames,
      farFrames: this.#farFrames,
      delayMs: this.#place.delayMs,
      realigned: this.#place.moves,
      erleDb: heard ? 10 * Math.log10(this.#energyBefore / this.#energyAfter) : undefined,
    };
  }

  /** See `OwnVoiceWitness`. A canceller that has failed leaves everything, and then nobody knows. */
  mayBeOwnVoice(): boolean {
    return !this.#failed && this.#ownVoice.mayBe();
  }

  /** The microphone starts. `onFrame` gets cleaned sound; the array is lent. */
  beginNear(onFrame: (frame: Int16Array) => void): void {
    this.#onFrame = onFrame;
    this.#framer.reset();
    this.#carried = 0;
    this.#nearEndMs = undefined;
    this.#captureClock.reset();
    this.#nearResampler.reset();
  }

  /** What the microphone has just delivered; lent. */
  pushNear(pcm: Int16Array, sampleRateHz: number): void {
    const { sampleRateHz: rateHz, samplesPerFrame } = this.#options.canceller;
    if (sampleRateHz !== this.#nearRateHz) {
      this.#nearResampler = createResampler(sampleRateHz, rateHz);
      this.#nearRateHz = sampleRateHz;
    }
    const near = this.#nearResampler.push(pcm);
    const lengthMs = durationMs(near.length, rateHz);
    const startMs = this.#captureClock.push(lengthMs);
    const jumpMs = startMs - (this.#nearEndMs ?? startMs);
    if (Math.abs(jumpMs) > 1) this.#place.setNearClock(jumpMs);
    this.#nearEndMs = startMs + lengthMs;
    this.#frameStartMs = startMs - durationMs(this.#carried, rateHz);
    this.#carried = (this.#carried + near.length) % samplesPerFrame;
    this.#framer.push(near);
  }

  /** What has been given to the loudspeaker, and when its first sample will be heard. The array is lent. */
  pushFar(pcm: Int16Array, sampleRateHz: number, startMs: number): void {
    if (sampleRateHz !== this.#farRateHz) {
      this.#farResampler = createResampler(sampleRateHz, this.#options.canceller.sampleRateHz);
      this.#farRateHz = sampleRateHz;
    }
    const driftMs = this.#drift.push(startMs, durationMs(pcm.length, sampleRateHz));
    if (driftMs !== 0) {
      this.#reference.setClock(driftMs);
      this.#place.setFarClock(driftMs);
    }
    this.#reference.write(this.#farResampler.push(pcm), startMs);
    this.#place.pushFar(pcm, sampleRateHz, startMs);
  }

  /** The loudspeaker falls silent at `atMs`: what was to be heard later is not heard. */
  cutFar(atMs: number): void {
    this.#reference.cut(atMs);
    this.#place.cutFar(atMs);
    this.#farResampler.reset();
  }

  #process(frame: Int16Array): void {
    const startMs = this.#frameStartMs;
    this.#frameStartMs += durationMs(frame.length, this.#options.canceller.sampleRateHz);
    if (!this.#failed) this.#cancel(frame, startMs);
    this.#onFrame(frame);
  }

  #cancel(near: Int16Array, startMs: number): void {
    this.#reference.read(this.#far, startMs);
    const endMs = startMs + durationMs(near.length, this.#options.canceller.sampleRateHz);
    this.#place.hear(near, this.#far, endMs);
    this.#frames += 1;
    this.#reference.read(this.#far, startMs - this.#place.shiftMs);
    const before = energyOf(near);
    try {
      this.#options.canceller.process(near, this.#far, this.#place.delayInFilterMs);
    } catch (thrown) {
      this.#failed = true;
      this.#options.onProblem(toClientError(thrown));
      return;
    }
    const after = energyOf(near);
    this.#ownVoice.hear(near, endMs, before, after);
    // A server takes the device's own words for those of the person, and stops the answer.
    if (this.#ownVoice.isEchoLeft) near.fill(0);
    if (levelDbfs(this.#far) > AUDIBLE_DBFS) this.#measure(before, after);
  }

  #measure(before: number, after: number): void {
    const kept = 1 - 1 / MEMORY_FRAMES;
    this.#farFrames += 1;
    this.#energyBefore = this.#energyBefore * kept + before;
    this.#energyAfter = this.#energyAfter * kept + after;
  }
}

function energyOf(pcm: Int16Array): number {
  let energy = 0;
  for (let i = 0; i < pcm.length; i++) energy += (pcm[i] as number) ** 2;
  return energy;
}
