import type { Clock } from './clock.ts';

export interface RateDecision {
  readonly allowed: boolean;
  /** How many of the same key were held back since the last allowed one; for the line that is now let through. */
  readonly suppressed: number;
}

export interface RateLimiter {
  /** Asks leave to report `key` once more; the answer counts as a report. */
  allow(key: string): RateDecision;
}

export interface RateLimitOptions {
  /** After one report of a key the next passes when this long has gone by. */
  readonly perKeyMs: number;
  /** Keys remembered; the one that was let through longest ago is forgotten first. */
  readonly maxKeys?: number;
}

interface Period {
  readonly startedMs: number;
  suppressed: number;
}

/** Lets the first report of a key pass at once and then one per period, so that a bad peer cannot flood logs and events. */
export function createRateLimiter(clock: Clock, { perKeyMs, maxKeys = 64 }: RateLimitOptions): RateLimiter {
  const periods = new Map<string, Period>();
  return {
    allow(key) {
      const nowMs = clock.now();
      const period = periods.get(key);
      if (period && nowMs - period.startedMs < perKeyMs) {
        period.suppressed += 1;
        return { allowed: false, suppressed: period.suppressed };
      }
      // Deleting first moves the key to the end: the map's order is the order of the periods.
      periods.delete(key);
      periods.set(key, { startedMs: nowMs, suppressed: 0 });
      if (periods.size > maxKeys) forgetOldest(periods);
      return { allowed: true, suppressed: period?.suppressed ?? 0 };
    },
  };
}

function forgetOldest(periods: Map<string, Period>): void {
  for (const key of periods.keys()) {
    periods.delete(key);
    return;
  }
}
