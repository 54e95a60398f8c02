import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { packageDirectory, packageEntry } from './native-package.ts';
import { createPcmReader } from './pcm-bytes.ts';
import {
  type SoundHelperMessage,
  type SoundHelperOptions,
  soundHelperProgram,
} from './sound-helper-program.ts';

export interface OpenSoundHelperOptions {
  readonly clock: Clock;
  readonly kind: SoundHelperOptions['kind'];
  readonly device?: string | undefined;
  /** Wished for; see `SoundHelper.sampleRateHz`. */
  readonly sampleRateHz: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Captured sound, 16-bit, all channels interleaved; the array is lent. */
  readonly onPcm?: (pcm: Int16Array) => void;
  /** The helper ended by itself after it had opened the device. At most once, never after `close`. */
  readonly onLost: (reason: string) => void;
}

/** A sound device held by a helper process. */
export interface SoundHelper {
  /** What the device really runs at. */
  readonly sampleRateHz: number;
  /** Interleaved in what is captured. */
  readonly channels: number;
  /** Times the sound system ran out of sound, or of room for it, as far as the package tells. */
  readonly xruns: number;
  /** Bytes written that the helper has not read yet. */
  readonly waitingBytes: number;
  /** The helper owns `pcm` from then on. */
  write(pcm: Uint8Array): void;
  /** Forgets what has not been played. */
  flush(): void;
  /** Plays what was written and ends the process. Never rejects. */
  close(): Promise<void>;
}

/** A slow board loads the library and asks every device. */
const OPEN_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** No piece is that long. */
const FLUSH_MARK = 0xffff_ffff;
const MAX_COMPLAINT_LENGTH = 200;

const packages = {
  speaker: 'speaker',
  'portaudio-output': 'naudiodon',
  'portaudio-input': 'naudiodon',
} as const;

/**
 * Starts a helper process with the device open in it. Rejects with an Error whose message completes "… cannot be
 * opened: ".
 */
export async function openSoundHelper(options: OpenSoundHelperOptions): Promise<SoundHelper> {
  const child = spawnHelper(options);
  const pipe = child.stdio[3] as Duplex;
  // A broken pipe is told by the end of the process.
  pipe.on('error', () => {});
  const xruns = countXruns(child);
  const state = { closing: false };
  const { sampleRateHz, channels = 1 } = await opened(child, options.clock);
  if (options.onPcm) pipe.on('data', createPcmReader(options.onPcm));
  reportLoss(child, (reason) => {
    if (!state.closing) options.onLost(reason);
  });
  return {
    sampleRateHz,
    channels,
    get xruns() {
      return xruns();
    },
    get waitingBytes() {
      return pipe.writableLength;
    },
    write: (pcm) => {
      pipe.write(lengthMark(pcm.byteLength));
      pipe.write(pcm);
    },
    flush: () => void pipe.write(lengthMark(FLUSH_MARK)),
    close: () => {
      state.closing = true;
      return close(child, pipe, options);
    },
  };
}

function spawnHelper({ kind, device, sampleRateHz, env }: OpenSoundHelperOptions): ChildProcess {
  const name = packages[kind];
  const packagePath = packageEntry(name);
  if (packagePath === undefined) throw new Error(`the package ${name} is not installed; run "npm install"`);
  const helperOptions: SoundHelperOptions = {
    kind,
    packagePath,
    crashHandlerPath: name === 'naudiodon' ? crashHandlerPath() : undefined,
    sampleRateHz,
    flushMark: FLUSH_MARK,
    ...(device === undefined ? {} : { device }),
  };
  const program = `(${soundHelperProgram.toString()})(require, ${JSON.stringify(helperOptions)})`;
  return spawn(process.execPath, ['-e', program], {
    cwd: tmpdir(),
    // Looking for JACK must not start it.
    env: { ...env, JACK_NO_START_SERVER: '1', NODE_OPTIONS: undefined },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'ipc'],
    // The terminal's Ctrl-C is for the device, which ends this process when it is done.
    detached: true,
  });
}

function crashHandlerPath(): string | undefined {
  const directory = packageDirectory('naudiodon');
  return directory === undefined
    ? undefined
    : createRequire(join(directory, 'index.js')).resolve('segfault-handler');
}

type OpenedDevice = Extract<SoundHelperMessage, { readonly ready: unknown }>['ready'];

/** PortAudio's troubles are printed by naudiodon, among much else; some late, because C buffers what it prints. */
function countXruns(child: ChildProcess): () => number {
  let count = 0;
  child.stdout?.on('data', (text: Buffer) => {
    count += String(text).match(/portAudio status - [^\n]*flow/g)?.length ?? 0;
  });
  return () => count;
}

function opened(child: ChildProcess, clock: Clock): Promise<OpenedDevice> {
  return new Promise((resolve, reject) => {
    const complaint = lastLineOf(child);
    const timeout = clock.setTimeout(() => fail('it does not answer'), OPEN_TIMEOUT_MS);
    const settle = () => {
      clock.clearTimeout(timeout);
      child.off('message', onMessage).off('error', onError).off('exit', onExit);
    };
    const fail = (reason: string) => {
      settle();
      child.kill('SIGKILL');
      reject(new Error(reason));
    };
    const onMessage = (message: SoundHelperMessage) => {
      // Some libraries go on for pages about where they looked.
      if ('failed' in message) return fail(message.failed.split('\n')[0] ?? '');
      settle();
      resolve(message.ready);
    };
    const onError = (error: Error) => fail(error.message);
    const onExit = () => fail(complaint() || 'the sound library crashed');
    child.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

function lastLineOf(child: ChildProcess): () => string {
  let last = '';
  child.stderr?.on('data', (text: Buffer) => {
    last = String(text).trim().split('\n').at(-1)?.slice(0, MAX_COMPLAINT_LENGTH) || last;
  });
  return () => last;
}

function reportLoss(child: ChildProcess, onLost: (reason: string) => void): void {
  let told = false;
  const tell = (reason: string) => {
    if (told) return;
    told = true;
    // It may hang in the library that failed.
    child.kill('SIGKILL');
    onLost(reason);
  };
  child.on('error', () => {});
  child.on('message', (message: SoundHelperMessage) => {
    if ('failed' in message) tell(message.failed);
  });
  child.once('exit', () => tell('the sound library ended'));
}

function close(child: ChildProcess, pipe: Duplex, { clock, kind }: OpenSoundHelperOptions): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = clock.setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    child.once('exit', () => {
      clock.clearTimeout(kill);
      resolve();
    });
    if (kind === 'portaudio-input') child.kill('SIGTERM');
    else pipe.end();
  });
}

function lengthMark(length: number): Buffer {
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(length);
  return mark;
}
