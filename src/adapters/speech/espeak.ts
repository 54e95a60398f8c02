import { spawn } from 'node:child_process';

const timeoutMs = 10_000;
const maxWavBytes = 16 * 1024 * 1024;
/** A device that sends texts faster than they can be spoken must not start a process for each. */
const maxChildren = 4;

export interface SpeechAudio {
  readonly sampleRateHz: number;
  readonly pcm: Int16Array;
}

export interface EspeakOptions {
  /** Reads a WAV from memory; throws when it is none. */
  parseWav(bytes: Uint8Array): SpeechAudio;
  /** The program; found on PATH when it has no slash. */
  readonly program?: string;
}

const voices = { en: 'en', zh: 'cmn' } as const;

/**
 * Text to speech with espeak-ng, which is small and on every distribution. Resolves to undefined when it is not installed,
 * has no such voice, is busy with four texts or takes longer than 10 s; never rejects.
 */
export function createEspeak({
  parseWav,
  program = 'espeak-ng',
}: EspeakOptions): (text: string, language: keyof typeof voices) => Promise<SpeechAudio | undefined> {
  let children = 0;
  let absent = false;

  return async (text, language) => {
    if (absent || children >= maxChildren) return undefined;
    children += 1;
    const spoken = await runToEnd(program, ['-v', voices[language], '--stdin', '--stdout'], text);
    children -= 1;
    absent = spoken === 'absent';
    if (typeof spoken === 'string') return undefined;
    try {
      return parseWav(spoken);
    } catch {
      return undefined;
    }
  };
}

/** What the program printed; `absent` when it cannot be started, `failed` when it did not end well. */
function runToEnd(
  program: string,
  args: readonly string[],
  input: string,
): Promise<Buffer | 'absent' | 'failed'> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const parts: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (part: Buffer) => {
      size += part.length;
      if (size > maxWavBytes) child.kill('SIGKILL');
      else parts.push(part);
    });
    // A program that ends before it has read everything breaks the pipe; its exit code says what there is to say.
    child.stdin.on('error', () => {});
    child.on('error', () => resolve('absent'));
    child.on('close', (code) => resolve(code === 0 ? Buffer.concat(parts) : 'failed'));
    child.stdin.end(input);
  });
}
