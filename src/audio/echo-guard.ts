import type { Clock } from '../core/clock.ts';
import { levelDbfs } from './gain.ts';

const BLOCK_MS = 10;
/** Blocks of the far end that are remembered: all that a loudspeaker holds, and the echo of what it held. */
const CAPACITY = 512;
/** An echo may come so much later than the loudspeaker promised, reverberation included. */
const ECHO_TAIL_MS = 300;
/** Quieter than this nothing is a person talking to the device. */
const QUIETEST_VOICE_DBFS = -50;
/** A far end below this leaves no echo, and tells nothing about one. */
const AUDIBLE_DBFS = -50;
/** How far a voice must stand above the echo that is to be expected. */
const MARGIN_DB = 9;
/** Echo relative to the far end before anything is known: what a canceller that has not learned yet leaves. */
const FIRST_ECHO_DB = -6;
const LOUDEST_ECHO_DB = 0;
/** A canceller may do better, but not be relied on to: rooms change. */
const QUIETEST_ECHO_DB = -40;
/** Per 10 ms. Falls as fast as a canceller learns; rises slowly enough that a voice does not pass for echo. */
const FALL_DB = 0.2;
const RISE_DB = 0.05;

/** After a rest a loudspeaker may begin later or sooner than before, and the canceller has to find the echo again. */
const REST_MS = 500;
const REFINDING_MS = 500;

interface Block {
  readonly startMs: number;
  readonly endMs: number;
  readonly dbfs: number;
}

/**
 * Tells a voice in the room from what is left of the device's own: a canceller leaves an echo that is quieter than what is
 * played by a share that can be learned, and a voice stands out above it.
 */
export class EchoGuard {
  readonly #clock: Clock;
  readonly #blocks: (Block | undefined)[] = new Array(CAPACITY);
  #next = 0;
  #echoDb = FIRST_ECHO_DB;
  #audibleAtMs = Number.NEGATIVE_INFINITY;
  #beganAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is left of the echo, relative to the far end, as far as it is known. */
  get echoDb(): number {
    return this.#echoDb;
  }

  /** Sound (mono, lent) whose last sample will be heard in `pendingMs`. */
  played(pcm: Int16Array, sampleRateHz: number, pendingMs: number): void {
    const samples = Math.round((sampleRateHz * BLOCK_MS) / 1000);
    const blocks = Math.ceil(pcm.length / samples);
    const startMs = this.#clock.now() + pendingMs - (pcm.length / sampleRateHz) * 1000;
    for (let i = 0; i < blocks; i++) {
      const dbfs = levelDbfs(pcm.subarray(i * samples, (i + 1) * samples));
      const fromMs = startMs + i * BLOCK_MS;
      this.#blocks[this.#next % CAPACITY] = { startMs: fromMs, endMs: fromMs + BLOCK_MS, dbfs };
      this.#next += 1;
    }
  }

  /** Whether 10 ms of the near end, already cleaned of echo, hold more than what echo may be left. In order; lent. */
  isNearEnd(frame: Int16Array): boolean {
    const nearDbfs = levelDbfs(frame);
    const farDbfs = this.#farDbfs();
    if (farDbfs > AUDIBLE_DBFS) this.#noteFarEnd();
    const isVoice = nearDbfs > Math.max(QUIETEST_VOICE_DBFS, farDbfs + this.#expectedEchoDb() + MARGIN_DB);
    if (farDbfs > AUDIBLE_DBFS) this.#learn(nearDbfs - farDbfs);
    return isVoice;
  }

  #noteFarEnd(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#audibleAtMs > REST_MS) this.#beganAtMs = nowMs;
    this.#audibleAtMs = nowMs;
  }

  #expectedEchoDb(): number {
    const isRefinding = this.#clock.now() - this.#beganAtMs < REFINDING_MS;
    return isRefinding ? Math.max(this.#echoDb, FIRST_ECHO_DB) : this.#echoDb;
  }

  #learn(echoDb: number): void {
    const step = Math.max(-FALL_DB, Math.min(RISE_DB, echoDb - this.#echoDb));
    this.#echoDb = Math.max(QUIETEST_ECHO_DB, Math.min(LOUDEST_ECHO_DB, this.#echoDb + step));
  }

  /** The loudest of what can be heard now, directly or as echo. */
  #farDbfs(): number {
    const nowMs = this.#clock.now();
    let loudest = Number.NEGATIVE_INFINITY;
    for (let i = this.#next - 1; i >= Math.max(0, this.#next - CAPACITY); i--) {
      const { startMs, endMs, dbfs } = this.#blocks[i % CAPACITY] as Block;
      if (endMs < nowMs - ECHO_TAIL_MS) break;
      if (startMs <= nowMs && dbfs > loudest) loudest = dbfs;
    }
    return loudest;
  }
}
