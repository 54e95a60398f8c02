import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Microphone, MicrophoneSink } from '../../ports/microphone.ts';
import { createPcmReader } from './pcm-bytes.ts';
import { findPortAudioDevice, type OpenedPortAudio, openPortAudio } from './portaudio.ts';

const PREFERRED_RATE_HZ = 16_000;

/** @param device number or part of the name; undefined is the default device */
export function createPortAudioMicrophone(device?: string): Microphone {
  return new PortAudioMicrophone(device);
}

class PortAudioMicrophone implements Microphone {
  readonly name: string;
  readonly #device: string | undefined;
  #opened: OpenedPortAudio | undefined;
  /** Counts starts and stops, so that a start knows whether it is still wanted. */
  #generation = 0;

  constructor(device: string | undefined) {
    this.name = device === undefined ? 'portaudio' : `portaudio:${device}`;
    this.#device = device;
  }

  get sampleRateHz(): number {
    return this.#opened?.sampleRateHz ?? 0;
  }

  async start(sink: MicrophoneSink): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    await this.#close();
    const device = await findPortAudioDevice('input', this.#device);
    if (generation !== this.#generation) return;
    const opened = openPortAudio('input', device, PREFERRED_RATE_HZ);
    this.#opened = opened;
    const read = createPcmReader((pcm) => {
      if (this.#opened === opened) sink.onChunk(pcm);
    });
    const lost = (reason: string) => {
      if (this.#opened !== opened) return;
      this.#opened = undefined;
      sink.onError(
        new ClientError(
          ErrorCode.audioDeviceLost,
          `The microphone ${this.name} was lost (${reason}). Check that it is plugged in.`,
          { retryable: true },
        ),
      );
    };
    opened.stream.on('data', read);
    opened.stream.on('error', (error) => lost(messageOf(error)));
    opened.stream.once('end', () => lost('the sound system closed it'));
  }

  stop(): Promise<void> {
    this.#generation += 1;
    return this.#close();
  }

  async #close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened) await new Promise<void>((resolve) => opened.stream.quit(resolve));
  }
}
