/** When a log file is rotated, what the old one is called, and which old ones are to go: pure calendar arithmetic. */

export type RotationPeriod = 'never' | 'daily' | 'hourly';

const HOUR_MS = 3_600_000;

/**
 * When the period that holds `unixMs` ends, in local time; Infinity for `never`. A day of 23 or 25 hours (change of
 * daylight saving time) ends at local midnight; an hour ends 3,600 s after it began, also where the clock is put back.
 */
export function periodEnd(period: RotationPeriod, unixMs: number): number {
  if (period === 'never') return Number.POSITIVE_INFINITY;
  const at = new Date(unixMs);
  if (period === 'daily') return new Date(at.getFullYear(), at.getMonth(), at.getDate() + 1).getTime();
  const intoHour = at.getMinutes() * 60_000 + at.getSeconds() * 1000 + at.getMilliseconds();
  return unixMs - intoHour + HOUR_MS;
}

/** What is put behind the file's name for the period that holds `unixMs`: `YYYYMMDD`, or `YYYYMMDDHH` for `hourly`. */
export function periodStamp(period: RotationPeriod, unixMs: number): string {
  const at = new Date(unixMs);
  const day = `${at.getFullYear()}${twoDigits(at.getMonth() + 1)}${twoDigits(at.getDate())}`;
  return period === 'hourly' ? day + twoDigits(at.getHours()) : day;
}

/**
 * Which of `names` are rotated files of `baseName` from more than `maxDays` days before the day of `unixMs` (0: none).
 * Daily, hourly and numbered ones (`.1`) all count, since the configuration may have changed meanwhile.
 */
export function outdated(baseName: string, names: readonly string[], maxDays: number, unixMs: number): string[] {
  if (maxDays <= 0) return [];
  const now = new Date(unixMs);
  const firstKept = new Date(now.getFullYear(), now.getMonth(), now.getDate() - maxDays).getTime();
  return names.filter((name) => {
    if (!name.startsWith(`${baseName}.`)) return false;
    const stamp = /^(\d{4})(\d\d)(\d\d)(?:\d\d)?(?:\.\d+)?$/.exec(name.slice(baseName.length + 1));
    return stamp !== null && new Date(Number(stamp[1]), Number(stamp[2]) - 1, Number(stamp[3])).getTime() < firstKept;
  });
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0');
}
