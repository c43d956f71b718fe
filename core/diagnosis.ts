/** From evidence to causes, honestly: a cause is present, absent or unknown. */
import * as z from "zod/mini";
import { CauseId, type Judgement, likely, Observation, Severity } from "./cause.ts";
import { causes } from "./causes.ts";
import { growth } from "./evidence/counters.ts";
import type { Evidence } from "./evidence.ts";
import { judgedMetrics, type Trigger } from "./incident.ts";
import { plainLine } from "./plain-text.ts";
import { whole } from "./wording.ts";

export const FoundCause = z.object({
  id: CauseId,
  title: z.string(),
  symptom: z.string(),
  confidence: z.number().check(z.gte(0), z.lte(1)),
  severity: Severity,
  evidence: z.array(Observation),
  /** What to know or do here that is no fix of ours. */
  advice: z._default(z.array(z.string()), []),
});
export type FoundCause = z.infer<typeof FoundCause>;

export const Diagnosis = z.object({
  /**
   * `healthy` only when everything that was asked could be judged and nothing was found; `not-the-nat` when that is so
   * and yet connections fail: the reason is elsewhere.
   */
  status: z.enum(["cause-found", "healthy", "not-the-nat", "undetermined"]),
  /** The one to act on first leads; the others contribute. */
  causes: z.array(FoundCause),
  /** What could not be judged, and what was missing. */
  unknown: z.array(z.object({ subject: z.string(), missing: z.string() })),
  /** What nobody tried to look at, and why: it keeps no host from being healthy. */
  unasked: z._default(z.array(z.object({ subject: CauseId, missing: z.string() })), []),
  ruledOut: z.array(z.object({ id: CauseId, title: z.string(), evidence: z.array(Observation) })),
  /** Error counters that moved but belong to no cause we know: where a person would look next. */
  moved: z.array(Observation),
});
export type Diagnosis = z.infer<typeof Diagnosis>;

export function diagnose(evidence: Evidence, trigger: Trigger): Diagnosis {
  const found: FoundCause[] = [];
  const unknown: Diagnosis["unknown"] = [];
  const unasked: Diagnosis["unasked"] = [];
  const ruledOut: Diagnosis["ruledOut"] = [];
  for (const cause of causes) {
    const { id, title, symptom } = cause;
    const judgement = judge(() => cause.judge(evidence));
    switch (judgement.verdict) {
      case "present": {
        const { confidence, severity } = judgement;
        found.push({
          id,
          title: judgement.title ?? title,
          symptom,
          confidence,
          severity,
          evidence: judgement.evidence,
          advice: judgement.advice ?? [],
        });
        break;
      }
      case "absent":
        ruledOut.push({ id, title, evidence: judgement.evidence });
        break;
      case "unknown":
        (judgement.asked === false ? unasked : unknown).push({ subject: id, missing: judgement.missing });
        break;
      default:
        judgement satisfies never;
    }
  }
  if (trigger.kind === "alarm" && !judgedMetrics.some((name) => trigger.metric?.name === name)) {
    unknown.push({
      subject: plainLine(trigger.metric?.name ?? trigger.alarmName, 80),
      missing: "no cause that NAT Medic knows explains this alarm",
    });
  }
  if (trigger.kind === "alarm" && trigger.silent === true && evidence.host.status !== "unread") {
    unknown.push({
      subject: plainLine(trigger.metric?.name ?? trigger.alarmName, 80),
      missing:
        "the host can be read but publishes nothing: look at nat-medic-metrics.timer there, and at its right to put metrics",
    });
  }
  found.sort((a, b) => standing(a) - standing(b));
  const status = statusOf({ found, unknown, evidence, trigger });
  return { status, causes: found, unknown, unasked, ruledOut, moved: movedCounters(evidence) };
}

/** What fails now before what will, and both before what is only a hypothesis; within each, the registry's order. */
function standing({ severity, confidence }: FoundCause): number {
  if (confidence < likely) return 2;
  return severity === "critical" ? 0 : 1;
}

type Findings = { found: FoundCause[]; unknown: Diagnosis["unknown"]; evidence: Evidence; trigger: Trigger };

function statusOf({ found, unknown, evidence, trigger }: Findings): Diagnosis["status"] {
  if (found.length > 0) return "cause-found";
  if (unknown.length > 0) return "undetermined";
  const isComplaint = trigger.kind === "manual" && trigger.complaint;
  return isComplaint || connectionsFailElsewhere(evidence) ? "not-the-nat" : "healthy";
}

/** Of the TCP entries, and in number: below either, somebody's scan or one dead server explains them. */
const unansweredShare = 0.1;
const unansweredEntries = 50;

/** SYNs go out and nothing comes back, although nothing here drops them. */
function connectionsFailElsewhere({ host }: Evidence): boolean {
  if (host.status === "unread" || host.evidence.table === null) return false;
  const { tcpStates, protocols } = host.evidence.table;
  const unanswered = tcpStates.SYN_SENT ?? 0;
  return unanswered >= unansweredEntries && unanswered >= unansweredShare * (protocols.tcp ?? 0);
}

/** A check that throws becomes a result and stops no other. */
function judge(run: () => Judgement): Judgement {
  try {
    return run();
  } catch (error) {
    return {
      verdict: "unknown",
      missing: `our own check failed: ${error instanceof Error ? error.message : "?"}`,
    };
  }
}

/** Counters that a healthy host does not move. */
const errorCounter =
  /(_allowance_exceeded|rx_dropped|tx_dropped|insert_failed|conntrack\.drop|early_drop|chain_too_long|softnet\.dropped|ReasmFails|FragFails|InDiscards|OutDiscards|OutNoRoutes|IPReversePathFilter)$/;

function movedCounters({ host }: Evidence): Observation[] {
  if (host.status === "unread") return [];
  const { evidence } = host;
  return Object.keys(evidence.counters)
    .filter((name) => errorCounter.test(name) && (growth(evidence, name) ?? 0) > 0)
    .map((name) => ({
      signal: name,
      observed: `+${whole(growth(evidence, name) ?? 0)} in ${evidence.window.toFixed(1)} s`,
      expected: "0",
    }));
}
