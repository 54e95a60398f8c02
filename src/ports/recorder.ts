/** `system`: what this computer plays. */
export const recordingSources = ['microphone', 'system'] as const;
export type RecordingSource = (typeof recordingSources)[number];

export interface RunningRecording {
  readonly id: string;
  readonly source: RecordingSource;
  /** What is heard, for people: `the microphone record`. */
  readonly hears: string;
  readonly file: string;
  readonly seconds: number;
}

export interface FinishedRecording {
  readonly id: string;
  readonly source: RecordingSource;
  readonly file: string;
  readonly seconds: number;
  /** Why it ended or what is wrong with it, where nobody stopped it; a sentence. */
  readonly reason?: string | undefined;
}

export interface RecorderStatus {
  readonly running: readonly RunningRecording[];
  /** The newest files, newest first, of `files` in the directory. */
  readonly newest: readonly { readonly file: string; readonly bytes: number }[];
  readonly files: number;
  readonly directory: string;
}

/** Records to files, several at once. Everything rejects with a ClientError whose message can be spoken to a person. */
export interface Recorder {
  /**
   * Resolves when sound is being recorded. Without id it gets the smallest free number. `signal`: nobody waits for it any
   * more; then nothing is recorded.
   * @throws ClientError RECORDING_REFUSED: the id is taken, no room; AUDIO_DEVICE_MISSING; STATE_UNWRITABLE
   */
  start(source: RecordingSource, id: string | undefined, signal: AbortSignal): Promise<RunningRecording>;
  /** All without id; resolves when the files are complete. @throws ClientError RECORDING_UNKNOWN */
  stop(id?: string): Promise<readonly FinishedRecording[]>;
  status(): Promise<RecorderStatus>;
}
