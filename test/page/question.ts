/** A question to people, kept in the incident store of a local stack as the state machine would have kept it. */

import { createIncident, keepFindings, keepRequest } from "../../aws/incident-store.ts";
import type { DecisionRequest } from "../../core/decision.ts";
import { diagnose } from "../../core/diagnosis.ts";
import type { MetricHistory } from "../../core/evidence/cloud.ts";
import type { IncidentRecord } from "../../core/incident-record.ts";
import { hashOf, linkTo, newKey } from "../../functions/link.ts";
import { capturedCases } from "../../local/captured-evidence.ts";
import { readScenario } from "../../local/scenario.ts";
import type { LocalStack } from "../../local/stack.ts";
import { askedIncident } from "../core/recorded-incident.ts";

export type Question = { id: string; key: string; link: string; request: DecisionRequest };

/** The table three hours before the alarm: quiet, then filling. Made up, but for its last value; the host's is not kept. */
export function risingUtilization(alarmAt: string): MetricHistory {
  const last = Math.floor(Date.parse(alarmAt) / 60_000) * 60;
  const points = Array.from({ length: 172 }, (_, index) => {
    const quiet = 3.2 + Math.sin(index / 7) * 0.9 + ((index * 7919) % 13) / 13;
    const filling = index < 120 ? 0 : 100 * ((index - 120) / 51) ** 1.7;
    return { at: last - (171 - index) * 60, value: Math.min(100, Math.round((quiet + filling) * 10) / 10) };
  });
  return { name: "NatMedic/ConntrackUtilization", points };
}

/** The recorded incident with its question, moved to the present. `change` may alter it in place. */
export function presentIncident(
  key: string,
  change: (record: IncidentRecord) => void = () => {},
): IncidentRecord {
  const shift = Date.now() - 150_000 - Date.parse("2026-11-20T03:13:01.000Z");
  const record: IncidentRecord = JSON.parse(JSON.stringify(askedIncident()), (_, value) =>
    typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
      ? new Date(Date.parse(value) + shift).toISOString()
      : value,
  );
  const [asCaptured] = capturedCases(readScenario("conntrack-table-full"));
  const { cloud } = asCaptured!.evidence;
  if (!cloud.asked) throw new Error("the captured evidence is not of a cloud that was asked");
  record.findings!.evidence.cloud = { ...cloud, metric: risingUtilization(record.incident.trigger.at) };
  const { incident, findings } = record;
  if (incident.trigger.kind === "alarm") {
    const dimensions = { InstanceId: incident.instanceId };
    incident.trigger.metric = { namespace: "NatMedic", name: "ConntrackUtilization", dimensions };
  }
  findings!.diagnosis = diagnose(findings!.evidence, incident.trigger);
  record.requests[0]!.secretHash = hashOf(key);
  change(record);
  return record;
}

let asked = 0;

export async function ask(
  { table, pageUrl }: LocalStack,
  change: (record: IncidentRecord) => void = () => {},
): Promise<Question> {
  const key = newKey();
  const record = presentIncident(key, change);
  asked += 1;
  const id = `inc-20261121t031250z-5f678900-${String(asked).padStart(12, "0")}`;
  const request = record.requests[0]!;
  await createIncident(table, { ...record.incident, id }, record.execution, record.triggers[0]!);
  await keepFindings(table, id, record.findings!);
  await keepRequest(table, id, request);
  return { id, key, link: linkTo(pageUrl, id, key), request };
}

/** The store's client reads these when it is first used. */
export function useStore({ url }: LocalStack): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
}
