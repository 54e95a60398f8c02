import type { Clock } from '../core/clock.ts';
import type { ClientError } from '../core/errors.ts';
import type { EchoCanceller } from '../ports/echo-canceller.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import type { Microphone, MicrophoneSink } from '../ports/microphone.ts';
import { type EchoCounters, EchoStage } from './echo-stage.ts';
import { durationMs } from './format.ts';
import type { OwnVoiceWitness } from './near-end.ts';
import { watchLoudspeaker } from './watched-loudspeaker.ts';

export interface EchoCancelledSoundParts {
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  readonly canceller: EchoCanceller;
  readonly clock: Clock;
  /** Called once at most: from then on the echo is heard. */
  readonly onProblem: (error: ClientError) => void;
}

export interface EchoCancelledSound extends OwnVoiceWitness {
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
    loudspeaker: watchFarEnd(parts.loudspeaker, parts.clock, stage),
    mayBeOwnVoice: () => stage.mayBeOwnVoice(),
    get counters() {
      return stage.counters;
    },
  };
}

class EchoCancelledMicrophone implements Microphone {
  readonly sampleRateHz: number;
  readonly #inner: Microphone;
  readonly #stage: EchoStage;

  constructor(inner: Microphone, sampleRateHz: number, stage: EchoStage) {
    this.sampleRateHz = sampleRateHz;
    this.#inner = inner;
    this.#stage = stage;
  }

  get name(): string {
    return this.#inner.name;
  }

  get xruns(): number {
    return this.#inner.xruns ?? 0;
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
function watchFarEnd(loudspeaker: Loudspeaker, clock: Clock, stage: EchoStage): Loudspeaker {
  return watchLoudspeaker(loudspeaker, {
    isWatching: true,
    played: (pcm, sampleRateHz, pendingMs) => {
      const startMs = clock.now() + pendingMs - durationMs(pcm.length, sampleRateHz);
      stage.pushFar(pcm, sampleRateHz, startMs);
    },
    cut: (pendingMs) => stage.cutFar(clock.now() + pendingMs),
  });
}
