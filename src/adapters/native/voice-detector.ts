import type { NativeAddon, VoiceDetector as NativeClass } from '../../../native/index.js';
import type { VoiceDetector } from '../../ports/voice-detector.ts';

type NativeVoiceDetectorClass = NonNullable<NativeAddon['VoiceDetector']>;

const SAMPLE_RATE_HZ = 16_000;
/** A false alarm costs an interrupted answer, a missed frame only 10 ms. */
const AGGRESSIVENESS = 3;

/** WebRTC's detector. */
export class NativeVoiceDetector implements VoiceDetector {
  readonly sampleRateHz = SAMPLE_RATE_HZ;
  readonly #Native: NativeVoiceDetectorClass;
  #native: NativeClass;

  constructor(Native: NativeVoiceDetectorClass) {
    this.#Native = Native;
    this.#native = this.#create();
  }

  isSpeech(frame: Int16Array): boolean {
    return this.#native.isSpeech(frame);
  }

  reset(): void {
    this.#native.close();
    this.#native = this.#create();
  }

  #create(): NativeClass {
    return new this.#Native({ sampleRateHz: SAMPLE_RATE_HZ, aggressiveness: AGGRESSIVENESS });
  }
}
