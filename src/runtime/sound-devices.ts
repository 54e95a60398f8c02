import type { Downlink } from '../audio/downlink.ts';
import type { NearEnd } from '../audio/near-end.ts';
import type { Uplink } from '../audio/uplink.ts';
import { watchLoudspeaker } from '../audio/watched-loudspeaker.ts';
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
  readonly onMicrophoneFailed: (error: ClientError) => void;
  readonly onLoudspeakerFailed: (error: ClientError) => void;
}

/** Opens and closes microphone and loudspeaker as the state of the machine demands. */
export class SoundDevices {
  readonly #microphone: SwitchedResource;
  readonly #loudspeaker: SwitchedResource;

  constructor(parts: SoundDeviceParts) {
    this.#microphone = new SwitchedResource(microphoneSwitch(parts));
    this.#loudspeaker = new SwitchedResource(loudspeakerSwitch(parts));
  }

  follow({ microphone, loudspeaker }: Pick<AudioPaths, 'microphone' | 'loudspeaker'>): void {
    if (microphone !== 'keep') this.#microphone.set(microphone === 'open');
    this.#loudspeaker.set(loudspeaker === 'open');
  }

  async stop(): Promise<void> {
    await Promise.all([this.#microphone.stop(), this.#loudspeaker.stop()]);
  }
}

function microphoneSwitch({ microphone, uplink, onMicrophoneFailed }: SoundDeviceParts) {
  return {
    open: async () => {
      let rateKnown = false;
      const onChunk = (pcm: Int16Array) => {
        if (rateKnown) uplink.push(pcm);
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
        downlink.connect(
          watchLoudspeaker(loudspeaker, (pcm, sampleRateHz, pendingMs) =>
            nearEnd.played(pcm, sampleRateHz, pendingMs),
          ),
        );
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
