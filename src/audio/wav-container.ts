import type { RecordingFile } from '../ports/recording-files.ts';
import { wavHeader } from './format-wav.ts';
import type { RecordingContainer } from './recording-container.ts';

/** WAV, mono, 16 bits. The sizes in its header are right after every second. */
export class WavContainer implements RecordingContainer {
  readonly #file: Pick<RecordingFile, 'append' | 'overwrite'>;
  readonly #sampleRateHz: number;
  #second: Int16Array;
  #filled = 0;
  #dataBytes = 0;

  constructor(file: Pick<RecordingFile, 'append' | 'overwrite'>, sampleRateHz: number) {
    this.#file = file;
    this.#sampleRateHz = sampleRateHz;
    this.#second = new Int16Array(sampleRateHz);
    file.append(wavHeader(sampleRateHz, 0));
  }

  write(pcm: Int16Array): void {
    for (let taken = 0; taken < pcm.length; ) {
      const count = Math.min(this.#second.length - this.#filled, pcm.length - taken);
      this.#second.set(pcm.subarray(taken, taken + count), this.#filled);
      taken += count;
      this.#filled += count;
      if (this.#filled === this.#second.length) this.#flush();
    }
  }

  finish(): void {
    if (this.#filled > 0) this.#flush();
  }

  #flush(): void {
    const bytes = new Uint8Array(this.#second.buffer, 0, this.#filled * 2);
    this.#dataBytes += bytes.length;
    // The file owns it from now on.
    this.#second = new Int16Array(this.#sampleRateHz);
    this.#filled = 0;
    this.#file.append(bytes);
    this.#file.overwrite(0, wavHeader(this.#sampleRateHz, this.#dataBytes));
  }
}
