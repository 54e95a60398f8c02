import type { Clock } from '../core/clock.ts';
import type { ClientError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { createRateLimiter } from '../core/rate-limit.ts';
import { errorEvent, type StatusDisplay } from '../ports/status-display.ts';

const perKindMs = 1_000;

/** Tells people and scripts of an expected failure. The same kind at most once a second: a hostile server must not flood. */
export type ReportProblem = (error: ClientError, kind?: string) => void;

export function createProblemReporter(display: StatusDisplay, logger: Logger, clock: Clock): ReportProblem {
  const limiter = createRateLimiter(clock, { perKeyMs: perKindMs });
  return (error, kind = error.code) => {
    const { allowed, suppressed } = limiter.allow(kind);
    if (!allowed) return;
    logger.warn(error.message, {
      code: error.code,
      retryable: error.retryable,
      suppressed,
      cause: error.cause,
    });
    display.show(errorEvent(error));
  };
}
