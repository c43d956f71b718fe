/** Names of the alarms of one instance: the stack's prefix, what they watch, and the instance. */
import * as z from "zod/mini";
import { InstanceId } from "../incident.ts";

/**
 * `silent`: it publishes nothing. `failing`: its table fills, it drops, or it forwards nothing. `ena1`, `ena2`: counters of
 * its interfaces as the CloudWatch agent publishes them. `any`: one of these.
 */
export const instanceAlarms = ["silent", "failing", "ena1", "ena2", "any"] as const;
export type InstanceAlarm = (typeof instanceAlarms)[number];

/** `prefix`: the stack's name and a hyphen. */
export const alarmName = (prefix: string, what: InstanceAlarm, instanceId: InstanceId): string =>
  `${prefix}${what}-${instanceId}`;

export const alarmNamesOf = (prefix: string, instanceId: InstanceId): string[] =>
  instanceAlarms.map((what) => alarmName(prefix, what, instanceId));

/** `undefined` for a name that is no instance's alarm, such as one of a stack whose name begins with ours. */
export function parseAlarmName(
  prefix: string,
  name: string,
): { what: InstanceAlarm; instanceId: InstanceId } | undefined {
  const what = instanceAlarms.find((candidate) => name.startsWith(`${prefix}${candidate}-i-`));
  if (what === undefined) return undefined;
  const instanceId = z.safeParse(InstanceId, name.slice(prefix.length + what.length + 1));
  return instanceId.success ? { what, instanceId: instanceId.data } : undefined;
}

/** Of a name that `parseAlarmName` knows: the alarms of one instance have it in common. */
export const instanceIn = (name: string): string => name.slice(name.lastIndexOf("-i-") + 1);

/** The fleet's alarms, whose contributors are instances. */
export const fleetPrefix = (prefix: string): string => `${prefix}fleet-`;
