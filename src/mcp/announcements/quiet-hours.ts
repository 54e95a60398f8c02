import type { QuietHours } from './settings.ts';

const minutesPerDay = 24 * 60;

/** How long the quiet hours go on from `now`, in ms; 0 outside of them. Local time, so days of 23 and 25 hours count right. */
export function quietForMs({ from, to }: QuietHours, now: Date): number {
  const [start, end] = [minutesOf(from), minutesOf(to)];
  const minute = now.getHours() * 60 + now.getMinutes();
  const sinceStart = (minute - start + minutesPerDay) % minutesPerDay;
  const length = (end - start + minutesPerDay) % minutesPerDay;
  if (sinceStart >= length) return 0;
  const daysAhead = end <= minute ? 1 : 0;
  const over = new Date(
    now.getFullYear(),
    now.getMonth(),
    now.getDate() + daysAhead,
    Math.floor(end / 60),
    end % 60,
  );
  // The hour that is there twice in autumn can lie before `now`.
  return Math.max(1000, over.getTime() - now.getTime());
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}
