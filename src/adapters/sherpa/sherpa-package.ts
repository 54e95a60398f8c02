import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';

/** The part of sherpa-onnx-node that is used; the package's types are comments in its JavaScript. */
export interface SherpaPackage {
  readonly Vad: new (config: VadConfig, bufferSeconds: number) => Vad;
  readonly KeywordSpotter: new (config: KeywordSpotterConfig) => KeywordSpotter;
}

export interface VadConfig {
  readonly sileroVad: {
    readonly model: string;
    readonly threshold: number;
    /** In seconds. */
    readonly minSpeechDuration: number;
    readonly minSilenceDuration: number;
    /** In samples. */
    readonly windowSize: number;
  };
  readonly sampleRate: number;
  readonly numThreads: number;
}

export interface Vad {
  acceptWaveform(samples: Float32Array): void;
  isDetected(): boolean;
  clear(): void;
  reset(): void;
}

export interface KeywordSpotterConfig {
  readonly featConfig: { readonly sampleRate: number; readonly featureDim: number };
  readonly modelConfig: {
    readonly transducer: { readonly encoder: string; readonly decoder: string; readonly joiner: string };
    readonly tokens: string;
    readonly numThreads: number;
  };
  readonly keywordsFile: string;
  readonly keywordsThreshold: number;
}

export interface KeywordStream {
  acceptWaveform(sound: { readonly samples: Float32Array; readonly sampleRate: number }): void;
}

export interface KeywordSpotter {
  createStream(): KeywordStream;
  isReady(stream: KeywordStream): boolean;
  decode(stream: KeywordStream): void;
  reset(stream: KeywordStream): void;
  getResult(stream: KeywordStream): { readonly keyword: string };
}

const NAME = 'sherpa-onnx-node';
const TRIAL_TIMEOUT_MS = 30_000;

/**
 * Makes one object of the package, first in a process of its own: what the library cannot read ends the process, and no
 * `catch` can stop it.
 * @param what for people: `the wake word model /models/kws`
 * @throws ClientError CONFIG_UNREADABLE when a file is missing or no model, AUDIO_BACKEND_MISSING
 * without the package
 */
export async function createSherpa<Made, Config>(
  className: keyof SherpaPackage,
  config: Config,
  { what, files, extraArgument }: { what: string; files: readonly string[]; extraArgument?: number },
  create: (sherpa: SherpaPackage) => Made,
): Promise<Made> {
  const missing = files.find((file) => !statSync(file, { throwIfNoEntry: false })?.isFile());
  if (missing !== undefined) throw unreadable(what, `there is no file ${missing}`);
  const path = findPackage(what);
  await tryInOwnProcess(path, className, [config, extraArgument], what);
  try {
    return create(createRequire(import.meta.url)(path) as SherpaPackage);
  } catch (error) {
    throw unreadable(what, messageOf(error));
  }
}

function findPackage(what: string): string {
  try {
    return createRequire(import.meta.url).resolve(NAME);
  } catch (cause) {
    throw new ClientError(
      ErrorCode.audioBackendMissing,
      `For ${what} the package ${NAME} is needed and not installed. Run "npm install ${NAME}", or take the setting out.`,
      { cause },
    );
  }
}

function tryInOwnProcess(
  path: string,
  className: string,
  args: readonly unknown[],
  what: string,
): Promise<void> {
  const program = `new (require(${JSON.stringify(path)}).${className})(...${JSON.stringify(args)})`;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['-e', program], { timeout: TRIAL_TIMEOUT_MS }, (error, _, stderr) => {
      if (error) reject(unreadable(what, complaintOf(stderr) ?? messageOf(error).split('\n')[0] ?? ''));
      else resolve();
    });
  });
}

/** What the library says before it gives up; Node's own lines about it are not for people. */
function complaintOf(stderr: string): string | undefined {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line =
    lines.find((text) => text.startsWith('what():')) ?? lines.find((text) => text.includes('/csrc/'));
  return line?.replace(/^(what\(\):|\S*\/csrc\/\S+)\s*/, '').slice(0, 200);
}

function unreadable(what: string, reason: string): ClientError {
  return new ClientError(
    ErrorCode.configUnreadable,
    `Cannot use ${what} (${reason.replace(/\.$/, '')}). Fetch it with scripts/fetch-wakeword-model, correct the path, or take the setting out.`,
  );
}
