/**
 * Alarms and their states. A composite follows its children at once; whoever evaluates metric alarms tells the results
 * by `setState` and `setContributors`. Each change is an event, as CloudWatch sends it to EventBridge.
 */
import type { CompositeAlarm, EvaluationState, MetricAlarm } from "@aws-sdk/client-cloudwatch";
import type { Place } from "../../core/place.ts";
import {
  type AlarmEvent,
  type Contributor,
  configurationChange,
  contributorChange,
  type KnownState,
  stateChange,
} from "./alarm-events.ts";
import { type AlarmState, childrenOf, holds, parseAlarmRule } from "./alarm-rule.ts";

export type ActiveContributor = Contributor & { reason: string; since: Date };

export type StoredAlarm = { name: string; arn: string; tags: Map<string, string> } & (
  | {
      kind: "metric";
      alarm: MetricAlarm;
      /** Those in ALARM, by ID: DescribeAlarmContributors knows no others. */
      contributors: Map<string, ActiveContributor>;
      /** False for one whose state somebody else decides. */
      evaluated: boolean;
    }
  | { kind: "composite"; alarm: CompositeAlarm }
);

export type AlarmStore = {
  /** By name. */
  list(): StoredAlarm[];
  /** By name or ARN. */
  find(nameOrArn: string): StoredAlarm | undefined;
  /** The composite alarms whose rule names the alarm. */
  parentsOf(name: string): StoredAlarm[];
  /** Replaces the configuration of an alarm that there is, whose state and tags stay; a new one has insufficient data. */
  putMetric(alarm: MetricAlarm, tags: Map<string, string>): void;
  putComposite(alarm: CompositeAlarm, tags: Map<string, string>): void;
  remove(names: string[]): void;
  setState(name: string, state: NewState): void;
  /** The contributors that are in ALARM from now on; one that is no longer among them is OK for the given reason. */
  setContributors(name: string, active: (Contributor & { reason: string })[], okReason: OkReason): void;
};

export type NewState = Omit<KnownState, "at"> & {
  /** Where not all data could be looked at. */
  evaluationState?: EvaluationState | undefined;
};

/** Why a contributor that was in ALARM is OK. */
export type OkReason = (contributor: Contributor) => string;

/**
 * @param alarms kept as they are, so that whoever holds them may change them; their states are not evaluated
 * @param now milliseconds since the epoch
 */
export const alarmStore = ({
  alarms = [],
  place,
  now = Date.now,
  onEvent = () => {},
}: {
  alarms?: MetricAlarm[];
  place: Place;
  now?: () => number;
  onEvent?(event: AlarmEvent): void;
}): AlarmStore => {
  const stored = new Map<string, StoredAlarm>();
  const prefix = `arn:aws:cloudwatch:${place.region}:${place.account}:alarm:`;
  const nameOf = (nameOrArn: string) =>
    nameOrArn.startsWith(prefix) ? nameOrArn.slice(prefix.length) : nameOrArn;
  for (const alarm of alarms) {
    const { AlarmName: name = "" } = alarm;
    const contributors = new Map();
    const tags = new Map();
    stored.set(name, {
      kind: "metric",
      name,
      arn: `${prefix}${name}`,
      tags,
      alarm,
      contributors,
      evaluated: false,
    });
  }

  const find = (nameOrArn: string) => stored.get(nameOf(nameOrArn));

  const parentsOf = (name: string) =>
    [...stored.values()].filter(
      ({ kind, alarm }) =>
        kind === "composite" &&
        childrenOf(parseAlarmRule(alarm.AlarmRule ?? ""))
          .map(nameOf)
          .includes(name),
    );

  const put = (
    alarm: MetricAlarm | CompositeAlarm,
    remember: (alarm: object, known: StoredAlarm | undefined, at: Date) => StoredAlarm,
  ): void => {
    const at = new Date(now());
    const known = stored.get(alarm.AlarmName ?? "");
    const { StateValue, StateReason, StateReasonData, StateUpdatedTimestamp, StateTransitionedTimestamp } =
      known?.alarm ?? initial(at);
    const state = {
      StateValue,
      StateReason,
      StateReasonData,
      StateUpdatedTimestamp,
      StateTransitionedTimestamp,
    };
    const next = remember({ ...alarm, ...state, AlarmConfigurationUpdatedTimestamp: at }, known, at);
    stored.set(next.name, next);
    const operation = known === undefined ? "create" : "update";
    onEvent(configurationChange({ ...next, place }, operation, next.alarm, at, known?.alarm));
  };

  const setState = (name: string, { value, reason, reasonData, evaluationState }: NewState): void => {
    const known = stored.get(name);
    if (known === undefined) return;
    const at = new Date(now());
    const previous = stateOf(known.alarm, at);
    const changes = previous.value !== value;
    const state = {
      StateValue: value,
      StateReason: reason,
      StateReasonData: reasonData,
      StateUpdatedTimestamp: at,
      ...(changes && { StateTransitionedTimestamp: at }),
    };
    const next: StoredAlarm =
      known.kind === "metric"
        ? { ...known, alarm: { ...known.alarm, ...state, EvaluationState: evaluationState } }
        : { ...known, alarm: { ...known.alarm, ...state } };
    stored.set(name, next);
    if (!changes) return;
    onEvent(stateChange({ ...next, place }, next.alarm, { value, reason, reasonData, at }, previous));
    for (const parent of parentsOf(name))
      follow(parent.name, `${next.arn} transitioned to ${value} at ${longDate(at)}`, [next]);
  };

  /** A composite alarm takes the state that its rule has now. */
  const follow = (name: string, reason: string, triggering: StoredAlarm[]): void => {
    const composite = stored.get(name);
    if (composite?.kind !== "composite") return;
    const rule = parseAlarmRule(composite.alarm.AlarmRule ?? "");
    const value = holds(rule, (child) => find(child)?.alarm.StateValue) ? "ALARM" : "OK";
    if (value === composite.alarm.StateValue) return;
    const triggeringAlarms = triggering.map(({ arn, alarm }) => {
      const state = stateOf(alarm, new Date(now()));
      return { arn, state: { value: state.value, timestamp: state.at.toISOString().replace("Z", "+0000") } };
    });
    setState(name, { value, reason, reasonData: JSON.stringify({ triggeringAlarms }) });
  };

  return {
    list: () => [...stored.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    find,
    parentsOf,
    setState,
    putMetric: (alarm, tags) =>
      put(alarm, (whole, known) => {
        const { AlarmName: name = "" } = alarm;
        const arn = `${prefix}${name}`;
        const contributors = known?.kind === "metric" ? known.contributors : new Map();
        const kept = known?.tags ?? tags;
        return { kind: "metric", name, arn, tags: kept, alarm: whole, contributors, evaluated: true };
      }),
    putComposite: (alarm, tags) => {
      put(alarm, (whole, known) => {
        const { AlarmName: name = "" } = alarm;
        return {
          kind: "composite",
          name,
          arn: `${prefix}${name}`,
          tags: known?.tags ?? tags,
          alarm: { ...whole, AlarmRule: alarm.AlarmRule },
        };
      });
      const { AlarmName: name = "" } = alarm;
      const children = childrenOf(parseAlarmRule(alarm.AlarmRule ?? "")).flatMap(
        (child) => find(child) ?? [],
      );
      const value = holds(parseAlarmRule(alarm.AlarmRule ?? ""), (child) => find(child)?.alarm.StateValue);
      follow(
        name,
        `${prefix}${name} was created and its alarm rule evaluates to ${value ? "ALARM" : "OK"}`,
        children,
      );
    },
    remove: (names) => {
      for (const name of names) {
        const known = stored.get(name);
        if (known === undefined) continue;
        stored.delete(name);
        onEvent(configurationChange({ ...known, place }, "delete", known.alarm, new Date(now())));
      }
    },
    setContributors: (name, active, okReason) => {
      const known = stored.get(name);
      if (known?.kind !== "metric") return;
      const at = new Date(now());
      const tell = (contributor: Contributor, value: AlarmState, reason: string) =>
        onEvent(contributorChange({ ...known, place }, known.alarm, contributor, { value, reason, at }));
      const next = new Map(
        active.map((contributor) => {
          const since = known.contributors.get(contributor.id)?.since ?? at;
          return [contributor.id, { ...contributor, since }];
        }),
      );
      stored.set(name, { ...known, contributors: next });
      for (const contributor of active) {
        if (!known.contributors.has(contributor.id)) tell(contributor, "ALARM", contributor.reason);
      }
      for (const contributor of known.contributors.values()) {
        if (!next.has(contributor.id)) tell(contributor, "OK", okReason(contributor));
      }
    },
  };
};

const initial = (at: Date): Partial<MetricAlarm> => ({
  StateValue: "INSUFFICIENT_DATA",
  StateReason: "Unchecked: Initial alarm creation",
  StateReasonData: undefined,
  StateUpdatedTimestamp: at,
  StateTransitionedTimestamp: at,
});

/** The state that an alarm has, or (where whoever gave it left that out) has had from the beginning. */
const stateOf = (
  {
    StateValue = "INSUFFICIENT_DATA",
    StateReason = "Unchecked: Initial alarm creation",
    StateReasonData,
    StateUpdatedTimestamp,
  }: MetricAlarm | CompositeAlarm,
  now: Date,
): KnownState => ({
  value: StateValue,
  reason: StateReason,
  reasonData: StateReasonData,
  at: StateUpdatedTimestamp ?? now,
});

/** `Friday 22 July, 2022 15:57:45 UTC`, as in the reason of a composite alarm. */
const longDate = (at: Date): string => {
  const part = (options: Intl.DateTimeFormatOptions) =>
    at.toLocaleString("en-GB", { ...options, timeZone: "UTC" });
  const day = `${part({ weekday: "long" })} ${part({ day: "numeric" })} ${part({ month: "long" })}`;
  return `${day}, ${at.getUTCFullYear()} ${at.toISOString().slice(11, 19)} UTC`;
};
