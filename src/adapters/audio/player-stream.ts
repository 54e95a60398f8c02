import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';
import type { PlayerCommand } from './players.ts';
import type { OutputStream } from './stream-loudspeaker.ts';

/** Who cannot open the device says so at once; on a busy machine it is taken for lost a moment later, which comes to the same. */
const OPENING_MS = 120;
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_COMPLAINT_LENGTH = 200;
/** What aplay tells of pauses between answers, when it has nothing to play. */
const NO_COMPLAINT = /^(?:underrun|aplay: (?:pcm_write|xrun))/i;

/**
 * A playing program fed through a pipe. What it has not played can only be taken back by ending it, so a flush ends it and
 * starts the next. Rejects with an Error whose message completes "… cannot be opened: ".
 */
export async function openPlayer(
  command: PlayerCommand,
  clock: Clock,
  onLost: (reason: string) => void,
): Promise<OutputStream> {
  const player = new PlayerStream(command, clock, onLost);
  await player.opened;
  return player;
}

class PlayerStream implements OutputStream {
  readonly xruns = 0;
  readonly opened: Promise<void>;
  readonly #command: PlayerCommand;
  readonly #clock: Clock;
  readonly #onLost: (reason: string) => void;
  #child: ChildProcess;
  #closing = false;
  /** Written while the one before still holds the device. */
  #held: Uint8Array[] | undefined;

  constructor(command: PlayerCommand, clock: Clock, onLost: (reason: string) => void) {
    this.#command = command;
    this.#clock = clock;
    this.#onLost = onLost;
    let settle: ((problem?: string) => void) | undefined;
    this.opened = new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => settle?.(), OPENING_MS);
      settle = (problem) => {
        settle = undefined;
        clock.clearTimeout(timer);
        if (problem === undefined) return resolve();
        this.#closing = true;
        reject(new Error(problem));
      };
    });
    this.#child = this.#start((reason) => {
      if (settle) settle(reason);
      else this.#lose(reason);
    });
  }

  get sampleRateHz(): number {
    return this.#command.sampleRateHz;
  }

  get waitingBytes(): number {
    const heldBytes = this.#held?.reduce((sum, { byteLength }) => sum + byteLength, 0) ?? 0;
    return heldBytes + (this.#child.stdin?.writableLength ?? 0);
  }

  write(pcm: Uint8Array): void {
    if (this.#held) this.#held.push(pcm);
    else this.#child.stdin?.write(pcm);
  }

  flush(): void {
    if (this.#held) {
      this.#held = [];
      return;
    }
    if (this.#closing) return;
    this.#held = [];
    const old = this.#child;
    old.removeAllListeners('exit');
    void this.#ended(old, 'SIGKILL').then(() => this.#startAgain());
  }

  close(): Promise<void> {
    if (this.#closing) return Promise.resolve();
    this.#closing = true;
    const child = this.#child;
    child.stdin?.end();
    return this.#ended(child);
  }

  #startAgain(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (this.#closing) return;
    this.#child = this.#start((reason) => this.#lose(reason));
    for (const pcm of held) this.write(pcm);
  }

  #lose(reason: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#onLost(reason);
  }

  #start(onEnd: (reason: string) => void): ChildProcess {
    const { cmd, args, env } = this.#command;
    // In a session of its own, so that Ctrl-C in the terminal does not cut the last word.
    const child = spawn(cmd, args, { env, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    let complaint = '';
    child.stderr?.on('data', (text: Buffer) => {
      const lines = String(text)
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !NO_COMPLAINT.test(line));
      complaint = lines.at(-1)?.slice(0, MAX_COMPLAINT_LENGTH) ?? complaint;
    });
    // A broken pipe is told by the end of the process.
    child.stdin?.on('error', () => {});
    child.once('error', (error) => onEnd(error.message));
    child.once('exit', () => child.once('close', () => onEnd(complaint || `${cmd} ended`)));
    return child;
  }

  /** Resolves when the process has ended; it is killed when it takes too long. */
  #ended(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
      return Promise.resolve();
    return new Promise((resolve) => {
      const kill = this.#clock.setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
      child.once('exit', () => {
        this.#clock.clearTimeout(kill);
        resolve();
      });
      if (signal) child.kill(signal);
    });
  }
}
