import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Capture, CaptureSink } from './capture.ts';
import { isServerAway, openingAdvice } from './opening-advice.ts';
import { openSoundHelper, type SoundHelper } from './sound-helper.ts';
import { Watchdog } from './watchdog.ts';

export interface PortAudioCaptureOptions {
  readonly clock: Clock;
  /** Number, name or part of the name; undefined is the default device. */
  readonly device?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const PREFERRED_RATE_HZ = 16_000;
/** Sound comes every 10 ms, silence included. */
const SILENCE_LIMIT_MS = 2_000;
/** One period of 10 ms, and PortAudio's own buffer. */
export const PORTAUDIO_INPUT_LATENCY_MS = 20;

/** A microphone through PortAudio (package naudiodon), in a helper process. */
export function createPortAudioCapture(options: PortAudioCaptureOptions): Capture {
  return new PortAudioCapture(options);
}

class PortAudioCapture implements Capture {
  readonly name: string;
  readonly #options: PortAudioCaptureOptions;
  #helper: SoundHelper | undefined;
  #watchdog: Watchdog | undefined;
  #sampleRateHz = 0;
  #channels = 1;
  /** Counts starts and stops, so that a start knows whether it is still wanted. */
  #generation = 0;

  constructor(options: PortAudioCaptureOptions) {
    this.name = options.device === undefined ? 'portaudio' : `portaudio:${options.device}`;
    this.#options = options;
  }

  get sampleRateHz(): number {
    return this.#sampleRateHz;
  }

  get channels(): number {
    return this.#channels;
  }

  get xruns(): number {
    return this.#helper?.xruns ?? 0;
  }

  async open(sink: CaptureSink): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    await this.#closeHelper();
    const wanted = () => generation === this.#generation;
    const onPcm = (pcm: Int16Array) => {
      this.#watchdog?.feed();
      if (this.#helper && wanted()) sink.onSound(pcm);
    };
    const onLost = (reason: string) => {
      if (!wanted()) return;
      this.#generation += 1;
      void this.#closeHelper();
      sink.onError(deviceLost(this.name, reason));
    };
    const helper = await this.#openHelper(onPcm, onLost);
    if (!wanted()) return helper.close();
    this.#sampleRateHz = helper.sampleRateHz;
    this.#channels = helper.channels;
    this.#helper = helper;
    this.#watchdog = new Watchdog(this.#options.clock, SILENCE_LIMIT_MS, () =>
      onLost('no sound comes from it'),
    );
  }

  close(): Promise<void> {
    this.#generation += 1;
    return this.#closeHelper();
  }

  async #openHelper(
    onPcm: (pcm: Int16Array) => void,
    onLost: (reason: string) => void,
  ): Promise<SoundHelper> {
    const { clock, device, env = process.env } = this.#options;
    const kind = 'portaudio-input';
    try {
      return await openSoundHelper({
        clock,
        kind,
        device,
        sampleRateHz: PREFERRED_RATE_HZ,
        env,
        onPcm,
        onLost,
      });
    } catch (error) {
      throw new ClientError(
        ErrorCode.audioDeviceMissing,
        `The microphone ${this.name} cannot be opened (${messageOf(error)}). ${openingAdvice(messageOf(error))}`,
        { cause: error, retryable: isServerAway(messageOf(error)) },
      );
    }
  }

  async #closeHelper(): Promise<void> {
    const helper = this.#helper;
    this.#helper = undefined;
    this.#watchdog?.stop();
    await helper?.close();
  }
}

function deviceLost(name: string, reason: string): ClientError {
  return new ClientError(
    ErrorCode.audioDeviceLost,
    `The microphone ${name} was lost (${reason}). Check that it is plugged in.`,
    { retryable: true },
  );
}
