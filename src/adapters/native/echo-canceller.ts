import type { NativeAddon, EchoCanceller as NativeClass } from '../../../native/index.js';
import { samplesPerFrame } from '../../audio/format.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { EchoCanceller, EchoCancellerSettings } from '../../ports/echo-canceller.ts';

const FRAME_MS = 10;
const LONGEST_DELAY_MS = 2_000;

/** WebRTC audio processing and speexdsp, as far as the add-on was built with them. */
export class NativeEchoCanceller implements EchoCanceller {
  readonly sampleRateHz: number;
  readonly samplesPerFrame: number;
  readonly #native: NativeClass;

  constructor(Native: NonNullable<NativeAddon['EchoCanceller']>, settings: EchoCancellerSettings) {
    this.sampleRateHz = settings.sampleRateHz;
    this.samplesPerFrame = samplesPerFrame(settings.sampleRateHz, FRAME_MS);
    this.#native = guarded(() => new Native({ ...settings, echoCancellation: true }));
  }

  process(near: Int16Array, far: Int16Array, delayMs: number): void {
    const wholeMs = Math.max(0, Math.min(LONGEST_DELAY_MS, Math.round(delayMs)));
    guarded(() => {
      this.#native.processRender(far);
      this.#native.processCapture(near, wholeMs);
    });
  }

  close(): void {
    this.#native.close();
  }
}

function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new ClientError(
      ErrorCode.internal,
      `The echo canceller failed (${messageOf(error)}). Set audio.aec to "off" and report this.`,
      { cause: error },
    );
  }
}
