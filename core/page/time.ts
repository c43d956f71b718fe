/** Times for people on the page: always UTC, since a page without a script cannot know where its reader is. */
import { duration, moment } from "../wording.ts";
import { type Html, html, nothing } from "./html.ts";

/** `2026-11-20 03:12:44 UTC`, readable for machines where it is a time at all. */
export function time(iso: string): Html {
  return Number.isNaN(Date.parse(iso))
    ? html`${iso}`
    : html`<time datetime="${iso}">${unbroken(moment(iso))}</time>`;
}

/** The same without seconds. */
export function minute(iso: string): Html {
  return Number.isNaN(Date.parse(iso))
    ? html`${iso}`
    : html`<time datetime="${iso}">${unbroken(moment(iso).replace(/:\d\d UTC$/, " UTC"))}</time>`;
}

/** The time of day and its zone stay on one line. */
const unbroken = (words: string) => words.replace(" UTC", "\u00a0UTC");

/** "21 min ago", "in 3.9 h"; nothing for what is no time. Both ISO 8601. */
export function distance(iso: string, now: string): Html {
  const seconds = Math.round((Date.parse(iso) - Date.parse(now)) / 1000);
  if (Number.isNaN(seconds)) return nothing;
  return seconds > 0 ? html`in ${roughly(seconds)}` : html`${roughly(-seconds)} ago`;
}

/** "3 h 58 min" from `now` to `iso`, both ISO 8601; empty for what is no time or past. */
export function left(iso: string, now: string): string {
  const seconds = (Date.parse(iso) - Date.parse(now)) / 1000;
  return seconds > 0 ? roughly(seconds) : "";
}

/** Whole minutes below two hours, hours and minutes below two days. */
function roughly(seconds: number): string {
  if (seconds < 120) return duration(Math.round(seconds));
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  if (seconds >= 2 * 86_400) return duration(seconds);
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Time of day of a moment in Unix seconds, such as `03:12`. */
export function clock(at: number): string {
  const date = new Date(at * 1000);
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().slice(-13, -8);
}
