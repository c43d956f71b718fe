/** One incident played through the local stack, from its event to its report. */
import * as z from "zod/mini";
import { Outcome } from "../core/closing.ts";
import { Diagnosis } from "../core/diagnosis.ts";
import { Incident } from "../core/incident.ts";
import type { IncidentRecord } from "../core/incident-record.ts";
import type { Mode } from "../core/mode.ts";
import { ChatMessage } from "../core/notice.ts";
import { Plan } from "../core/plan.ts";
import { StepRecord } from "../core/step-record.ts";
import { triage } from "../core/triage.ts";
import type { Publication } from "./endpoint/sns.ts";
import type { Fault } from "./endpoint/wire.ts";
import { decideOnPage, pageLink } from "./page-visitor.ts";
import { chatTopicArn, type LocalStack, startLocalStack } from "./stack.ts";
import { type Stage, stackOn } from "./stage.ts";
import { fastClock, type VirtualClock } from "./states/clock.ts";
import type { ExecutionEvent } from "./states/events.ts";
import type { ExecutionResult } from "./states/execution.ts";

export type Question = {
  /** To the approval page. */
  link: string;
  incidentId: string;
  /** Of the embedded AWS, for whoever decides by another way than the page. */
  url: string;
  /** Resolves when no question waits any more, whoever answered and how. */
  answered: Promise<void>;
};

export type DrillOptions = {
  stage: Stage;
  event: unknown;
  mode: Mode;
  /**
   * Whoever is asked for a decision; time stands still for the state machine until the promise settles. `approve` and
   * `reject` are then sent through the page, as a browser does it; after `nobody` time goes on.
   */
  person(question: Question): Promise<"approve" | "reject" | "nobody">;
  onEvent?(event: ExecutionEvent): void;
  fault?: Fault;
  /** Ends the drill early: the promise rejects with its reason. */
  signal?: AbortSignal;
};

/** What the state machine's output looks like, as far as a drill needs it. */
const Output = z.object({
  outcome: z.union([Outcome, z.enum(["ignored", "fanned-out", "joined"])]),
  reason: z.optional(z.string()),
  incident: z._default(z.nullable(Incident), null),
  diagnosis: z._default(z.nullable(Diagnosis), null),
  plan: z._default(z.nullable(Plan), null),
  steps: z._default(z.array(StepRecord), []),
});
export type Output = z.infer<typeof Output>;

export type DrillResult = Output & {
  execution: ExecutionResult;
  /** To people, in order. */
  messages: Publication[];
  /** To chat, in order. */
  chat: ChatMessage[];
  /** The link to the approval page that was sent last. */
  page: string | null;
  /** The incident as the store has it at the end; null when none was opened. */
  record: IncidentRecord | null;
  timeline: { state: string; startedAt: string; seconds: number }[];
};

/** The template's default: in a drill nobody need wait for it, because the clock skips what nobody works in. */
const approvalSeconds = 14_400;

export async function runDrill(options: DrillOptions): Promise<DrillResult> {
  const { stage, event, mode, person, onEvent, fault, signal } = options;
  const messages: Publication[] = [];
  const chat: ChatMessage[] = [];
  const events: ExecutionEvent[] = [];
  const clock = stage.real ? patientClock() : fastClock();
  const interrupted = Promise.withResolvers<never>();
  // Nobody may be waiting for it when it happens.
  interrupted.promise.catch(() => {});
  signal?.addEventListener("abort", () => interrupted.reject(signal.reason), { once: true });

  const ask = async (question: Question): Promise<void> => {
    try {
      const decision = await person(question);
      if (decision !== "nobody") await decideOnPage(question.link, decision);
    } catch (error) {
      interrupted.reject(error);
    }
  };
  const questions = openQuestions((link, answered) => {
    const [, incidentId = ""] = pageLink.exec(link) ?? [];
    void clock.working(ask({ link, incidentId, url: stack.url, answered }));
  });
  const triaged = triage(event, { now: new Date(clock.now()).toISOString(), home: null });
  const { instanceIds } = triaged;
  const trigger = triaged.decision === "open" ? triaged.trigger : undefined;
  const stack = await startLocalStack({
    ...stackOn(stage, instanceIds),
    mode,
    approvalSeconds,
    clock,
    ...(trigger?.kind === "alarm" && { alarms: { [trigger.alarmName]: "ALARM" as const } }),
    ...(fault === undefined ? {} : { fault }),
    onPublish: (publication) => {
      if (publication.topicArn === chatTopicArn) {
        chat.push(ChatMessage.parse(JSON.parse(publication.message)));
        return;
      }
      messages.push(publication);
      const link = pageLink.exec(publication.message)?.[0];
      if (link !== undefined) questions.published(link);
    },
    onEvent: (happened, execution) => {
      events.push(happened);
      onEvent?.(happened);
      questions.happened(happened, execution);
    },
  });
  try {
    signal?.throwIfAborted();
    const first = stack.start(event);
    const execution = await Promise.race([first.finished, interrupted.promise]);
    await Promise.race([settled(stack), interrupted.promise]);
    const record = (await stack.incidentOf(first.arn)) ?? null;
    return {
      ...outputOf(execution, record),
      execution,
      messages,
      chat,
      page: questions.lastLink(),
      record,
      timeline: timelineOf(events),
    };
  } finally {
    await stack.stop();
  }
}

type OpenQuestions = {
  published(link: string): void;
  happened(event: ExecutionEvent, execution: string): void;
  lastLink(): string | null;
};

/** Calls `ask` once per link, when the function that sent it is done and the state machine waits. */
function openQuestions(ask: (link: string, answered: Promise<void>) => void): OpenQuestions {
  const links: string[] = [];
  const waiting = new Set<string>();
  let asked = 0;
  let answered = Promise.withResolvers<void>();
  return {
    published: (link) => links.push(link),
    lastLink: () => links.at(-1) ?? null,
    happened: ({ type, path }, execution) => {
      const place = `${execution} ${path}`;
      if (type === "WaitingForTaskToken") {
        if (waiting.size === 0) answered = Promise.withResolvers();
        waiting.add(place);
        for (; asked < links.length; asked += 1) ask(links[asked] ?? "", answered.promise);
        return;
      }
      if (type.startsWith("Execution")) {
        for (const other of waiting) if (other.startsWith(`${execution} `)) waiting.delete(other);
      } else if (!waiting.delete(place)) return;
      if (waiting.size === 0) answered.resolve();
    },
  };
}

/** Until nothing runs any more: what an execution starts, and what puts things in order after one that died. */
async function settled(stack: LocalStack): Promise<void> {
  let seen = -1;
  while (seen < stack.executions().length) {
    seen = stack.executions().length;
    await Promise.all(stack.executions().map(({ finished }) => finished));
    await stack.settled();
  }
}

/** The state machine's own words, or where it failed what the store has. */
function outputOf(execution: ExecutionResult, record: IncidentRecord | null): Output {
  const parsed = z.safeParse(Output, execution.output);
  if (parsed.success) return parsed.data;
  return {
    outcome: record?.closing?.outcome ?? "failed",
    incident: record?.incident ?? null,
    diagnosis: record?.findings?.diagnosis ?? null,
    plan: record?.findings?.plan ?? null,
    steps: record?.steps ?? [],
  };
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
