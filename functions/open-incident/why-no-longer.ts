/** After a wait the event is old: what has become of its alarm meanwhile? */
import { alarmState, contributorsInAlarm } from "../../aws/cloudwatch.ts";
import type { Triage } from "../../core/triage.ts";

/** Why nothing is to be done any more, for people; `undefined` when the alarm still holds, or nobody knows. */
export async function whyNoLonger(
  { trigger, alarm }: Triage & { decision: "open" },
  instanceId: string,
): Promise<string | undefined> {
  if (trigger.kind !== "alarm" || alarm === null) return undefined;
  const now = await alarmState(alarm);
  if (now?.state === "OK") return `the alarm ${trigger.alarmName} cleared in the meantime`;
  if (now?.suppressed === true) {
    return `the actions of the alarm ${trigger.alarmName} are suppressed, and CloudWatch tells when that ends`;
  }
  if (trigger.contributor !== true || trigger.child !== undefined) return undefined;
  const series = await contributorsInAlarm(alarm);
  return series.some(({ InstanceId }) => InstanceId === instanceId || InstanceId === undefined)
    ? undefined
    : `the alarm ${trigger.alarmName} cleared for ${instanceId} in the meantime`;
}
