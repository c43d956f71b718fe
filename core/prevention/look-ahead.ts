/** From one instance's diagnosis and its last fortnight to what will fail there. */
import { likely } from "../cause.ts";
import type { Diagnosis, FoundCause } from "../diagnosis.ts";
import type { MetricHistory } from "../evidence/cloud.ts";
import type { Evidence } from "../evidence.ts";
import type { Incident } from "../incident.ts";
import { planFor } from "../plan.ts";
import { regionOption } from "../report/by-hand.ts";
import { adviceBefore, adviceOnCause, canBeRaised } from "./advice.ts";
import type { Due, Finding, Review, Unjudged } from "./finding.ts";
import { portUseOf, shrinkingHeadroom } from "./headroom.ts";
import { smallDefaultTable } from "./small-table.ts";

export type Look = {
  runId: string;
  /** Not one that is open: it names the instance, its place and the time of the look. */
  incident: Incident;
  evidence: Evidence;
  diagnosis: Diagnosis;
  /** One value per day, as asked for by `headroomMetrics`. */
  histories: readonly MetricHistory[];
  /** The look before; `undefined`: there is none on record. */
  before: Review | undefined;
  /** Days: what runs out later is no news. */
  horizonDays: number;
};

type Found = Omit<Finding, "since">;

export function lookAhead(look: Look): Review {
  const { runId, incident, evidence, before, horizonDays } = look;
  const { instanceId, place, openedAt: at } = incident;
  const now = Math.floor(Date.parse(at) / 1000);
  const portUse = portUseOf(evidence.host, before?.portUse ?? [], now);
  const { shrinking, unjudged } = shrinkingHeadroom(look.histories, portUse, { now, horizonDays });
  const held = look.diagnosis.causes.filter(({ confidence }) => confidence >= likely);
  const holds = (id: string) => held.some((cause) => cause.id === id);
  const overtaken = shrinking.filter(({ track }) => holds(track.becomes));
  const isTableShort = holds("conntrack-table-full") || shrinking.some(({ track }) => track.name === "table");
  const silent = notWatched(look);

  const found: Found[] = [
    // What has happened needs no forecast.
    ...shrinking
      .filter((each) => !overtaken.includes(each))
      .map(({ track, key, due, observation }) => ({
        key,
        id: "headroom-shrinking" as const,
        title: track.title,
        evidence: [observation],
        due,
        advice: adviceBefore(track.becomes, evidence),
      })),
    ...fromCauses(
      held.filter(({ id }) => !(silent.length > 0 && id === "conntrack-unmonitored")),
      look,
    ),
    ...(isTableShort ? [] : smallTable(evidence)),
    ...silent,
    ...(holds("host-unreachable") ? [] : unreadable(look)),
  ];
  const told = [...unjudged, ...unjudgedCauses(look)];
  return {
    runId,
    at,
    instanceId,
    place,
    ...since(found.toSorted(byUrgency), before, { at, isOpen }),
    // A host that could not be read is a finding, which says it for all of them.
    unjudged: evidence.host.status === "unread" ? [] : told,
    portUse,
  };

  /** Whether a finding that is not there may be there all the same: it could not be judged, or another says it. */
  function isOpen(key: string): boolean {
    const unasked = look.diagnosis.unasked.some(({ subject }) => subject === key);
    const said = {
      "conntrack-unmonitored": silent.length > 0,
      "default-table-on-a-small-instance": isTableShort || evidence.host.status === "unread",
      "headroom-shrinking/ports": evidence.host.status === "unread",
    };
    const isSaid = Object.entries(said).some(([each, holds]) => each === key && holds);
    const isOvertaken = overtaken.some((each) => each.key === key);
    return isSaid || isOvertaken || unasked || told.some((each) => each.key === key);
  }
}

/** What fails now, then by the day, then what a boot brings, then the rest. */
export function byUrgency(a: { due: Due }, b: { due: Due }): number {
  return urgency(a.due) - urgency(b.due);
}

function urgency(due: Due): number {
  switch (due.when) {
    case "now":
      return -1;
    case "on-a-day":
      return due.days;
    case "at-the-next-boot":
      return 1_000;
    case "some-day":
      return 2_000;
    default:
      return due satisfies never;
  }
}

function fromCauses(held: readonly FoundCause[], { evidence, diagnosis, incident }: Look): Found[] {
  const plan = planFor({ ...diagnosis, causes: [...held] }, evidence, incident);
  return held.map((cause) => ({
    key: cause.id,
    id: cause.id,
    title: cause.title,
    // The rest is in a diagnosis of its own.
    evidence: cause.evidence.slice(0, 2),
    due: dueOf(cause),
    advice: adviceOnCause(cause, plan, incident),
  }));
}

function dueOf({ id, severity }: FoundCause): Due {
  if (severity === "critical") return { when: "now" };
  return id === "conntrack-settings-not-persistent" ? { when: "at-the-next-boot" } : { when: "some-day" };
}

function smallTable(evidence: Evidence): Found[] {
  const observation = smallDefaultTable(evidence);
  if (observation === null || observation === undefined) return [];
  const action = "Use a larger instance: the free memory of this one has no room for a larger table";
  return [
    {
      key: "default-table-on-a-small-instance",
      id: "default-table-on-a-small-instance",
      title: "The connection tracking table is as small as the kernel makes it on a small machine",
      evidence: [observation],
      due: { when: "some-day" },
      advice: canBeRaised(evidence)
        ? adviceBefore("conntrack-table-full", evidence)
        : { action, commands: [], where: "" },
    },
  ];
}

/** An instance that has just started publishes in a few minutes. */
const youngSeconds = 3_600;
const utilization = "NatMedic/ConntrackUtilization";

/** Nothing arrives, so no alarm and no trend will ever tell of it: the enrolment has failed. */
function notWatched({ evidence: { host, cloud }, incident }: Look): Found[] {
  const history = [cloud.metrics[utilization], cloud.metric].find((each) => each?.name === utilization);
  const isYoung = host.status === "read" && host.evidence.uptime < youngSeconds;
  if (history?.points.length !== 0 || isYoung) return [];
  return [
    {
      key: "not-watched",
      id: "not-watched",
      title: "The instance publishes no metrics, so nobody would notice when it fails",
      evidence: [
        {
          signal: `${utilization} in the last three hours`,
          observed: "no data points",
          expected: "at least one a minute",
        },
      ],
      due: { when: "some-day" },
      advice: {
        action: "See why the enrolment by State Manager failed there",
        commands: [
          `aws ssm describe-instance-associations-status --instance-id ${incident.instanceId}${regionOption(incident)}`,
        ],
        where: "from anywhere",
      },
    },
  ];
}

function unreadable({ evidence: { host }, incident }: Look): Found[] {
  if (host.status === "read") return [];
  return [
    {
      key: "unreadable",
      id: "unreadable",
      title: "The instance could not be read, so nobody would know why it fails",
      evidence: [{ signal: "Run Command", observed: host.detail, expected: "an answer" }],
      due: { when: "some-day" },
      advice: {
        action: "See whether its SSM agent is well",
        commands: [
          `aws ssm describe-instance-information --filters Key=InstanceIds,Values=${incident.instanceId}${regionOption(incident)}`,
        ],
        where: "from anywhere",
      },
    },
  ];
}

function unjudgedCauses({ evidence: { cloud }, diagnosis: { unknown } }: Look): Unjudged[] {
  const causes = unknown.map(({ subject, missing }) => ({ key: subject, missing }));
  const isAsked = [cloud.metrics[utilization], cloud.metric].some((each) => each?.name === utilization);
  return isAsked ? causes : [...causes, { key: "not-watched", missing: "CloudWatch could not be asked" }];
}

/** Since when each is known, and what of the look before is gone, or neither here nor gone. */
function since(
  found: readonly Found[],
  before: Review | undefined,
  { at, isOpen }: { at: string; isOpen(key: string): boolean },
): Pick<Review, "findings" | "gone" | "pending"> {
  const known = before === undefined ? [] : [...before.findings, ...before.pending];
  const sinceOf = (key: string) => known.find((each) => each.key === key)?.since ?? at;
  const rest = known.filter(({ key }) => !found.some((each) => each.key === key));
  return {
    findings: found.map((each) => ({ ...each, since: sinceOf(each.key) })),
    gone: rest.filter(({ key }) => !isOpen(key)),
    pending: rest.filter(({ key }) => isOpen(key)),
  };
}
