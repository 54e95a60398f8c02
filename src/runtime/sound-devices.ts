import type { Downlink } from '../audio/downlink.ts';
import type { NearEnd } from '../audio/near-end.ts';
import type { Uplink } from '../audio/uplink.ts';
import { watchLoudspeaker } from '../audio/watched-loudspeaker.ts';
import { backoffDelayMs } from '../core/backoff.ts';
import type { Clock, TimerHandle } from '../core/clock.ts';
import { type ClientError, ErrorCode, toClientError } from '../core/errors.ts';
import type { AudioPaths } from '../machine/projections.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import type { Microphone } from '../ports/microphone.ts';
import { SwitchedResource } from './switched-resource.ts';

export interface SoundDeviceParts {
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  readonly uplink: Uplink;
  readonly downlink: Downlink;
  readonly nearEnd: NearEnd;
  readonly clock: Clock;
  readonly onMicrophoneFailed: (error: ClientError) => void;
  readonly onLoudspeakerFailed: (error: ClientError) => void;
}

/** Somebody may plug it in again; meanwhile a program that cannot be started must not be started all the time. */
const microphoneRetry = { firstMs: 1_000, maxMs: 60_000 };

/**
 * Opens and closes microphone and loudspeaker as the state of the machine demands. A microphone that broke is tried again
 * while it is wanted: a device that waits for its wake word wants it for days, and would be deaf ever after.
 */
export class SoundDevices {
  readonly #microphone: SwitchedResource;
  readonly #loudspeaker: SwitchedResource;
  readonly #clock: Clock;
  #failures = 0;
  #retry: TimerHandle;

  constructor(parts: SoundDeviceParts) {
    this.#clock = parts.clock;
    const onMicrophoneFailed = (error: ClientError) => {
      this.#tryAgainLater();
      parts.onMicrophoneFailed(error);
    };
    const onMicrophoneHeard = () => {
      if (this.#failures === 0) return;
      this.#failures = 0;
      // Opened anew by another wish meanwhile: nothing is left to be tried.
      this.#clock.clearTimeout(this.#retry);
    };
    this.#microphone = new SwitchedResource(
      microphoneSwitch({ ...parts, onMicrophoneFailed }, onMicrophoneHeard),
    );
    this.#loudspeaker = new SwitchedResource(loudspeakerSwitch(parts));
  }

  follow({ microphone, loudspeaker }: Pick<AudioPaths, 'microphone' | 'loudspeaker'>): void {
    if (microphone !== 'keep') this.#microphone.set(microphone === 'open');
    this.#loudspeaker.set(loudspeaker === 'open');
  }

  async stop(): Promise<void> {
    await Promise.all([this.#microphone.stop(), this.#loudspeaker.stop()]);
    this.#clock.clearTimeout(this.#retry);
  }

  #tryAgainLater(): void {
    this.#clock.clearTimeout(this.#retry);
    this.#retry = this.#clock.setTimeout(
      () => this.#microphone.reopen(),
      backoffDelayMs(this.#failures, microphoneRetry),
    );
    this.#failures += 1;
  }
}

function microphoneSwitch({ microphone, uplink, onMicrophoneFailed }: SoundDeviceParts, onHeard: () => void) {
  return {
    open: async () => {
      let rateKnown = false;
      const onChunk = (pcm: Int16Array) => {
        if (!rateKnown) return;
        onHeard();
        uplink.push(pcm);
      };
      try {
        await microphone.start({ onChunk, onError: onMicrophoneFailed });
        uplink.useInputRate(microphone.sampleRateHz);
        rateKnown = true;
      } catch (thrown) {
        onMicrophoneFailed(toClientError(thrown, ErrorCode.audioDeviceMissing));
      }
    },
    close: () => microphone.stop(),
  };
}

function loudspeakerSwitch({ loudspeaker, downlink, nearEnd, onLoudspeakerFailed }: SoundDeviceParts) {
  const lost = (error: ClientError) => {
    downlink.disconnect();
    onLoudspeakerFailed(error);
  };
  return {
    open: async () => {
      downlink.expectOutput();
      try {
        await loudspeaker.start(lost);
        downlink.connect(watchLoudspeaker(loudspeaker, nearEnd));
      } catch (thrown) {
        lost(toClientError(thrown, ErrorCode.audioDeviceMissing));
      }
    },
    close: async () => {
      downlink.disconnect();
      await loudspeaker.stop();
    },
  };
}
