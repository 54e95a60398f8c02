import type { Clock, TimerHandle } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';

/** What a bad network does to audio packets. Shares are 0 to 1. */
export interface Impairment {
  /** Share of packets that never arrive. */
  readonly loss: number;
  /** Every packet is late by a random part of this. */
  readonly jitterMs: number;
  /** Share of packets that the next one overtakes. */
  readonly reorder: number;
  /** Share of packets that arrive twice. */
  readonly duplicate: number;
  /** The same seed gives the same bad luck. */
  readonly seed: number;
  /** `up`: from the device, `down`: to it. */
  readonly leg: 'up' | 'down' | 'both';
}

export const perfectNetwork: Impairment = {
  loss: 0,
  jitterMs: 0,
  reorder: 0,
  duplicate: 0,
  seed: 1,
  leg: 'both',
};

const usage =
  'Write it like loss=5%,jitter=40ms,reorder=3%,dup=2%,seed=1,leg=both: shares from 0% to 100%, jitter up to 5000ms, a whole number as seed, leg up, down or both; leave out what you do not want.';

/**
 * Reads `loss=5%,jitter=40ms,reorder=3%,dup=2%,seed=1,leg=both`.
 * @throws ClientError USAGE_INVALID that says how it is written
 */
export function parseImpairment(text: string): Impairment {
  const parsed: { -readonly [Key in keyof Impairment]: Impairment[Key] } = { ...perfectNetwork };
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const [name = '', value = '', ...rest] = part.trim().split('=');
    if (rest.length > 0 || seen.has(name)) throw badUsage(part);
    seen.add(name);
    if (name === 'loss' || name === 'reorder') parsed[name] = shareOf(value, part);
    else if (name === 'dup') parsed.duplicate = shareOf(value, part);
    else if (name === 'jitter') parsed.jitterMs = numberOf(value, /^(\d{1,4}(?:\.\d+)?)ms$/u, 5_000, part);
    else if (name === 'seed') parsed.seed = numberOf(value, /^(\d{1,10})$/u, 0xffffffff, part);
    else if (name === 'leg' && (value === 'up' || value === 'down' || value === 'both')) parsed.leg = value;
    else throw badUsage(part);
  }
  return parsed;
}

function shareOf(value: string, part: string): number {
  return numberOf(value, /^(\d{1,3}(?:\.\d+)?)%$/u, 100, part) / 100;
}

function numberOf(value: string, pattern: RegExp, max: number, part: string): number {
  const number = Number(pattern.exec(value)?.[1] ?? Number.NaN);
  if (!(number <= max)) throw badUsage(part);
  return number;
}

function badUsage(part: string): ClientError {
  return new ClientError(
    ErrorCode.usageInvalid,
    `The impairment "${part.trim().slice(0, 60)}" is not understood. ${usage}`,
  );
}

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface ImpairedPathOptions<T> {
  readonly impairment: Impairment;
  /** A stream loses and reorders nothing: what is lost is sent again, and all behind it waits. */
  readonly carrier: 'datagram' | 'stream';
  readonly clock: Clock;
  /** Never throws. */
  readonly deliver: (item: T) => void;
}

export interface ImpairedPath<T> {
  /** `item` must outlive the call. */
  send(item: T): void;
  /** Nothing arrives any more. */
  stop(): void;
  readonly counters: {
    readonly lost: number;
    readonly reordered: number;
    readonly duplicated: number;
    readonly overflowed: number;
  };
}

/** Overtaken by the next frame of 60 ms, not by the whole answer. */
const overtakenMs = 80;
/** What TCP waits at least before it sends again. */
const retransmissionMs = 200;
/** More than a network keeps; newer ones are dropped. */
const maxOnTheWay = 2_000;

/** One direction of a bad network, in the time of `clock` and with the luck of the seed. */
export function createImpairedPath<T>(options: ImpairedPathOptions<T>): ImpairedPath<T> {
  const { impairment, carrier, clock, deliver } = options;
  const random = seededRandom(impairment.seed);
  const counters = { lost: 0, reordered: 0, duplicated: 0, overflowed: 0 };
  const onTheWay = new Set<TimerHandle>();
  let lastDueMs = 0;

  function deliverAfter(item: T, delayMs: number): void {
    if (delayMs <= 0 && onTheWay.size === 0) {
      deliver(item);
      return;
    }
    if (onTheWay.size >= maxOnTheWay) {
      counters.overflowed += 1;
      return;
    }
    const timer = clock.setTimeout(() => {
      onTheWay.delete(timer);
      deliver(item);
    }, delayMs);
    onTheWay.add(timer);
  }

  function sendDatagram(item: T): void {
    // Always four numbers, so that one switch more does not change the luck of the others.
    const [lost, delay, overtaken, twice] = [random(), random(), random(), random()];
    if (lost < impairment.loss) {
      counters.lost += 1;
      return;
    }
    let delayMs = delay * impairment.jitterMs;
    if (overtaken < impairment.reorder) {
      counters.reordered += 1;
      delayMs += overtakenMs;
    }
    deliverAfter(item, delayMs);
    if (twice < impairment.duplicate) {
      counters.duplicated += 1;
      deliverAfter(item, delayMs + 1);
    }
  }

  function sendInStream(item: T): void {
    const [lost, delay] = [random(), random()];
    const again = lost < impairment.loss;
    if (again) counters.lost += 1;
    const nowMs = clock.now();
    const dueMs = nowMs + delay * impairment.jitterMs + (again ? retransmissionMs : 0);
    lastDueMs = Math.max(lastDueMs, dueMs);
    deliverAfter(item, lastDueMs - nowMs);
  }

  return {
    send: carrier === 'stream' ? sendInStream : sendDatagram,
    stop() {
      for (const timer of onTheWay) clock.clearTimeout(timer);
      onTheWay.clear();
    },
    counters,
  };
}
