const timePattern = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const datePattern = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{1,2}:\d{2}(?::\d{2})?)$/;

/**
 * The moment (ms since 1970) of `HH:MM[:SS]`, today or tomorrow, or of `YYYY-MM-DD HH:MM[:SS]`, in the time zone of the
 * device. A time that a change to summer time leaves out is taken as much later as the clock is put forward. Undefined for
 * what is no time.
 */
export function nextTime(text: string, nowMs: number): number | undefined {
  const dated = datePattern.exec(text);
  if (dated) {
    const [, year, month, day, time = ''] = dated;
    return moment(Number(year), Number(month), Number(day), time);
  }
  const now = new Date(nowMs);
  const [year, month, day] = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  const today = moment(year, month, day, text);
  if (today === undefined || today > nowMs) return today;
  const tomorrow = new Date(year, month - 1, day + 1);
  return moment(tomorrow.getFullYear(), tomorrow.getMonth() + 1, tomorrow.getDate(), text);
}

function moment(year: number, month: number, day: number, time: string): number | undefined {
  const parts = timePattern.exec(time);
  if (!parts) return undefined;
  const [hour, minute, second] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(year, month - 1, day, hour, minute, second);
  // February 30 becomes March 2; that is not what was meant.
  return date.getMonth() === month - 1 && date.getDate() === day ? date.getTime() : undefined;
}
