/**
 * `npm run record [SCENARIO ...]`: plays scenarios on the real kernel, approves every step, and writes down what the
 * host answered (`scenarios/<id>/recording.json`) and what the functions were given (`events/functions/`).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { root } from "../build/layout.ts";
import { ChangeResult } from "../core/change.ts";
import { Evidence } from "../core/evidence.ts";
import { keepCase } from "../local/captured-evidence.ts";
import { type DrillResult, runDrill } from "../local/drill.ts";
import { bootGuest, type Guest } from "../local/qemu/guest.ts";
import { resetLab } from "../local/qemu/topology.ts";
import { stageOn } from "../local/qemu-stage.ts";
import { recordingHost } from "../local/recorder.ts";
import type { Recording } from "../local/recording.ts";
import { readScenario, recordingFile, type Scenario, scenarioIds, startingEvent } from "../local/scenario.ts";
import { startLocalStack } from "../local/stack.ts";
import { type Stage, stackOn } from "../local/stage.ts";
import type { ExecutionEvent } from "../local/states/events.ts";

const wanted = process.argv.slice(2);

const failed: string[] = [];
const scenarios = (wanted.length > 0 ? wanted : scenarioIds).map(readScenario);
for (const [memoryMiB, group] of Map.groupBy(scenarios, ({ host }) => host.memoryMiB)) {
  const guest = await bootGuest({ memoryMiB, report: console.log });
  try {
    for (const scenario of group) {
      try {
        await record(guest, scenario);
      } catch (error) {
        console.error(`${scenario.id}:`, error);
        failed.push(scenario.id);
      }
    }
  } finally {
    await guest.stop();
  }
}
if (failed.length > 0) console.error(`not recorded: ${failed.join(" ")}`);
// A stack that could not start may leave servers behind.
process.exit(failed.length === 0 ? 0 : 1);

async function record(guest: Guest, scenario: Scenario): Promise<void> {
  const { id, mode } = scenario;
  const capturedAt = new Date().toISOString();
  await resetLab(guest);
  const stage = await stageOn(guest, scenario);
  const { host, answers } = recordingHost(stage.host);
  const clients = Object.entries(stage.clients).map(([instanceId, client]) => ({
    instanceId,
    ...recordingHost(client),
  }));
  const recorded = {
    ...stage,
    host,
    clients: Object.fromEntries(clients.map((client) => [client.instanceId, client.host])),
  };
  const events: ExecutionEvent[] = [];
  const result = await runDrill({
    stage: recorded,
    event: startingEvent(scenario, mode),
    mode,
    person: async () => "approve",
    onEvent: (happened) => events.push(happened),
  });
  const found = result.diagnosis?.causes.map((cause) => cause.id) ?? [];
  console.log(`${id}: ${result.outcome}, ${found.join(", ")}`);
  if (result.outcome !== scenario.expect.outcome || (found[0] ?? null) !== scenario.expect.leading) {
    throw new Error(`expected ${scenario.expect.outcome}:\n${result.messages.at(-1)?.message}`);
  }
  keepCase(scenario, {
    variant: null,
    kernel: guest.kernel,
    capturedAt,
    command: `npm run record ${id}`,
    ...diagnosed(events),
  });
  const after = await stage.after();
  // The host rightly refuses to put a limit back that the traffic has outgrown.
  await guest.must("/opt/lab/traffic stop >/dev/null; conntrack -F 2>/dev/null");
  await undo(recorded, result);
  const recording: Recording = {
    provenance: { scenario: id, kernel: guest.kernel, capturedAt, command: `npm run record ${id}` },
    answers,
    ...(clients.length > 0 && {
      clients: Object.fromEntries(clients.map((client) => [client.instanceId, client.answers])),
    }),
    utilization: stage.utilization.map(({ at, value }) => ({ at: at.toISOString(), value })),
    traffic: { before: stage.before, during: stage.during, after },
  };
  writeFileSync(recordingFile(scenario), `${JSON.stringify(recording, null, 1)}\n`);
  // The scenario with the most in it gives the events for `sam local invoke`.
  if (id === "conntrack-table-full") writeFunctionEvents(events);
}

/** All that the last diagnosis was made of, and how long it took to read that. */
function diagnosed(events: readonly ExecutionEvent[]): { evidence: Evidence; seconds: number } {
  const Call = z.object({ FunctionName: z.literal("diagnose"), Payload: z.object({ evidence: Evidence }) });
  const began = events.find(({ state }) => state === "CollectEvidence")?.at;
  const calls = events.flatMap(({ type, input, at }) => {
    const call = type === "TaskScheduled" ? z.safeParse(Call, input) : undefined;
    return call?.success ? [{ evidence: call.data.Payload.evidence, at }] : [];
  });
  const last = calls.at(-1);
  if (last === undefined || began === undefined) throw new Error("nothing was diagnosed");
  return { evidence: last.evidence, seconds: Math.round((last.at - began) / 100) / 10 };
}

/** So that a recorded host can also undo what it was played to have done. */
async function undo(stage: Stage, { incident, steps }: DrillResult): Promise<void> {
  if (incident === null) return;
  const stack = await startLocalStack({
    ...stackOn(stage, [incident.instanceId]),
    mode: "apply",
    approvalSeconds: 60,
  });
  try {
    for (const { step, applied } of steps.toReversed()) {
      if (applied === null) continue;
      const undone = z.parse(ChangeResult, await stack.invoke("undo-fix", { incident, step, undo: null }));
      if (undone.status === "untold" || undone.change.status !== "changed")
        throw new Error(JSON.stringify(undone));
    }
  } finally {
    await stack.stop();
  }
}

function writeFunctionEvents(events: readonly ExecutionEvent[]): void {
  const Given = z.record(z.string(), z.unknown());
  const Call = z.object({ FunctionName: z.string(), Payload: z.unknown() });
  const payloads = new Map<string, unknown>();
  for (const { type, input } of events) {
    const call = z.safeParse(Call, input);
    if (type !== "TaskScheduled" || !call.success) continue;
    const { FunctionName, Payload } = call.data;
    if (!payloads.has(FunctionName)) payloads.set(FunctionName, Payload);
  }
  // Nobody asked for active tests in this run; who does gives the same.
  const asked = Given.parse(payloads.get("collect-source-evidence"));
  payloads.set("run-probes", { ...asked, incident: { ...Given.parse(asked.incident), probe: true } });
  // Nothing had to be undone in this run; what is undone is given as it was applied.
  payloads.set("undo-fix", { ...Given.parse(payloads.get("apply-fix")), undo: null });
  const folder = join(root, "events", "functions");
  mkdirSync(folder, { recursive: true });
  for (const [name, payload] of payloads) {
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(payload, null, 2)}\n`);
  }
}
