import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { ClientError, ErrorCode } from '../../core/errors.ts';

/** Resolves from this program's own place, wherever it was started. */
export const requirePackage = createRequire(import.meta.url);

/** Long enough for a slow board to load a library and open every sound device. */
const PROBE_TIMEOUT_MS = 8_000;

/** `output` is what the probe printed. `problem` completes "… cannot be used: ". */
export type ProbeResult =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly installed: boolean; readonly problem: string };

/**
 * Loads a native package in a child process first. Sound packages open the sound system while they load, and on a machine
 * without sound card that ends the process by an assertion in C: better the child's than ours.
 * @param expression JavaScript over `loaded`, the package; its value is printed as the output
 */
export function probePackage(
  name: string,
  expression = '""',
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ProbeResult> {
  const path = packageEntry(name);
  if (path === undefined) return Promise.resolve(packageMissing(name));
  const program = `const loaded = require(${JSON.stringify(path)}); process.stdout.write('\\n' + ${expression}, () => process.exit(0));`;
  // Looking for JACK must not start it.
  const childEnv = { ...env, JACK_NO_START_SERVER: '1' };
  const options = { timeout: PROBE_TIMEOUT_MS, killSignal: 'SIGKILL', cwd: tmpdir(), env: childEnv } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', program], options, (error, stdout) => {
      if (error) resolve({ ok: false, installed: true, problem: loadProblem(name, error.killed === true) });
      else resolve({ ok: true, output: stdout.slice(stdout.lastIndexOf('\n') + 1) });
    });
  });
}

/** What a probe says of a package that is not installed. */
export function packageMissing(name: string) {
  const problem = `the package ${name} is not installed; run "npm install ${name}", which needs a C++ compiler and the ALSA headers (Debian: apt install build-essential libasound2-dev)`;
  return { ok: false, installed: false, problem } as const;
}

/** A failed probe as the error that choosing the backend by name ends with. */
export function probeError(backend: string, result: { installed: boolean; problem: string }): ClientError {
  const code = result.installed ? ErrorCode.audioDeviceMissing : ErrorCode.audioBackendMissing;
  return new ClientError(code, `The sound backend "${backend}" cannot be used: ${result.problem}.`);
}

export function packageDirectory(name: string): string | undefined {
  const path = packageEntry(name);
  return path === undefined ? undefined : dirname(path);
}

/** The file that `require(name)` loads; undefined when the package is not installed. */
export function packageEntry(name: string): string | undefined {
  try {
    return requirePackage.resolve(name);
  } catch {
    return undefined;
  }
}

function loadProblem(name: string, timedOut: boolean): string {
  const what = timedOut ? 'does not answer' : 'does not load here';
  return `the package ${name} ${what}; check with "aplay -l" that there is a sound card, and run "npm rebuild ${name}"`;
}
