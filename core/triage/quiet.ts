/** Alarms that nobody wants to hear of now: muted by a rule, or composites whose actions are suppressed. */
import type { AlarmEvent } from "./alarm-event.ts";

export type Quiet =
  | { heard: "now" }
  /** The alarm is looked at again at `until`, ISO 8601. */
  | { heard: "later"; until: string; reason: string }
  | { heard: "never"; reason: string };

/**
 * Seconds that an execution waits for the end of a mute: with a cool-down and a day for a decision after it, the state
 * machine's own limit of four days leaves one for the work.
 */
const longestWaitSeconds = 86_400;

/** `now`: ISO 8601. */
export function quietOf({ name, at, muted, suppressed }: AlarmEvent, now: string): Quiet {
  if (muted !== null) {
    const muting = `the alarm ${name} is muted`;
    if (muted.until === null) return never(`${muting}, and the event does not say until when`);
    return wait(muted.until, now, muting);
  }
  if (suppressed !== null) {
    const suppressing = `the actions of the alarm ${name} are suppressed (${suppressed.by})`;
    const until = Date.parse(at) + suppressed.seconds * 1000;
    // While its suppressor is in ALARM nobody knows the end; CloudWatch tells of it by another event.
    if (suppressed.seconds <= 0 || Number.isNaN(until)) return never(suppressing);
    return wait(new Date(until).toISOString(), now, suppressing);
  }
  return { heard: "now" };
}

function wait(until: string, now: string, why: string): Quiet {
  const seconds = (Date.parse(until) - Date.parse(now)) / 1000;
  if (seconds <= 0) return { heard: "now" };
  if (seconds > longestWaitSeconds) {
    return never(`${why} until ${until}, longer than NAT Medic waits; the daily check still looks at it`);
  }
  return { heard: "later", until, reason: `${why} until ${until}, when it is looked at again` };
}

const never = (reason: string): Quiet => ({ heard: "never", reason });
