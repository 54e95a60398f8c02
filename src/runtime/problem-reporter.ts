import type { Clock } from '../core/clock.ts';
import type { ClientError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { createRateLimiter } from '../core/rate-limit.ts';
import { errorEvent, type StatusDisplay } from '../ports/status-display.ts';

const perKindMs = 1_000;
/** Kinds may be named by the server (a message of an unknown type), so their number needs a bound of its own. */
const maxKindsPerPeriod = 5;

/**
 * Tells people and scripts of an expected failure. The same kind at most once a second, and of one code no more than five
 * kinds: a hostile server must not flood.
 */
export type ReportProblem = (error: ClientError, kind?: string) => void;

export function createProblemReporter(display: StatusDisplay, logger: Logger, clock: Clock): ReportProblem {
  const limiter = createRateLimiter(clock, { perKeyMs: perKindMs });
  const periods = new Map<string, { readonly startedMs: number; kinds: number }>();
  const isFlood = (code: string): boolean => {
    const period = periods.get(code);
    if (period && clock.now() - period.startedMs < perKindMs) {
      period.kinds += 1;
      return period.kinds > maxKindsPerPeriod;
    }
    periods.set(code, { startedMs: clock.now(), kinds: 1 });
    return false;
  };
  return (error, kind = error.code) => {
    const { allowed, suppressed } = limiter.allow(kind);
    if (!allowed || isFlood(error.code)) return;
    // The display says it aloud; here is what only a developer wants to know.
    logger.debug('Problem', { code: error.code, kind, suppressed, cause: error.cause });
    display.show(errorEvent(error));
  };
}
