export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Share of the delay that is random: 0.2 gives 80–120 % of it, so that many devices do not come back at once. */
  readonly jitterShare?: number;
  /** Between 0 and 1; injected so that tests are exact. */
  readonly random?: () => number;
}

/** Delay in milliseconds before try number `attempt` (0 = first repetition): doubles each time up to `maxMs`. */
export function backoffDelayMs(
  attempt: number,
  { firstMs, maxMs, jitterShare = 0, random = Math.random }: BackoffOptions,
): number {
  const plainMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(plainMs * (1 + jitterShare * (2 * random() - 1)));
}
