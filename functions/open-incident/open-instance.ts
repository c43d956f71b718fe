/** Opens an incident for one instance, or joins the one that is open: whoever takes the lock first works. */
import { tagsOf } from "../../aws/ec2.ts";
import {
  claimEvent,
  createIncident,
  joinIncident,
  readInstance,
  rememberExecution,
  takeInstance,
} from "../../aws/incident-store.ts";
import { freshInstance } from "../../core/incident-record.ts";
import { instanceToLookUp, type Opening, type OpeningFacts, open } from "../../core/opening.ts";
import type { Triage } from "../../core/triage.ts";
import { environment } from "../environment.ts";
import { inPlace } from "../in-place.ts";
import { measure } from "../measure.ts";
import { endIfDead } from "./end-if-dead.ts";
import { whyNoLonger } from "./why-no-longer.ts";

export type Asked<Decision extends Triage["decision"]> = {
  triaged: Triage & { decision: Decision };
  execution: OpeningFacts["execution"];
  /** ISO 8601. */
  now: string;
};

/** Losing the race means that somebody else has the lock, so the next look joins; more than this is a defect. */
const mostAttempts = 5;

export async function openInstance({
  triaged,
  waited,
  execution,
  now,
}: Asked<"open"> & { waited: boolean }): Promise<Opening> {
  const { trigger, eventKey, place } = triaged;
  const instanceId = instanceToLookUp(triaged);
  const [stackMode, limits] = [environment.mode(), environment.limits()];
  const facts = { triage: triaged, stackMode, limits, execution, now };
  if (instanceId === undefined) return open({ ...facts, tags: undefined, record: freshInstance });
  const table = environment.table();
  const tags = await inPlace(place, () => tagsOf(instanceId));
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const record = await readInstance(table, instanceId);
    const opening = open({ ...facts, tags, record });
    if (!["open", "join", "wait"].includes(opening.decision)) return opening;
    const mine = eventKey === null || (await claimEvent(table, `${instanceId} ${eventKey}`, execution.arn));
    if (!mine) return { decision: "ignore", reason: "this event was delivered before" };
    if (waited && opening.decision !== "wait") {
      const reason = await inPlace(place, () => whyNoLonger(triaged, instanceId));
      if (reason !== undefined) return { decision: "ignore", reason };
    }
    const known = { trigger, joinedAt: now, clearedAt: null };
    if (opening.decision === "join") {
      await joinIncident(table, opening.incidentId, eventKey ?? execution.name, known);
    }
    if (opening.decision !== "open") return opening;
    const { incident } = opening;
    // Before the lock: an execution that dies with it is found by this.
    await rememberExecution(table, execution.arn, { incidentId: incident.id, instanceId });
    const holder = { incidentId: incident.id, execution: execution.arn, since: now };
    if (await takeInstance(table, instanceId, holder, record)) {
      await createIncident(table, incident, execution.arn, known);
      await endIfDead(incident, execution.arn, now);
      measure("IncidentOpened", 1);
      return opening;
    }
  }
  throw new Error(`${instanceId} was taken by others ${mostAttempts} times in a row`);
}
