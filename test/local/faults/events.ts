/** Events as EventBridge delivers them, about the instance of a play. */
import { readFileSync } from "node:fs";
import type { Execution } from "../../../local/states/execution.ts";
import type { Play } from "./theatre.ts";

const alarm = readFileSync("events/alarm-conntrack-utilization.json", "utf8");
const cleared = readFileSync("events/alarm-cleared.json", "utf8");
const composite = readFileSync("events/alarm-composite.json", "utf8");
const ended = readFileSync("events/functions/rescue-incident.json", "utf8");

export type Particulars = {
  /** Milliseconds since the epoch. */
  at: number;
  alarmName?: string;
  /** EventBridge's own; the same when it delivers the same event again. */
  id?: string;
};

export const alarmed = (play: Play, particulars: Particulars): object => about(alarm, play, particulars);
/** Muted for so many seconds from then on. */
export function mutedFor(seconds: number, play: Play, particulars: Particulars): object {
  const event = JSON.parse(JSON.stringify(alarmed(play, particulars)));
  const end = new Date(particulars.at + seconds * 1000).toISOString().replace("Z", "+0000");
  event.detail.muteDetail = { mutedByArn: "arn:aws:cloudwatch:::alarm-mute-rule:night", muteWindowEnd: end };
  return event;
}
/** A composite alarm, whose child is the world's own alarm on the table of the instance. */
export const composed = (play: Play, particulars: Particulars): object =>
  about(composite, play, { alarmName: `${play.instanceId}-conntrack-utilization`, ...particulars });
export const okAgain = (play: Play, particulars: Particulars): object => about(cleared, play, particulars);

export const byHand = ({ instanceId }: Play, mode: "propose" | "approve" | "apply" = "apply") => ({
  instanceId,
  mode,
});

/** What the rule hands to RescueIncident. */
export function died(
  { arn, name, startedAt }: Execution,
  status: "FAILED" | "TIMED_OUT" | "ABORTED",
  at: number,
): object {
  const event = JSON.parse(ended);
  const detail = { ...event.detail, executionArn: arn, name, status, startDate: startedAt };
  return { ...event, time: new Date(at).toISOString().replace(/\.\d+Z$/, "Z"), resources: [arn], detail };
}

function about(template: string, play: Play, { at, alarmName = play.alarms[0], id }: Particulars): object {
  const event = JSON.parse(
    template
      .replaceAll("i-0a1b2c3d4e5f67890", play.instanceId)
      .replaceAll("nat-a-conntrack-utilization", alarmName),
  );
  event.id = id ?? crypto.randomUUID();
  event.time = new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
  event.detail.state.timestamp = new Date(at).toISOString().replace("Z", "+0000");
  return event;
}
