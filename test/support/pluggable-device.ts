import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import type { DeviceCandidate } from '../../src/ports/device-candidate.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import type { Microphone, MicrophoneSink } from '../../src/ports/microphone.ts';

/** A device that a test plugs in and pulls out. */
class PluggableDevice {
  readonly name: string;
  readonly sampleRateHz: number;
  plugged = true;
  started = false;
  starts = 0;
  /** What makes it fail may be over in a moment. */
  serverIsAway = false;
  protected onLost: (error: ClientError) => void = () => {};

  constructor(name: string, sampleRateHz = 16_000) {
    this.name = name;
    this.sampleRateHz = sampleRateHz;
  }

  /** As it is when the plug comes out in the middle of a word. */
  pullOut(): void {
    this.plugged = false;
    this.break();
  }

  /** Lost, though it could be opened again at once. */
  break(): void {
    if (!this.started) return;
    this.started = false;
    this.onLost(
      new ClientError(ErrorCode.audioDeviceLost, `The ${this.name} was lost.`, { retryable: true }),
    );
  }

  stop(): Promise<void> {
    this.started = false;
    return Promise.resolve();
  }

  protected begin(onLost: (error: ClientError) => void): Promise<void> {
    this.starts += 1;
    if (!this.plugged) {
      const missing = new ClientError(ErrorCode.audioDeviceMissing, `The ${this.name} is missing.`, {
        retryable: this.serverIsAway,
      });
      return Promise.reject(missing);
    }
    this.started = true;
    this.onLost = onLost;
    return Promise.resolve();
  }
}

export class PluggableMicrophone extends PluggableDevice implements Microphone {
  #sink: MicrophoneSink | undefined;

  start(sink: MicrophoneSink): Promise<void> {
    this.#sink = sink;
    return this.begin((error) => sink.onError(error));
  }

  /** Hears so much sound. */
  hear(ms: number, sample = 10_000): void {
    if (this.started) this.#sink?.onChunk(new Int16Array((ms * this.sampleRateHz) / 1000).fill(sample));
  }
}

export class PluggableLoudspeaker extends PluggableDevice implements Loudspeaker {
  /** How many samples were written, piece by piece. */
  readonly written: number[] = [];
  /** What the device says it still has to play. */
  queuedMs = 0;

  start(onError: (error: ClientError) => void): Promise<void> {
    return this.begin(onError);
  }

  write(pcm: Int16Array): Promise<void> {
    this.written.push(pcm.length);
    return Promise.resolve();
  }

  flush(): void {
    this.queuedMs = 0;
  }

  pendingMs(): number {
    return this.queuedMs;
  }
}

export function candidateOf<Device extends PluggableDevice>(device: Device): DeviceCandidate<Device> {
  return {
    spec: device.name,
    isThere: () => Promise.resolve(device.plugged),
    open: () => Promise.resolve(device),
  };
}
