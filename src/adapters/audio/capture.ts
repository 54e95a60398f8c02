import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ChannelChoice, Microphone, MicrophoneSink } from '../../ports/microphone.ts';
import { ChannelMixer } from './channel-mixer.ts';

/** Where a capture delivers. Neither function may throw. */
export interface CaptureSink {
  /** Interleaved 16-bit PCM of all channels, cut anywhere; lent. */
  onSound(pcm: Int16Array): void;
  /** The device is gone or broken; no sound follows. At most once per `open`. */
  onError(error: ClientError): void;
}

/**
 * A way to record: sound as the device has it, with all its channels. It is no `Microphone`, so that none can be used past
 * `microphoneOf`, the one place where a channel is chosen.
 */
export interface Capture {
  readonly name: string;
  /** Known once the first sound comes. */
  readonly sampleRateHz: number;
  /** Likewise. 1 also where somebody else has mixed them already. */
  readonly channels: number;
  readonly xruns: number;
  /** As `Microphone.start`. */
  open(sink: CaptureSink): Promise<void>;
  /** As `Microphone.stop`. */
  close(): Promise<void>;
}

export interface ChannelUse {
  /** Which channel is heard, where there are several. */
  readonly channel?: ChannelChoice | undefined;
  /** Something that does not keep it from working: a sentence for the person. */
  readonly onProblem?: ((error: ClientError) => void) | undefined;
}

/** The microphone that a capture is, by whatever way it records: one channel of it, or what is made of several. */
export function microphoneOf(capture: Capture, use: ChannelUse = {}): Microphone {
  return new ChannelMicrophone(capture, use);
}

class ChannelMicrophone implements Microphone {
  readonly #capture: Capture;
  readonly #use: ChannelUse;
  #generation = 0;
  #unusedTold = false;

  constructor(capture: Capture, use: ChannelUse) {
    this.#capture = capture;
    this.#use = use;
  }

  get name(): string {
    return this.#capture.name;
  }

  get sampleRateHz(): number {
    return this.#capture.sampleRateHz;
  }

  get xruns(): number {
    return this.#capture.xruns;
  }

  async start(sink: MicrophoneSink): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    const capture = this.#capture;
    let mixer: ChannelMixer | undefined;
    await capture.open({
      onSound: (pcm) => {
        if (this.#isBeyond()) return;
        mixer ??= this.#createMixer();
        const mono = mixer.push(pcm);
        if (mono.length > 0) sink.onChunk(mono);
      },
      onError: (error) => sink.onError(error),
    });
    if (generation !== this.#generation) return;
    if (this.#isBeyond()) {
      await this.stop();
      throw noSuchChannel(capture, this.#use.channel);
    }
    this.#tellUnused();
  }

  stop(): Promise<void> {
    this.#generation += 1;
    return this.#capture.close();
  }

  #isBeyond(): boolean {
    const { channel } = this.#use;
    const { channels } = this.#capture;
    return typeof channel === 'number' && channels > 1 && channel >= channels;
  }

  #createMixer(): ChannelMixer {
    const { name, channels, sampleRateHz } = this.#capture;
    const { channel, onProblem } = this.#use;
    const onCancelling = () => onProblem?.(channelsCancel(name));
    return new ChannelMixer({ channels, sampleRateHz, choice: channel, onCancelling });
  }

  /** A card with one channel, or somebody who has mixed them before us: what was asked for cannot be had, once. */
  #tellUnused(): void {
    const { channel, onProblem } = this.#use;
    const { channels, name } = this.#capture;
    if (this.#unusedTold || typeof channel !== 'number' || channel === 0 || channels > 1) return;
    this.#unusedTold = true;
    onProblem?.(channelUnused(name, channel));
  }
}

function noSuchChannel({ name, channels }: Capture, channel: ChannelUse['channel']): ClientError {
  return new ClientError(
    ErrorCode.audioDeviceMissing,
    `The microphone ${name} has no channel ${channel}: its channels are 0 to ${channels - 1}. Change audio.channel, or leave it out.`,
  );
}

function channelUnused(name: string, channel: number): ClientError {
  return new ClientError(
    ErrorCode.audioInputPoor,
    `The microphone ${name} gives one channel only, so audio.channel ${channel} is not used. If the device has more, ask for it by its name ("xiaozhi-speaker devices"), else leave audio.channel out.`,
    { retryable: true },
  );
}

function channelsCancel(name: string): ClientError {
  return new ClientError(
    ErrorCode.audioInputPoor,
    `The channels of the microphone ${name} cancel each other (one is wired the wrong way round), so one of them is used. Set audio.channel to choose which.`,
    { retryable: true },
  );
}
