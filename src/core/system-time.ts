/** A point in time that no change of the date can move: ms since the kernel of `boot` started, time in suspend included. */
export interface Moment {
  readonly boot: string;
  readonly bootMs: number;
}

/**
 * What the operating system knows of time. A board without a battery starts with a date that is wrong by hours or by
 * years, and the network sets it later; so durations are measured in `bootMs`, and dates are worked out from moments.
 */
export interface SystemTime {
  /** Names this boot of the kernel; moments of other boots cannot be compared with those of this one. */
  readonly boot: string;
  /** Milliseconds since the kernel started, time in suspend included. Nobody can set it. */
  bootMs(): number;
  /** Date and time of day, ms since 1970. May be wrong, and may step. */
  wallMs(): number;
}

/** How often the date is compared with the time since boot, where somebody has to notice that it was set. */
export const clockLookMs = 20_000;

export function momentOf(time: SystemTime): Moment {
  return { boot: time.boot, bootMs: time.bootMs() };
}

/**
 * How long ago the moment was; undefined when it belongs to another boot. A moment of this boot that lies ahead was not
 * measured on this clock (a container starts its own count), so it says nothing either.
 */
export function sinceMs(moment: Moment | undefined, time: SystemTime): number | undefined {
  if (moment?.boot !== time.boot) return undefined;
  const ms = time.bootMs() - moment.bootMs;
  return ms < 0 ? undefined : ms;
}

/** The date of a moment by what the clock says now, however wrong it was then; undefined for moments of other boots. */
export function dateOf(moment: Moment | undefined, time: SystemTime): number | undefined {
  const ms = sinceMs(moment, time);
  return ms === undefined ? undefined : time.wallMs() - ms;
}
