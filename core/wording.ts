/** How numbers and times are written for people: the same everywhere. */

export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function percent(share: number): string {
  const value = share * 100;
  // From 9.95 one decimal would be written as "10.0".
  return `${value >= 9.95 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

/** Of bandwidth: `0.064 Gbit/s`, `5 Gbit/s`. */
export function gigabits(perSecond: number): string {
  return `${Number(perSecond.toPrecision(3))} Gbit/s`;
}

export function duration(seconds: number): string {
  if (seconds >= 2 * 86_400) return `${tidy(seconds / 86_400)} days`;
  if (seconds >= 2 * 3_600) return `${tidy(seconds / 3_600)} h`;
  if (seconds >= 120) return `${tidy(seconds / 60)} min`;
  return `${tidy(seconds)} s`;
}

/** A timeout of a setting, which people know by its seconds: `350 s`, `7,440 s`, `24 h`, `5 days`. */
export function timeout(seconds: number): string {
  return seconds < 10_000 ? `${whole(seconds)} s` : duration(seconds);
}

/** `2026-11-20T03:12:44.000Z` as `2026-11-20 03:12:44 UTC`; anything else as it is. */
export function moment(iso: string): string {
  const [, day, time] = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?Z$/.exec(iso) ?? [];
  return day === undefined ? iso : `${day} ${time} UTC`;
}

/** Unix seconds as `2026-11-20 03:12:44 UTC`. */
export function momentOf(seconds: number): string {
  return moment(new Date(seconds * 1000).toISOString());
}

function tidy(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
