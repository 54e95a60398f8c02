import type { VoiceDetector } from '../ports/voice-detector.ts';
import { levelDbfs } from './gain.ts';

/** Below this nothing is speech, however quiet the room: keeps codec noise after digital silence from counting. */
const QUIETEST_SPEECH_DBFS = -50;
/** How far speech must stand above the noise, and how far it may fall back while it goes on. */
const ENTER_ABOVE_NOISE_DB = 12;
const STAY_ABOVE_NOISE_DB = 8;
const QUIETEST_FLOOR_DBFS = -75;
/** The floor follows a quieter frame fast and a louder one slowly: 1.5 dB a second outlasts any pause-free sentence. */
const FLOOR_FALL_SHARE = 0.3;
const FLOOR_RISE_DB = 0.015;

/**
 * Energy against a tracked noise floor, in frames of 10 ms. Made for clean input, where it is exact and costs nothing: it
 * finds the ends of a turn in the demo server, which hears recordings and near microphones. A noisy room wants a trained
 * detector from a library behind the same method.
 */
export class EnergyVoiceDetector implements VoiceDetector {
  readonly sampleRateHz: number;
  #noiseFloorDbfs = -60;
  #voiced = false;

  constructor(sampleRateHz: number) {
    this.sampleRateHz = sampleRateHz;
  }

  isSpeech(frame: Int16Array): boolean {
    const level = Math.max(QUIETEST_FLOOR_DBFS, levelDbfs(frame));
    const margin = this.#voiced ? STAY_ABOVE_NOISE_DB : ENTER_ABOVE_NOISE_DB;
    this.#voiced = level > Math.max(QUIETEST_SPEECH_DBFS, this.#noiseFloorDbfs + margin);
    const distance = level - this.#noiseFloorDbfs;
    this.#noiseFloorDbfs += distance < 0 ? distance * FLOOR_FALL_SHARE : Math.min(distance, FLOOR_RISE_DB);
    return this.#voiced;
  }

  reset(): void {
    this.#noiseFloorDbfs = -60;
    this.#voiced = false;
  }
}
