import { spawn } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Camera } from '../../ports/device-control.ts';
import { childEnvironment } from '../../processes/child-environment.ts';
import { expectRun, guardRun, releaseRun } from '../../processes/crash-guard.ts';
import { newRunMark, runMarkVariable } from '../../processes/process-tree.ts';
import { stopRun } from '../../processes/stop-process.ts';

export interface CapturePhotoOptions {
  /** Program and arguments, already split into words; it writes one JPEG file to its standard output. */
  readonly command: readonly [program: string, ...words: string[]];
  /** That of the device; the program finds in its own what every tool does. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

const limitMs = 15_000;
const maxBytes = 8 * 1024 * 1024;

/** A camera that is a program, such as `fswebcam --quiet -` or `rpicam-jpeg -n -o -`. */
export function createCaptureCommand(options: CapturePhotoOptions): Camera {
  return { capturePhoto: (signal) => capture(options, signal) };
}

function capture({ command: [program, ...words], env, clock }: CapturePhotoOptions, signal: AbortSignal) {
  return new Promise<Uint8Array>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    // A process group of its own: what the program starts ends with it.
    const mark = newRunMark();
    expectRun(mark);
    const child = spawn(program, words, {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
      env: childEnvironment(env, { [runMarkVariable]: mark }),
    });
    const { pid } = child;
    if (pid !== undefined) {
      guardRun(pid, mark);
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    const finish = (settle: () => void): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      // Also what has left the group, and lives on after the program itself.
      if (pid !== undefined && !isOver)
        void stopRun(pid, mark, { clock, graceMs: 0 }).finally(() => releaseRun(pid));
      isOver = true;
      child.stdout.destroy();
      settle();
    };
    const onAbort = () => finish(() => reject(signal.reason));
    const timer = clock.setTimeout(
      () => finish(() => reject(failed(`no picture within ${limitMs} ms`))),
      limitMs,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    child.on('error', (cause) => finish(() => reject(failed(cause))));
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) finish(() => reject(failed(`more than ${maxBytes} bytes`)));
      else chunks.push(chunk);
    });
    child.on('close', (code) => {
      const picture = Buffer.concat(chunks);
      if (code !== 0) finish(() => reject(failed(`exit code ${code}`)));
      else if (isJpeg(picture)) finish(() => resolve(picture));
      else finish(() => reject(failed('the output is no JPEG file')));
    });
  });
}

const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

const failed = (cause: unknown): ClientError =>
  new ClientError(ErrorCode.toolFailed, 'Failed to capture photo', { retryable: true, cause });
