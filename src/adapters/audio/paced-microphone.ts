import type { Microphone, MicrophoneSink } from '../../ports/microphone.ts';
import type { Pacer } from './pacer.ts';

/** Where a paced microphone gets its sound from. */
export interface PcmSource {
  readonly sampleRateHz: number;
  /** The next `samples` samples, lent until the next call. */
  next(samples: number): Int16Array;
}

/** A microphone without a sound card: delivers, per tick of the pacer, as much of its source as time has passed. */
export class PacedMicrophone implements Microphone {
  readonly name: string;
  readonly #pacer: Pacer;
  readonly #open: () => Promise<PcmSource>;
  #source: PcmSource | undefined;
  #unsubscribe: (() => void) | undefined;
  #starts = 0;

  /** @param open called once, by the first `start`; what it rejects with, `start` rejects with */
  constructor(name: string, pacer: Pacer, open: () => Promise<PcmSource>) {
    this.name = name;
    this.#pacer = pacer;
    this.#open = open;
  }

  get sampleRateHz(): number {
    return this.#source?.sampleRateHz ?? 0;
  }

  async start(sink: MicrophoneSink): Promise<void> {
    this.#starts += 1;
    const thisStart = this.#starts;
    this.#source ??= await this.#open();
    if (thisStart === this.#starts) this.#deliverTo(sink, this.#source);
  }

  stop(): Promise<void> {
    // Also tells a start that is still opening its source that it is over.
    this.#starts += 1;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    return Promise.resolve();
  }

  #deliverTo(sink: MicrophoneSink, source: PcmSource): void {
    this.#unsubscribe?.();
    const { clock, periodMs } = this.#pacer;
    let heardUntilMs = clock.now();
    let owed = 0;
    this.#unsubscribe = this.#pacer.add('capture', (dueMs) => {
      // What a stall skipped is lost, as it is with a tape recorder that lost power.
      owed += (Math.min(dueMs - heardUntilMs, periodMs) * source.sampleRateHz) / 1000;
      heardUntilMs = dueMs;
      const samples = Math.round(owed);
      if (samples <= 0) return;
      owed -= samples;
      sink.onChunk(source.next(samples));
    });
  }
}
