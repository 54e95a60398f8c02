import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Microphone, MicrophoneSink } from '../../ports/microphone.ts';
import { requirePackage } from './native-package.ts';
import { createPcmReader } from './pcm-bytes.ts';

/** The part of node-record-lpcm16 that is used; the package has no types. */
interface Recording {
  readonly process: ChildProcess;
  stream(): Readable;
}

interface RecordPackage {
  record(options: Readonly<Record<string, unknown>>): Recording;
}

export interface RecordMicrophoneOptions {
  readonly clock: Clock;
  /** ALSA device such as `plughw:1,0`; undefined is the system's default. */
  readonly device?: string | undefined;
}

const SAMPLE_RATE_HZ = 16_000;
const FIRST_SOUND_TIMEOUT_MS = 5_000;
const KILL_AFTER_MS = 1_000;
const MAX_COMPLAINT_LENGTH = 200;
/** In the order of preference: arecord reacts faster and is on every board with ALSA tools. */
const PROGRAMS = ['arecord', 'sox'] as const;

/** The recording program to use, of those on the PATH. */
export function findRecorder(path: string | undefined): (typeof PROGRAMS)[number] | undefined {
  const directories = (path ?? '').split(delimiter).filter((directory) => directory !== '');
  return PROGRAMS.find((program) => directories.some((directory) => isExecutable(join(directory, program))));
}

export function recorderMissing(): ClientError {
  return new ClientError(
    ErrorCode.audioBackendMissing,
    'No recording program is installed. Run "apt install alsa-utils" for arecord, or "apt install sox".',
  );
}

/** A microphone read by the program arecord or sox, through node-record-lpcm16: no native code in this process. */
export function createRecordMicrophone(options: RecordMicrophoneOptions): Microphone {
  return new RecordMicrophone(options);
}

class RecordMicrophone implements Microphone {
  readonly name: string;
  readonly sampleRateHz = SAMPLE_RATE_HZ;
  readonly #clock: Clock;
  readonly #device: string | undefined;
  #child: ChildProcess | undefined;
  /** Counts starts and stops, so that a start knows whether it is still wanted. */
  #generation = 0;

  constructor({ clock, device }: RecordMicrophoneOptions) {
    this.name = device === undefined ? 'record' : `record:${device}`;
    this.#clock = clock;
    this.#device = device;
  }

  async start(sink: MicrophoneSink): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    await this.#endChild();
    if (generation !== this.#generation) return;
    const recorder = findRecorder(process.env.PATH);
    if (!recorder) throw recorderMissing();
    const { record } = requirePackage('node-record-lpcm16') as RecordPackage;
    const recording = record({
      sampleRate: SAMPLE_RATE_HZ,
      channels: 1,
      audioType: 'raw',
      recorder,
      ...(this.#device === undefined ? {} : { device: this.#device }),
    });
    this.#child = recording.process;
    try {
      await this.#firstSound(recording, recorder, sink);
    } catch (error) {
      if (generation === this.#generation) await this.#endChild();
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#generation += 1;
    return this.#endChild();
  }

  async #endChild(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    await new Promise<void>((resolve) => {
      const kill = this.#clock.setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      child.once('exit', () => {
        this.#clock.clearTimeout(kill);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }

  /** Resolves with the first chunk; from then on a failure goes to the sink. */
  #firstSound(recording: Recording, recorder: string, sink: MicrophoneSink): Promise<void> {
    const child = recording.process;
    const stream = recording.stream();
    return new Promise((resolve, reject) => {
      let complaint = '';
      let hearing = false;
      let over = false;
      const fail = (what: string) => {
        if (over) return;
        over = true;
        this.#clock.clearTimeout(timeout);
        const stopped = this.#child !== child;
        if (!hearing) reject(deviceMissing(this.name, `${what} ${complaint}`.trim()));
        else if (!stopped) sink.onError(deviceLost(this.name, `${what} ${complaint}`.trim()));
      };
      const timeout = this.#clock.setTimeout(() => fail('no sound arrives'), FIRST_SOUND_TIMEOUT_MS);
      const read = createPcmReader((pcm) => {
        if (this.#child !== child || over) return;
        if (!hearing) {
          hearing = true;
          this.#clock.clearTimeout(timeout);
          resolve();
        }
        sink.onChunk(pcm);
      });
      // The package does not listen to this; without a listener it would end this process.
      child.once('error', (error) => fail(messageOf(error)));
      child.stderr?.on('data', (text: Buffer) => {
        // ALSA says much before it comes to the point, which is in the last line.
        complaint = String(text).trim().split('\n').at(-1)?.slice(0, MAX_COMPLAINT_LENGTH) || complaint;
      });
      child.once('close', (code) => fail(`${recorder} ended with ${code ?? 'a signal'}.`));
      // The package reports the end of the program here too, as a string.
      stream.on('error', () => {});
      stream.on('data', read);
    });
  }
}

function deviceMissing(name: string, details: string): ClientError {
  return new ClientError(
    ErrorCode.audioDeviceMissing,
    `The microphone ${name} cannot be opened (${details}). See "xiaozhi-speaker devices" for what there is.`,
  );
}

function deviceLost(name: string, details: string): ClientError {
  return new ClientError(
    ErrorCode.audioDeviceLost,
    `The microphone ${name} was lost (${details}). Check that it is plugged in.`,
    { retryable: true },
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
