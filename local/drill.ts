/** One incident played through the local stack, from its event to its report. */
import * as z from "zod/mini";
import { Outcome } from "../core/closing.ts";
import { Diagnosis } from "../core/diagnosis.ts";
import { Incident, metricNamespace } from "../core/incident.ts";
import type { Mode } from "../core/mode.ts";
import { Plan } from "../core/plan.ts";
import { type Answer, StepRecord } from "../core/step-record.ts";
import { triage } from "../core/triage.ts";
import type { Publication } from "./endpoint/sns.ts";
import type { Fault } from "./endpoint/wire.ts";
import { type LocalStack, startLocalStack } from "./stack.ts";
import type { Stage } from "./stage.ts";
import { fastClock, type VirtualClock } from "./states/clock.ts";
import type { ExecutionEvent } from "./states/events.ts";
import type { Execution, ExecutionResult } from "./states/execution.ts";

export type DrillOptions = {
  stage: Stage;
  event: unknown;
  mode: Mode;
  /** Whoever reads the request for a decision. */
  person(request: Publication): Promise<Answer>;
  onEvent?(event: ExecutionEvent): void;
  fault?: Fault;
};

/** What the state machine's output looks like, as far as a drill needs it. */
const Output = z.object({
  outcome: z.union([Outcome, z.enum(["ignored", "fanned-out"])]),
  reason: z.optional(z.string()),
  incident: z._default(z.nullable(Incident), null),
  diagnosis: z._default(z.nullable(Diagnosis), null),
  plan: z._default(z.nullable(Plan), null),
  steps: z._default(z.array(StepRecord), []),
});
export type Output = z.infer<typeof Output>;

export type DrillResult = Output & {
  execution: ExecutionResult;
  messages: Publication[];
  timeline: { state: string; startedAt: string; seconds: number }[];
};

/** The template's default: in a drill nobody need wait for it, because the clock skips what nobody works in. */
const approvalSeconds = 14_400;

export async function runDrill({
  stage,
  event,
  mode,
  person,
  onEvent,
  fault,
}: DrillOptions): Promise<DrillResult> {
  const messages: Publication[] = [];
  const events: ExecutionEvent[] = [];
  const clock = stage.real ? patientClock() : fastClock();
  const { instanceIds } = triage(event, new Date(clock.now()).toISOString());
  const series = instanceIds.map((InstanceId) => ({
    namespace: metricNamespace,
    metricName: "ConntrackUtilization",
    dimensions: { InstanceId },
    points: [...stage.utilization],
  }));
  const stack = await startLocalStack({
    instances: Object.fromEntries(
      instanceIds.map((id) => [id, { host: stage.host, type: "t3.micro" as const }]),
    ),
    mode,
    approvalSeconds,
    clock,
    series,
    ...(fault === undefined ? {} : { fault }),
    onPublish: (request) => {
      messages.push(request);
      const token = /--task-token (\S+)/.exec(request.message)?.[1];
      if (token !== undefined) void clock.working(answer(stack, token, person(request)));
    },
    onEvent: (happened) => {
      events.push(happened);
      onEvent?.(happened);
    },
  });
  try {
    const execution = await stack.start(event).finished;
    const parsed = z.safeParse(Output, execution.output);
    const output = parsed.success ? parsed.data : z.parse(Output, { outcome: "failed" });
    return { ...output, execution, messages, timeline: timelineOf(events) };
  } finally {
    await stack.stop();
  }
}

async function answer(stack: LocalStack, token: string, decision: Promise<Answer>): Promise<void> {
  const decided = await decision;
  if (decided === "nobody") return;
  const waits = (execution: Execution) => execution.taskSucceeded(token, { decision: decided });
  stack.executions().some((execution) => waits(execution) === "accepted");
}

/** A real host needs its seconds to settle; the hours in which only a person is waited for are skipped all the same. */
function patientClock(): VirtualClock {
  const clock = fastClock();
  const longestSettling = 60;
  return {
    ...clock,
    sleep: (seconds, signal) => {
      const sleeping = clock.sleep(seconds, signal);
      return seconds <= longestSettling ? clock.working(sleeping) : sleeping;
    },
  };
}

function timelineOf(events: readonly ExecutionEvent[]): DrillResult["timeline"] {
  const timeline: DrillResult["timeline"] = [];
  const entered = new Map<string, number>();
  for (const { type, at, state, path = state } of events) {
    if (state === undefined || path === undefined) continue;
    if (type === "StateEntered") entered.set(path, at);
    if (type !== "StateExited") continue;
    const startedAt = entered.get(path) ?? at;
    timeline.push({ state, startedAt: new Date(startedAt).toISOString(), seconds: (at - startedAt) / 1000 });
  }
  return timeline;
}
