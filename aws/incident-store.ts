/**
 * The incident store: one DynamoDB table that remembers instances (and whose turn it is), events and incidents.
 * Every write is one conditional write of one item, and every function may be called again with the same arguments:
 * it then finds what it did before, and says the same. Times are ISO 8601, given by the caller.
 *
 * | pk                     | sk                            |                                        |
 * |------------------------|-------------------------------|----------------------------------------|
 * | instance/<instance ID> | record                        | the lock, the last closing, last undo  |
 * |                        | change/<incident ID>/<fix>    | one change made without a person       |
 * | event/<key>            | claim                         | which execution deals with it          |
 * | execution/<ARN>        | incident                      | what it works on                       |
 * |                        | death                         | that it ended badly, what is done then |
 * | incident/<incident ID> | head                          | what it is, open or closed, how closed |
 * |                        | trigger/first, trigger/<key>  | what opened it, what joined it         |
 * |                        | findings                      | evidence, diagnosis, plan              |
 * |                        | request/<hash of the secret>  | one question to people                 |
 * |                        | action/<fix>/<action>         | one thing asked of the host            |
 * |                        | step/<position>               | one finished step                      |
 */
import { isDeepStrictEqual } from "node:util";
import type { ChangeResult } from "../core/change.ts";
import { type Decided, DecisionRequest } from "../core/decision.ts";
import type { FixId } from "../core/fix.ts";
import type { Incident } from "../core/incident.ts";
import {
  Aftermath,
  HostAction,
  IncidentRecord,
  InstanceRecord,
  KnownTrigger,
} from "../core/incident-record.ts";
import type { StepRecord } from "../core/step-record.ts";
import { getItem, type Item, type Key, putItem, putNewItem, queryItems, updateItem } from "./dynamodb.ts";

/** An item of an incident, or of an instance, is kept this long after it was last written. */
export const keepDays = 90;
/** What only the present needs: event deliveries end after one day, and the circuit breaker looks back one. */
const shortDays = 2;

const instanceKey = (instanceId: string): Key => ({ pk: `instance/${instanceId}`, sk: "record" });
const incidentKey = (id: string, sk: string): Key => ({ pk: `incident/${id}`, sk });
const requestKey = (id: string, secretHash: string) => incidentKey(id, `request/${secretHash}`);
const actionKey = (id: string, fix: string, action: string) => incidentKey(id, `action/${fix}/${action}`);

type Holder = NonNullable<InstanceRecord["open"]>;
type Findings = NonNullable<IncidentRecord["findings"]>;
type ClosingRecord = NonNullable<IncidentRecord["closing"]>;

export async function readInstance(table: string, instanceId: string): Promise<InstanceRecord> {
  return instanceFrom(await queryItems(table, instanceKey(instanceId).pk));
}

/** From all items of one instance. */
export function instanceFrom(items: readonly Item[]): InstanceRecord {
  const record = items.find(({ sk }) => sk === "record") ?? {};
  const changes = items.filter(({ sk }) => sk !== "record");
  return InstanceRecord.parse({
    open: record.open ?? null,
    closed: record.closed ?? null,
    automaticChanges: Object.fromEntries(changes.map(({ change, at }) => [change, at])),
    undoneAt: record.undoneAt ?? null,
  });
}

/**
 * Takes the instance if its lock, and what was closed last, are still as `expected` was read.
 * True when the lock is this execution's now, also when it was before. False: read again and decide again.
 */
export async function takeInstance(
  table: string,
  instanceId: string,
  holder: Holder,
  expected: InstanceRecord,
): Promise<boolean> {
  const { open, closed } = expected;
  const taken = await updateItem(table, instanceKey(instanceId), {
    set: "#open = :holder",
    onlyIf: [
      open === null
        ? "attribute_not_exists(#open)"
        : "#open.#incidentId = :incidentId AND #open.#execution = :execution AND #open.#since = :since",
      closed === null
        ? "attribute_not_exists(#closed)"
        : "#closed.#incidentId = :closedId AND #closed.#at = :closedAt",
    ].join(" AND "),
    values: {
      ":holder": holder,
      ...(open !== null && {
        ":incidentId": open.incidentId,
        ":execution": open.execution,
        ":since": open.since,
      }),
      ...(closed !== null && { ":closedId": closed.incidentId, ":closedAt": closed.at }),
    },
    keepDays,
  });
  return taken || (await readInstance(table, instanceId)).open?.execution === holder.execution;
}

/** Does nothing when another incident holds the instance, or none. */
export async function releaseInstance(
  table: string,
  instanceId: string,
  incidentId: string,
  at: string,
): Promise<void> {
  await updateItem(table, instanceKey(instanceId), {
    set: "#closed = :closed",
    remove: "#open",
    onlyIf: "#open.#incidentId = :incidentId",
    values: { ":closed": { incidentId, at }, ":incidentId": incidentId },
    keepDays,
  });
}

/** `change`: `<incident ID>/<fix>`. Counted once, as of its first time; forgotten by itself after more than a day. */
export async function noteAutomaticChange(
  table: string,
  instanceId: string,
  change: string,
  at: string,
): Promise<void> {
  const { pk } = instanceKey(instanceId);
  await putNewItem(table, { pk, sk: `change/${change}` }, { change, at }, shortDays);
}

/** An earlier undo that is noted late does not hide a later one. */
export async function noteUndo(table: string, instanceId: string, at: string): Promise<void> {
  await updateItem(table, instanceKey(instanceId), {
    set: "#undoneAt = :at",
    onlyIf: "attribute_not_exists(#undoneAt) OR #undoneAt < :at",
    values: { ":at": at },
    keepDays,
  });
}

/** True: `execution` is the first to see the event, or was. False: another one deals with it. */
export async function claimEvent(table: string, event: string, execution: string): Promise<boolean> {
  const key = { pk: `event/${event}`, sk: "claim" };
  if (await putNewItem(table, key, { execution }, shortDays)) return true;
  return (await getItem(table, key))?.execution === execution;
}

export async function rememberExecution(
  table: string,
  executionArn: string,
  { incidentId, instanceId }: { incidentId: string; instanceId: string },
): Promise<void> {
  await putItem(
    table,
    { pk: `execution/${executionArn}`, sk: "incident" },
    { incidentId, instanceId },
    keepDays,
  );
}

export async function whoseExecution(
  table: string,
  executionArn: string,
): Promise<{ incidentId: string; instanceId: string } | undefined> {
  const found = await getItem(table, { pk: `execution/${executionArn}`, sk: "incident" });
  return found && { incidentId: String(found.incidentId), instanceId: String(found.instanceId) };
}

const deathKey = (executionArn: string): Key => ({ pk: `execution/${executionArn}`, sk: "death" });

/** That it has ended badly, for its own functions that may still run. */
export async function noteDeath(table: string, executionArn: string, at: string): Promise<void> {
  await putNewItem(table, deathKey(executionArn), { at }, keepDays);
}

export async function isDead(table: string, executionArn: string): Promise<boolean> {
  return (await getItem(table, deathKey(executionArn))) !== undefined;
}

/** `undefined` until it is decided. */
export async function readAftermath(table: string, executionArn: string): Promise<Aftermath | undefined> {
  const item = await getItem(table, deathKey(executionArn));
  return item?.aftermath === undefined ? undefined : Aftermath.parse(item.aftermath);
}

/** What is on record then: the first that was kept. */
export async function keepAftermath(
  table: string,
  executionArn: string,
  aftermath: Aftermath,
): Promise<Aftermath> {
  const key = deathKey(executionArn);
  const kept = await updateItem(table, key, {
    set: "#aftermath = :aftermath",
    onlyIf: "attribute_exists(pk) AND attribute_not_exists(#aftermath)",
    values: { ":aftermath": aftermath },
    keepDays,
  });
  return kept ? aftermath : Aftermath.parse((await existing(table, key)).aftermath);
}

/**
 * True: tell people of it now. False: they have been told, or somebody began to after `givenUpBefore` and may be at it.
 * Times are ISO 8601 in UTC, which sort as they are.
 * @throws Error when its death was never noted
 */
export async function beginTelling(
  table: string,
  executionArn: string,
  now: string,
  givenUpBefore: string,
): Promise<boolean> {
  const key = deathKey(executionArn);
  const begun = await updateItem(table, key, {
    set: "#tellingAt = :now",
    onlyIf:
      "attribute_exists(pk) AND attribute_not_exists(#toldAt) AND (attribute_not_exists(#tellingAt) OR #tellingAt < :before)",
    values: { ":now": now, ":before": givenUpBefore },
    keepDays,
  });
  if (begun) return true;
  const { tellingAt, toldAt } = await existing(table, key);
  return tellingAt === now && toldAt === undefined;
}

/** @throws Error when its death was never noted */
export async function endTelling(table: string, executionArn: string, at: string): Promise<void> {
  await mark(table, deathKey(executionArn), "toldAt", at);
}

/** @throws Error when another execution opened an incident of the same ID */
export async function createIncident(
  table: string,
  incident: Incident,
  execution: string,
  trigger: KnownTrigger,
): Promise<void> {
  const head = incidentKey(incident.id, "head");
  if (!(await putNewItem(table, head, { incident, execution, status: "open" }, keepDays))) {
    const { execution: other } = await existing(table, head);
    if (other !== execution) throw new Error(`${incident.id} was opened by another execution, ${other}`);
  }
  await keepTrigger(table, incidentKey(incident.id, "trigger/first"), trigger);
}

/** `event`: the same for every delivery of the same event, at most 900 bytes. */
export async function joinIncident(
  table: string,
  id: string,
  event: string,
  trigger: KnownTrigger,
): Promise<void> {
  await keepTrigger(table, incidentKey(id, `trigger/event/${event}`), trigger);
}

/** Once it is kept it stays: a repetition must not forget that the alarm cleared. */
async function keepTrigger(table: string, key: Key, { clearedAt, ...known }: KnownTrigger): Promise<void> {
  await putNewItem(table, key, { ...known, ...(clearedAt !== null && { clearedAt }) }, keepDays);
}

/** Notes that an alarm went back to OK at `at`, for each trigger of that alarm that is not younger than that. */
export async function clearTrigger(table: string, id: string, alarmName: string, at: string): Promise<void> {
  for (const item of await queryItems(table, incidentKey(id, "").pk, "trigger/")) {
    const { trigger } = triggerOf(item);
    // Events may overtake each other: an OK from before this alarm says nothing about it.
    if (trigger.kind !== "alarm" || trigger.alarmName !== alarmName) continue;
    if (Date.parse(trigger.at) > Date.parse(at)) continue;
    await updateItem(table, incidentKey(id, String(item.sk)), {
      set: "#clearedAt = :at",
      onlyIf: "attribute_exists(pk) AND attribute_not_exists(#clearedAt)",
      values: { ":at": at },
      keepDays,
    });
  }
}

export async function keepFindings(table: string, id: string, findings: Findings): Promise<void> {
  await putItem(table, incidentKey(id, "findings"), findings, keepDays);
}

/** What is on record of this action once it is begun: with an earlier time or a result, it was begun before. */
export async function beginAction(
  table: string,
  id: string,
  action: Pick<HostAction, "fix" | "action" | "begunAt">,
): Promise<HostAction> {
  const key = actionKey(id, action.fix, action.action);
  if (await putNewItem(table, key, action, keepDays)) return { ...action, endedAt: null, result: null };
  return actionOf(await existing(table, key));
}

/**
 * What the host told is not forgotten for a later "untold".
 * @throws Error when the action was never begun
 */
export async function endAction(
  table: string,
  id: string,
  fix: FixId,
  action: HostAction["action"],
  result: ChangeResult,
  endedAt: string,
): Promise<void> {
  const key = actionKey(id, fix, action);
  const ended = await updateItem(table, key, {
    set: "#result = :result, #endedAt = :endedAt",
    onlyIf:
      result.status === "told"
        ? "attribute_exists(pk)"
        : "attribute_exists(pk) AND (attribute_not_exists(#result) OR #result.#status = :untold)",
    values: {
      ":result": result,
      ":endedAt": endedAt,
      ...(result.status !== "told" && { ":untold": "untold" }),
    },
    keepDays,
  });
  if (!ended) await existing(table, key);
}

/** `position`: in the plan, from 0. */
export async function keepStep(
  table: string,
  id: string,
  position: number,
  record: StepRecord,
): Promise<void> {
  // Padded, so that the tenth comes after the ninth.
  const sk = `step/${String(position).padStart(4, "0")}`;
  await putItem(table, incidentKey(id, sk), { record }, keepDays);
}

/** Once it is kept it stays: a repetition must not forget the decision. */
export async function keepRequest(table: string, id: string, request: DecisionRequest): Promise<void> {
  const { decided, ...asked } = request;
  const fields = { ...asked, ...(decided !== null && { decided }), lapsesAt: Date.parse(request.expiresAt) };
  await putNewItem(table, requestKey(id, request.secretHash), fields, keepDays);
}

/**
 * True: this decision counts. False: there is another one, no such request, or (for a person's answer) it lapsed
 * before `now`.
 */
export async function decideRequest(
  table: string,
  id: string,
  secretHash: string,
  decided: Decided,
  now: string,
): Promise<boolean> {
  const key = requestKey(id, secretHash);
  const byPerson = decided.decision === "approve" || decided.decision === "reject";
  const counts = await updateItem(table, key, {
    set: "#decided = :decided",
    onlyIf: `attribute_exists(pk) AND attribute_not_exists(#decided)${byPerson ? " AND #lapsesAt > :now" : ""}`,
    values: { ":decided": decided, ...(byPerson && { ":now": Date.parse(now) }) },
    keepDays,
  });
  return counts || isDeepStrictEqual((await getItem(table, key))?.decided, decided);
}

/** @throws Error when there is no such request */
export async function deliveredRequest(table: string, id: string, secretHash: string): Promise<void> {
  await changeRequest(table, id, secretHash, "delivered", true);
}

/** @throws Error when there is no such request */
export async function toldRequest(table: string, id: string, secretHash: string, at: string): Promise<void> {
  await changeRequest(table, id, secretHash, "toldAt", at);
}

/** Another task waits for the same answer: the one that waited died and was started again. */
export async function renewRequest(
  table: string,
  id: string,
  secretHash: string,
  taskToken: string,
): Promise<void> {
  await changeRequest(table, id, secretHash, "taskToken", taskToken);
}

async function changeRequest(
  table: string,
  id: string,
  secretHash: string,
  attribute: "delivered" | "toldAt" | "taskToken",
  value: boolean | string,
): Promise<void> {
  const key = requestKey(id, secretHash);
  const changed = await updateItem(table, key, {
    set: `#${attribute} = :value`,
    onlyIf: "attribute_exists(pk)",
    values: { ":value": value },
    keepDays,
  });
  if (!changed) await existing(table, key);
}

/** True: closed with these words now, or before (whenever that was). False: it was closed otherwise. */
export async function closeIncident(table: string, id: string, closing: ClosingRecord): Promise<boolean> {
  const key = incidentKey(id, "head");
  const closed = await updateItem(table, key, {
    set: "#status = :closed, #closing = :closing",
    onlyIf: "#status = :open",
    values: { ":closed": "closed", ":closing": closing, ":open": "open" },
    keepDays,
  });
  if (closed) return true;
  const before = closingOf(await existing(table, key));
  return isDeepStrictEqual({ ...before, at: closing.at }, closing);
}

/** Its earlier closing stays on record until the next. */
export async function reopenIncident(table: string, id: string): Promise<void> {
  await mark(table, incidentKey(id, "head"), "status", "open");
}

/** `undefined` when there is no such incident, or it is forgotten. */
export async function readIncident(table: string, id: string): Promise<IncidentRecord | undefined> {
  return incidentFrom(await queryItems(table, incidentKey(id, "").pk));
}

/** From all items of one incident, in the order of `sk`. */
export function incidentFrom(items: readonly Item[]): IncidentRecord | undefined {
  const under = (prefix: string) => items.filter(({ sk }) => String(sk).startsWith(prefix));
  const [head] = under("head");
  if (head === undefined) return undefined;
  const [findings = null] = under("findings");
  const first = under("trigger/first").map(triggerOf);
  const joined = under("trigger/event/").map(triggerOf);
  return IncidentRecord.parse({
    incident: head.incident,
    execution: head.execution,
    status: head.status,
    triggers: [...first, ...joined.toSorted((a, b) => earlier(a.joinedAt, b.joinedAt))],
    findings,
    requests: under("request/")
      .map((request) => DecisionRequest.parse({ ...request, decided: request.decided ?? null }))
      .toSorted((a, b) => earlier(a.askedAt, b.askedAt)),
    actions: under("action/")
      .map(actionOf)
      .toSorted((a, b) => earlier(a.begunAt, b.begunAt)),
    steps: under("step/").map(({ record }) => record),
    closing: closingOf(head),
  });
}

const earlier = (a: string, b: string) => Date.parse(a) - Date.parse(b);

const triggerOf = (item: Item): KnownTrigger =>
  KnownTrigger.parse({ ...item, clearedAt: item.clearedAt ?? null });

const closingOf = ({ closing }: Item) => IncidentRecord.shape.closing.parse(closing ?? null);

const actionOf = (item: Item): HostAction =>
  HostAction.parse({ ...item, endedAt: item.endedAt ?? null, result: item.result ?? null });

/** Sets one attribute of an item that must be there. */
async function mark(table: string, key: Key, attribute: string, value: unknown): Promise<void> {
  const marked = await updateItem(table, key, {
    set: `#${attribute} = :value`,
    onlyIf: "attribute_exists(pk)",
    values: { ":value": value },
    keepDays,
  });
  if (!marked) await existing(table, key);
}

/** An item that must be there: what was done to it is worth nothing otherwise. */
async function existing(table: string, key: Key): Promise<Item> {
  const item = await getItem(table, key);
  if (item === undefined) throw new Error(`the incident store has no ${key.pk} ${key.sk}`);
  return item;
}
