import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { signalProcess } from '../../processes/process-tree.ts';
import type { Capture, CaptureSink } from './capture.ts';
import { requirePackage } from './native-package.ts';
import { isServerAway, openingAdvice } from './opening-advice.ts';
import { createPcmReader } from './pcm-bytes.ts';
import { hearRecorder } from './recorder-talk.ts';
import { findRecorder, type RecorderCommand, recorderMissing, type ServerSource } from './recorders.ts';
import type { SoundSurroundings } from './sound-hardware.ts';
import { Watchdog } from './watchdog.ts';

/** The part of node-record-lpcm16 that is used; the package has no types. */
interface Recording {
  readonly process: ChildProcess;
  stream(): Readable;
}

interface RecordPackage {
  record(options: Readonly<Record<string, unknown>>): Recording;
}

/** Where the package looks up how a program is called. */
interface RecorderRegistry {
  load(name: string): (options: { command: RecorderCommand }) => unknown;
}

export interface RecordCaptureOptions {
  readonly clock: Clock;
  /** Name or part of the name of a device, or an ALSA address; undefined is the system's default. */
  readonly device?: string | undefined;
  /** The device of the sound server that is meant, where it is known already. */
  readonly source?: ServerSource | undefined;
  /** Sound that is handed over at once, in ms; 20 unless given. */
  readonly pieceMs?: number | undefined;
  readonly surroundings?: SoundSurroundings;
}

const FIRST_SOUND_TIMEOUT_MS = 5_000;
/** Sound comes all the time, silence included. */
const SILENCE_LIMIT_MS = 2_000;
const KILL_AFTER_MS = 1_000;
const OUR_RECORDER = 'command';
const PACKAGE = 'node-record-lpcm16';

/** A microphone read by parec, pw-record, arecord or sox, through node-record-lpcm16: no native code in this process. */
export function createRecordCapture(options: RecordCaptureOptions): Capture {
  return new RecordCapture(options);
}

class RecordCapture implements Capture {
  readonly name: string;
  readonly #clock: Clock;
  readonly #device: string | undefined;
  readonly #options: RecordCaptureOptions;
  readonly #surroundings: SoundSurroundings | undefined;
  #child: ChildProcess | undefined;
  /** The end of the last child; a loss begins it, and the next start or stop waits for it. */
  #ended = Promise.resolve();
  #sampleRateHz = 0;
  #channels = 1;
  #xruns = 0;
  /** Counts starts and stops, so that a start knows whether it is still wanted. */
  #generation = 0;

  constructor(options: RecordCaptureOptions) {
    const { clock, source, surroundings } = options;
    this.#device = options.device ?? source?.name;
    this.name = this.#device === undefined ? 'record' : `record:${this.#device}`;
    this.#clock = clock;
    this.#options = options;
    this.#surroundings = surroundings;
  }

  get sampleRateHz(): number {
    return this.#sampleRateHz;
  }

  get channels(): number {
    return this.#channels;
  }

  get xruns(): number {
    return this.#xruns;
  }

  async open(sink: CaptureSink): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    await this.#endChild();
    const recorder = findRecorder(
      this.#surroundings ?? { env: process.env },
      this.#device,
      this.#options.pieceMs,
    );
    if (!recorder) throw recorderMissing();
    const command = await recorder.command(this.#device, this.#options.source);
    if (generation !== this.#generation) return;
    this.#sampleRateHz = command.sampleRateHz;
    this.#channels = command.channels;
    const recording = record(command);
    this.#child = recording.process;
    try {
      await this.#firstSound(recording, recorder.name, command, sink);
    } catch (error) {
      if (generation === this.#generation) await this.#endChild();
      throw error;
    }
  }

  close(): Promise<void> {
    this.#generation += 1;
    return this.#endChild();
  }

  #endChild(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child) this.#ended = this.#end(child);
    return this.#ended;
  }

  async #end(child: ChildProcess): Promise<void> {
    const { pid } = child;
    if (pid === undefined) return;
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise<void>((resolve) => {
        const kill = this.#clock.setTimeout(() => signalProcess(-pid, 'SIGKILL'), KILL_AFTER_MS);
        child.once('exit', () => {
          this.#clock.clearTimeout(kill);
          resolve();
        });
        signalProcess(-pid, 'SIGTERM');
      });
    }
    // The program may be a script: what it started would hold the pipes open, and they this process.
    signalProcess(-pid, 'SIGKILL');
    child.stdout?.destroy();
    child.stderr?.destroy();
  }

  /** Resolves with the first chunk; from then on a failure goes to the sink. */
  #firstSound(
    recording: Recording,
    recorder: string,
    command: RecorderCommand,
    sink: CaptureSink,
  ): Promise<void> {
    const child = recording.process;
    const stream = recording.stream();
    return new Promise((resolve, reject) => {
      let complaint = '';
      let hearing = false;
      let over = false;
      let watchdog: Watchdog | undefined;
      const fail = (what: string) => {
        if (over) return;
        over = true;
        this.#clock.clearTimeout(timeout);
        watchdog?.stop();
        const stopped = this.#child !== child;
        if (!hearing) reject(deviceMissing(this.name, `${what} ${complaint}`.trim()));
        else if (!stopped) {
          void this.#endChild();
          sink.onError(deviceLost(this.name, `${what} ${complaint}`.trim()));
        }
      };
      const timeout = this.#clock.setTimeout(() => fail('no sound arrives'), FIRST_SOUND_TIMEOUT_MS);
      const read = createPcmReader((pcm) => {
        if (this.#child !== child || over) return;
        if (!hearing) {
          hearing = true;
          this.#clock.clearTimeout(timeout);
          watchdog = new Watchdog(this.#clock, SILENCE_LIMIT_MS, () => fail('no sound comes any more'));
          resolve();
        }
        watchdog?.feed();
        sink.onSound(pcm);
      });
      // The package does not listen to this; without a listener it would end this process.
      child.on('error', (error) => fail(messageOf(error)));
      child.stderr?.on('data', (text: Buffer) => {
        const said = hearRecorder(String(text));
        this.#xruns += said.xruns;
        complaint = said.complaint ?? complaint;
        if (said.device !== undefined && isOther(command, said.device))
          fail(`the sound server took ${said.device} in its place`);
      });
      child.once('close', (code) => fail(`${recorder} ended with ${code ?? 'a signal'}.`));
      // The package reports the end of the program here too, as a string.
      stream.on('error', () => {});
      stream.on('data', read);
    });
  }
}

/** Through a recorder of our own in the package's list: its own leave the buffer to ALSA (an eighth of a second) and know no sound server. */
function record(command: RecorderCommand): Recording {
  const registry = requireRecorders();
  const { load } = registry;
  registry.load = (name) => (name === OUR_RECORDER ? commandRecorder : load(name));
  try {
    return (requirePackage(PACKAGE) as RecordPackage).record({
      recorder: OUR_RECORDER,
      command,
    });
  } finally {
    registry.load = load;
  }
}

function requireRecorders(): RecorderRegistry {
  try {
    return requirePackage(`${PACKAGE}/recorders`) as RecorderRegistry;
  } catch (cause) {
    throw new ClientError(
      ErrorCode.audioBackendMissing,
      `The sound backend "record" cannot be used: the package ${PACKAGE} is not installed; run "npm install ${PACKAGE}".`,
      { cause },
    );
  }
}

/** In a session of its own, so that Ctrl-C in the terminal is not a lost microphone. */
function commandRecorder({ command: { cmd, args, env } }: { command: RecorderCommand }) {
  return { cmd, args, spawnOptions: { env, detached: true } };
}

/** Another than what was asked for is none; where anything will do, a monitor is none: it hears what the device says. */
function isOther({ source, anyWillDo }: RecorderCommand, device: string): boolean {
  return source !== undefined && device !== source && (!anyWillDo || device.endsWith('.monitor'));
}

function deviceMissing(name: string, details: string): ClientError {
  return new ClientError(
    ErrorCode.audioDeviceMissing,
    `The microphone ${name} cannot be opened (${details}). ${openingAdvice(details)}`,
    { retryable: isServerAway(details) },
  );
}

function deviceLost(name: string, details: string): ClientError {
  return new ClientError(
    ErrorCode.audioDeviceLost,
    `The microphone ${name} was lost (${details}). Check that it is plugged in.`,
    { retryable: true },
  );
}
