/** The alarms that are there become those that ought to be, as far as the time allows. */
import * as z from "zod/mini";
import {
  agentCounters,
  alarmsBeginning,
  alarmsNamed,
  inGroups,
  mostPerDeletion,
  putAlarm,
  removeAlarms,
  stackOf,
} from "../../aws/alarms.ts";
import { watchedInstances } from "../../aws/ec2.ts";
import type { Alarm, KnownAlarm } from "../../core/alarms/alarm.ts";
import { type Difference, difference } from "../../core/alarms/difference.ts";
import { type AlarmSettings, desiredAlarms } from "../../core/alarms/instance.ts";
import { alarmName, alarmNamesOf, parseAlarmName } from "../../core/alarms/names.ts";
import { plainLine } from "../../core/plain-text.ts";
import { measure } from "../measure.ts";
import { logger, now } from "../step.ts";

export const Kept = z.object({
  put: z.int(),
  removed: z.int(),
  /** Have a name of ours without our tag, and were left as they are. */
  foreign: z.int(),
  /** Had to wait for the next sweep, which begins with what is still different. */
  left: z.int(),
});
export type Kept = z.infer<typeof Kept>;
export const nothingKept: Kept = { put: 0, removed: 0, foreign: 0, left: 0 };

/** `instanceId`: `null` for all instances and all alarms of ours. `gone`: as if no instance were enrolled any more. */
export type Scope = { instanceId: string | null; gone?: boolean };

/** Seconds after which nothing new is begun: well below the function's timeout, since calls are retried. */
export const workSeconds = 720;
/** What was changed is looked at again, in case the instance changed meanwhile and another event was quicker than we. */
const mostRounds = 3;
/** After so many the others would most likely fail too: a quota, or a right that is missing. */
const mostFailures = 5;

/** Throws, when all that can be done is done, if an alarm could not be written: whoever watches this function is told. */
export async function keepAlarms(settings: AlarmSettings, scope: Scope): Promise<Kept> {
  const work = workUntil(settings, Date.now() + workSeconds * 1000);
  for (let round = 0; round < mostRounds; round += 1) {
    const changes = await work.carryOut(await look(settings, scope));
    if (changes === 0 || work.kept.left > 0 || work.failures.length > 0) break;
  }
  const { kept, failures } = work;
  if (kept.left > 0) logger.warn("the next sweep goes on", { left: kept.left });
  if (kept.foreign > 0) measure("AlarmNotOurs", kept.foreign);
  if (failures.length > 0) throw new Error(`alarms could not be kept: ${failures.join("; ")}`);
  return kept;
}

async function look(settings: AlarmSettings, { instanceId, gone = false }: Scope): Promise<Difference> {
  const { prefix, agent } = settings;
  const [watched, named, counters] = await Promise.all([
    gone ? [] : watchedInstances(instanceId),
    instanceId === null ? alarmsBeginning(prefix) : alarmsNamed(alarmNamesOf(prefix, instanceId)),
    agent && !gone ? agentCounters(instanceId) : [],
  ]);
  const known = named.filter(({ name }) => parseAlarmName(prefix, name) !== undefined);
  const byName = new Map(known.map((alarm) => [alarm.name, alarm]));
  const byInstance = Map.groupBy(counters, ({ dimensions }) => dimensions.InstanceId);
  const desired = watched.toSorted().flatMap((id) => {
    const silent = byName.get(alarmName(prefix, "silent", id));
    const agentMetrics = byInstance.get(id) ?? [];
    return desiredAlarms({ instanceId: id, agentMetrics, silent }, settings, now());
  });
  return difference(desired, known);
}

function workUntil({ prefix }: AlarmSettings, deadline: number) {
  const stack = prefix.slice(0, -1);
  const kept = { ...nothingKept };
  const failures: string[] = [];
  /** Looked at once, however many rounds there are. */
  const ours = new Map<string, boolean>();

  const isOurs = async (alarm: KnownAlarm): Promise<boolean> => {
    const known = ours.get(alarm.name);
    if (known !== undefined) return known;
    const mine = (await stackOf(alarm)) === stack;
    ours.set(alarm.name, mine);
    if (!mine) {
      kept.foreign += 1;
      logger.warn("an alarm with a name of ours is somebody else's, and is left alone", {
        alarm: alarm.name,
      });
    }
    return mine;
  };
  const isOver = () => Date.now() >= deadline || failures.length >= mostFailures;

  const removeGroup = async (group: readonly KnownAlarm[]): Promise<number> => {
    const mine: KnownAlarm[] = [];
    for (const alarm of group) if (await isOurs(alarm)) mine.push(alarm);
    await removeAlarms(mine);
    kept.removed += mine.length;
    return mine.length;
  };
  const putOne = async (alarm: Alarm, replaces: KnownAlarm | null): Promise<number> => {
    if (replaces !== null && !(await isOurs(replaces))) return 0;
    await putAlarm(alarm, stack);
    kept.put += 1;
    return 1;
  };

  const removals = (alarms: readonly KnownAlarm[]) =>
    inGroups(alarms, mostPerDeletion).map((group) => ({
      size: group.length,
      run: () => removeGroup(group),
    }));

  /** How many were changed. */
  const carryOut = async ({ remove, put, removeAfter }: Difference): Promise<number> => {
    const jobs = [
      ...removals(remove),
      ...put.map(({ alarm, replaces }) => ({ size: 1, run: () => putOne(alarm, replaces) })),
      ...removals(removeAfter),
    ];
    let changes = 0;
    kept.left = 0;
    for (const { size, run } of jobs) {
      if (isOver()) kept.left += size;
      else changes += await run().catch((error: unknown) => failed(error));
    }
    return changes;
  };
  const failed = (error: unknown): number => {
    const words = error instanceof Error ? `${error.name}: ${error.message}` : "unknown error";
    logger.error("an alarm could not be kept", { words });
    failures.push(plainLine(words, 200));
    return 0;
  };
  return { carryOut, kept, failures };
}
