import type { Clock, TimerHandle } from '../core/clock.ts';
import { clockLookMs, type SystemTime } from '../core/system-time.ts';

export interface NetworkWatchParts {
  readonly clock: Clock;
  readonly time: SystemTime;
  /** Addresses of this computer as they are now, but for those that lead to itself. Never throws. */
  readonly addresses: () => readonly string[];
  /** Connections of before may look alive and lead nowhere: `address`: another network, or none, or one again · `sleep`. */
  readonly onChange: (what: 'address' | 'sleep') => void;
}

/** Of an hour's sleep this is nothing, of a machine that stood still for a moment it is too much. */
const sleptMs = 3_000;

/** Looks now and then whether the computer has slept or has other addresses. Returns what ends it. */
export function watchNetwork({ clock, time, addresses, onChange }: NetworkWatchParts): () => void {
  let known = namesOf(addresses());
  let awayMs = time.bootMs() - clock.now();
  let timer: TimerHandle;
  const look = () => {
    const now = namesOf(addresses());
    const away = time.bootMs() - clock.now();
    const hasSlept = away - awayMs >= sleptMs;
    const hasMoved = now !== known;
    known = now;
    awayMs = away;
    if (hasMoved) onChange('address');
    else if (hasSlept) onChange('sleep');
    timer = clock.setTimeout(look, clockLookMs);
  };
  timer = clock.setTimeout(look, clockLookMs);
  return () => clock.clearTimeout(timer);
}

const namesOf = (addresses: readonly string[]): string => [...addresses].sort().join(' ');
