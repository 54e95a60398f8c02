import type { Clock } from '../core/clock.ts';
import type { ClientError } from '../core/errors.ts';
import type { EchoCanceller } from '../ports/echo-canceller.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import type { Microphone, MicrophoneSink } from '../ports/microphone.ts';
import { type EchoCounters, EchoStage } from './echo-stage.ts';
import { durationMs } from './format.ts';

export interface EchoCancelledSoundParts {
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  readonly canceller: EchoCanceller;
  readonly clock: Clock;
  /** Called once at most: from then on the echo is heard. */
  readonly onProblem: (error: ClientError) => void;
}

export interface EchoCancelledSound {
  /** The same microphone without what the loudspeaker plays, at the canceller's rate. */
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  readonly counters: EchoCounters;
}

/** Puts an echo canceller between a pair of sound devices and whoever uses them, who need not know. */
export function createEchoCancelledSound(parts: EchoCancelledSoundParts): EchoCancelledSound {
  const stage = new EchoStage(parts);
  return {
    microphone: new EchoCancelledMicrophone(parts.microphone, parts.canceller.sampleRateHz, stage),
    loudspeaker: new WatchedLoudspeaker(parts.loudspeaker, parts.clock, stage),
    get counters() {
      return stage.counters;
    },
  };
}

class EchoCancelledMicrophone implements Microphone {
  readonly name: string;
  readonly sampleRateHz: number;
  readonly #inner: Microphone;
  readonly #stage: EchoStage;

  constructor(inner: Microphone, sampleRateHz: number, stage: EchoStage) {
    this.name = inner.name;
    this.sampleRateHz = sampleRateHz;
    this.#inner = inner;
    this.#stage = stage;
  }

  start(sink: MicrophoneSink): Promise<void> {
    this.#stage.beginNear((frame) => sink.onChunk(frame));
    return this.#inner.start({
      onChunk: (pcm) => {
        // Some devices tell their rate only when the start is over; what comes before is not worth a guess.
        if (this.#inner.sampleRateHz > 0) this.#stage.pushNear(pcm, this.#inner.sampleRateHz);
      },
      onError: (error) => sink.onError(error),
    });
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }
}

/** Tells the stage what is played, and when. */
class WatchedLoudspeaker implements Loudspeaker {
  readonly name: string;
  readonly #inner: Loudspeaker;
  readonly #clock: Clock;
  readonly #stage: EchoStage;

  constructor(inner: Loudspeaker, clock: Clock, stage: EchoStage) {
    this.name = inner.name;
    this.#inner = inner;
    this.#clock = clock;
    this.#stage = stage;
  }

  get sampleRateHz(): number {
    return this.#inner.sampleRateHz;
  }

  start(onError: (error: ClientError) => void): Promise<void> {
    return this.#inner.start(onError);
  }

  write(pcm: Int16Array): Promise<void> {
    const sampleRateHz = this.#inner.sampleRateHz;
    // The loudspeaker owns what it is given, and only afterwards tells when that will be heard.
    const copy = pcm.slice();
    const room = this.#inner.write(pcm);
    if (sampleRateHz > 0) {
      const endMs = this.#clock.now() + this.#inner.pendingMs();
      this.#stage.pushFar(copy, sampleRateHz, endMs - durationMs(copy.length, sampleRateHz));
    }
    return room;
  }

  flush(): void {
    this.#inner.flush();
    this.#stage.cutFar(this.#clock.now() + this.#inner.pendingMs());
  }

  pendingMs(): number {
    return this.#inner.pendingMs();
  }

  async stop(): Promise<void> {
    await this.#inner.stop();
    this.#stage.cutFar(this.#clock.now());
  }
}
