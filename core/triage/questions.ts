/** What an event does not say itself, and AWS knows. Names are as they came: good to ask with, not to show. */
import type { InstanceId, Metric } from "../incident.ts";

export type Questions = {
  /** Alarms to be described. */
  alarms: string[];
  /** Alarms over many series, whose contributors in ALARM are wanted. */
  contributors: string[];
  /** Auto Scaling groups, whose enrolled instances are wanted. */
  groups: string[];
  /** Network interfaces, whose instance is wanted. */
  interfaces: string[];
};

/** Maps, as a name from an event may be any text. */
export type Answers = {
  /** Null: there is no such alarm any more. */
  alarms: ReadonlyMap<string, KnownAlarm | null>;
  /** The attributes of each series that is in ALARM. */
  contributors: ReadonlyMap<string, readonly Attributes[]>;
  /** Only instances that carry our tag, and run. */
  groups: ReadonlyMap<string, readonly InstanceId[]>;
  /** Null: there is no such interface, or it is attached to no instance. */
  interfaces: ReadonlyMap<string, InstanceId | null>;
};

export const noAnswers: Answers = {
  alarms: new Map(),
  contributors: new Map(),
  groups: new Map(),
  interfaces: new Map(),
};

/** Dimensions of a metric, or attributes of a contributor. */
export type Attributes = Readonly<Record<string, string>>;

export type KnownAlarm = { state: string; watched: Watched };

/** `silent`: only how often it is published is watched (SampleCount), so the alarm is about silence. */
export type WatchedMetric = { metric: Metric; silent: boolean };

export function watchedMetric(metric: Metric, statistic: string | undefined): WatchedMetric {
  return { metric, silent: statistic === "SampleCount" };
}

/** What an alarm looks at: metrics, queries and expressions, or (a composite) other alarms. */
export type Watched = {
  metrics: readonly WatchedMetric[];
  expressions: readonly string[];
  /** Null for every other alarm. `reasonData`: CloudWatch's own, JSON in a text. */
  composite: { rule: string; reasonData: string } | null;
};
