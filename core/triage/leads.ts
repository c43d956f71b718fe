/** From what an alarm watches to the instances behind it, as far as the answers go; the rest becomes questions. */
import * as z from "zod/mini";
import { InstanceId, type Metric } from "../incident.ts";
import { plainLine } from "../plain-text.ts";
import { childrenOf } from "./composite.ts";
import { instancesIn, isGrouped, metricOf } from "./query.ts";
import type { Answers, Attributes, Questions, Watched } from "./questions.ts";

export type Lead = {
  instanceId: InstanceId;
  metric: Metric | null;
  /** Plain name of the alarm below a composite that its state comes from. */
  child: string | null;
  /** One series of an alarm over many. */
  contributor: boolean;
  /** Nothing is published. */
  silent: boolean;
};

export type Leads = {
  found: Lead[];
  questions: Questions;
  /** Why a trail ended without an instance: plain, in the order in which they were met. */
  deadEnds: string[];
};

export type Subject = {
  /** As it came. */
  alarmName: string;
  watched: Watched;
  /** Attributes of the one series that the event is about; null for an event about the whole alarm. */
  contributor: Attributes | null;
};

/** What one look at something yields. */
type Finding = { lead: Lead } | { ask: keyof Questions; name: string } | { deadEnd: string };

/** The one dead end that needs nobody's attention. */
export const quietSeries = "none of its series is in ALARM now";
/** Composites of composites of composites. */
const deepest = 3;
/** Alarms that are described for one event. */
const mostAlarms = 20;

/** `only`: the instance that was found before, by whoever started one execution for each. */
export function followed(subject: Subject, answers: Answers, only: InstanceId | null): Leads {
  const findings = follow(subject, [], { answers, only });
  const asked = (kind: keyof Questions) => [
    ...new Set(findings.flatMap((finding) => ("ask" in finding && finding.ask === kind ? finding.name : []))),
  ];
  const alarms = asked("alarms");
  const affordable = alarms.slice(0, Math.max(0, mostAlarms - answers.alarms.size));
  return {
    found: findings.flatMap((finding) => ("lead" in finding ? finding.lead : [])),
    questions: {
      alarms: affordable,
      contributors: asked("contributors"),
      groups: asked("groups"),
      interfaces: asked("interfaces"),
    },
    deadEnds: [
      ...findings.flatMap((finding) => ("deadEnd" in finding ? finding.deadEnd : [])),
      ...(affordable.length < alarms.length ? [`more than ${mostAlarms} alarms are behind it`] : []),
    ],
  };
}

type Known = { answers: Answers; only: InstanceId | null };

/** `trail`: names of the alarms above, the event's own first. */
function follow({ alarmName, watched, contributor }: Subject, trail: string[], known: Known): Finding[] {
  const child = trail.length === 0 ? null : plainLine(alarmName, 120);
  const from = (
    attributes: Attributes,
    metric: Metric | null,
    what: { contributor?: true; silent?: boolean },
  ) => fromAttributes(attributes, { metric, child, contributor: false, silent: false, ...what }, known);
  if (contributor !== null) {
    return from(contributor, metricOf(watched.expressions[0] ?? "", contributor), { contributor: true });
  }
  const series = (query: string): Finding[] => {
    if (!isGrouped(query)) return [];
    const { answers, only } = known;
    const contributors = only === null ? answers.contributors.get(alarmName) : [{ InstanceId: only }];
    if (contributors === undefined) return [{ ask: "contributors", name: alarmName }];
    if (contributors.length === 0) return [{ deadEnd: quietSeries }];
    return contributors.flatMap((attributes) =>
      from(attributes, metricOf(query, attributes), { contributor: true }),
    );
  };
  return [
    ...standing(watched.composite === null ? [] : childrenOf(watched.composite), known).flatMap((name) =>
      followChild(name, [...trail, alarmName], known),
    ),
    ...watched.metrics.flatMap(({ metric, silent }) => from(metric.dimensions, metric, { silent })),
    ...watched.expressions.flatMap((query) => [
      ...instancesIn(query).flatMap((InstanceId) =>
        from({ InstanceId }, metricOf(query, { InstanceId }), {}),
      ),
      ...series(query),
    ]),
  ];
}

/** Children in ALARM explain a composite best, if there are any; one that is not known yet may be. */
function standing(children: readonly string[], { answers }: Known): readonly string[] {
  const stateOf = (name: string) => answers.alarms.get(name)?.state;
  return children.some((name) => stateOf(name) === "ALARM")
    ? children.filter((name) => (stateOf(name) ?? "ALARM") === "ALARM")
    : children;
}

function followChild(alarmName: string, trail: string[], known: Known): Finding[] {
  const shown = plainLine(alarmName, 120);
  if (trail.includes(alarmName)) return [{ deadEnd: `its child ${shown} is above itself` }];
  if (trail.length > deepest) return [{ deadEnd: `its child ${shown} lies too deep in composite alarms` }];
  const alarm = known.answers.alarms.get(alarmName);
  if (alarm === undefined) return [{ ask: "alarms", name: alarmName }];
  if (alarm === null) return [{ deadEnd: `its child ${shown} does not exist` }];
  return follow({ alarmName, watched: alarm.watched, contributor: null }, trail, known);
}

/** The nearest that they name: the instance itself, an interface of it, or its Auto Scaling group. */
function fromAttributes(
  attributes: Attributes,
  lead: Omit<Lead, "instanceId">,
  { answers, only }: Known,
): Finding[] {
  const found = (instanceId: InstanceId): Finding => ({ lead: { instanceId, ...lead } });
  const values = Object.values(attributes);
  const instanceId = [attributes.InstanceId ?? "", ...values].find(isInstanceId);
  if (instanceId !== undefined) return [found(instanceId)];

  const networkInterface = values.find((value) => interfaceId.test(value));
  if (networkInterface !== undefined) {
    const owner = only ?? answers.interfaces.get(networkInterface);
    if (owner === undefined) return [{ ask: "interfaces", name: networkInterface }];
    return [owner === null ? { deadEnd: `${networkInterface} is attached to no instance` } : found(owner)];
  }

  const group = attributes.AutoScalingGroupName;
  if (group !== undefined) {
    const members = only === null ? answers.groups.get(group) : [only];
    if (members === undefined) return [{ ask: "groups", name: group }];
    if (members.length > 0) return members.map(found);
    return [{ deadEnd: `no enrolled instance of the Auto Scaling group ${plainLine(group, 120)} runs` }];
  }
  return [
    {
      deadEnd:
        attributes.InstanceId === undefined
          ? "nothing that it watches has the dimension InstanceId"
          : "its InstanceId is none",
    },
  ];
}

/** EC2's own format, as for instances. */
const interfaceId = /^eni-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

function isInstanceId(text: string): boolean {
  return z.safeParse(InstanceId, text).success;
}
