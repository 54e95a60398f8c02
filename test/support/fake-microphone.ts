import type { ClientError } from '../../src/core/errors.ts';
import type { Microphone, MicrophoneSink } from '../../src/ports/microphone.ts';

/** A sound card that can be opened once, and does what the test says; `log` tells what was done to it. */
export class FakeMicrophone implements Microphone {
  readonly name = 'fake';
  readonly sampleRateHz: number;
  readonly log: string[] = [];
  /** What the next start rejects with. */
  failure: ClientError | undefined;
  /** What start and stop wait for. */
  starting: Promise<void> = Promise.resolve();
  stopping: Promise<void> = Promise.resolve();
  #sink: MicrophoneSink | undefined;

  constructor(sampleRateHz = 16_000) {
    this.sampleRateHz = sampleRateHz;
  }

  get isOpen(): boolean {
    return this.#sink !== undefined;
  }

  async start(sink: MicrophoneSink): Promise<void> {
    if (this.#sink) throw new Error('Device or resource busy');
    this.#sink = sink;
    this.log.push('start');
    await this.starting;
    const { failure } = this;
    if (!failure) return;
    this.failure = undefined;
    this.#sink = undefined;
    throw failure;
  }

  async stop(): Promise<void> {
    this.log.push('stop');
    await this.stopping;
    this.#sink = undefined;
  }

  hear(pcm: Int16Array): void {
    this.#sink?.onChunk(pcm);
  }

  /** Pulled out. */
  lose(error: ClientError): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onError(error);
  }
}
