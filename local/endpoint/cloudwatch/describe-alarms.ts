/** What reads alarms. */
import {
  type CompositeAlarm,
  DescribeAlarmContributors$,
  type DescribeAlarmContributorsInput,
  type DescribeAlarmContributorsOutput,
  DescribeAlarms$,
  DescribeAlarmsForMetric$,
  type DescribeAlarmsForMetricInput,
  type DescribeAlarmsForMetricOutput,
  type DescribeAlarmsInput,
  type DescribeAlarmsOutput,
  type MetricAlarm,
} from "@aws-sdk/client-cloudwatch";
import { childrenOf, parseAlarmRule } from "../../alarms/alarm-rule.ts";
import type { AlarmStore, StoredAlarm } from "../../alarms/alarm-store.ts";
import { sameDimensions } from "../metric-series.ts";
import type { Operation } from "../service.ts";
import { pageOf } from "./page-of.ts";
import { invalid, noSuchResourceException, refuseOthers } from "./refuse.ts";

export const describeAlarmOperations = (store: AlarmStore): Operation[] => {
  const describeAlarms = async ({
    AlarmNames,
    AlarmNamePrefix,
    AlarmTypes = ["MetricAlarm"],
    ChildrenOfAlarmName,
    ParentsOfAlarmName,
    StateValue,
    ActionPrefix,
    MaxRecords = DEFAULT_PAGE,
    NextToken,
  }: DescribeAlarmsInput): Promise<DescribeAlarmsOutput> => {
    if (MaxRecords < 1 || MaxRecords > LARGEST_PAGE) throw invalid(`MaxRecords ${MaxRecords} is not valid.`);
    if ((AlarmNames?.length ?? 0) > MOST_NAMES) throw invalid(`At most ${MOST_NAMES} AlarmNames.`);
    if (AlarmNames !== undefined && AlarmNamePrefix !== undefined)
      throw invalid("AlarmNames and AlarmNamePrefix cannot be specified together");
    const related = ChildrenOfAlarmName ?? ParentsOfAlarmName;
    const alone = [AlarmNames, AlarmNamePrefix, StateValue, ActionPrefix].every(
      (given) => given === undefined,
    );
    if (related !== undefined && !alone)
      throw invalid("ChildrenOfAlarmName and ParentsOfAlarmName exclude other parameters");
    if (ChildrenOfAlarmName !== undefined)
      return grouped(pageOf(childrenIn(store, ChildrenOfAlarmName), NextToken, MaxRecords), child);
    if (ParentsOfAlarmName !== undefined)
      return grouped(pageOf(store.parentsOf(ParentsOfAlarmName), NextToken, MaxRecords), parent);
    const wanted = new Set<string>(AlarmTypes);
    const found = store
      .list()
      .filter(
        ({ kind, name, alarm }) =>
          wanted.has(kind === "metric" ? "MetricAlarm" : "CompositeAlarm") &&
          (AlarmNames === undefined || AlarmNames.includes(name)) &&
          name.startsWith(AlarmNamePrefix ?? "") &&
          (StateValue === undefined || StateValue === alarm.StateValue) &&
          (ActionPrefix === undefined || actionsOf(alarm).some((action) => action.startsWith(ActionPrefix))),
      );
    return grouped(pageOf(found, NextToken, MaxRecords), ({ arn, alarm }) => ({ AlarmArn: arn, ...alarm }));
  };

  /** By the exact set of dimensions; alarms on an expression of metrics are not listed, as CloudWatch does it. */
  const describeAlarmsForMetric = async ({
    Namespace,
    MetricName,
    Dimensions = [],
    ...others
  }: DescribeAlarmsForMetricInput): Promise<DescribeAlarmsForMetricOutput> => {
    refuseOthers("DescribeAlarmsForMetric", others);
    return {
      MetricAlarms: store.list().flatMap((stored) => {
        if (stored.kind !== "metric") return [];
        const { alarm, arn } = stored;
        const isOnIt =
          alarm.Namespace === Namespace &&
          alarm.MetricName === MetricName &&
          sameDimensions(alarm.Dimensions ?? [], Dimensions);
        return isOnIt ? [{ AlarmArn: arn, ...alarm }] : [];
      }),
    };
  };

  /** Of an alarm on one time series the reference says nothing; here it has none. */
  const describeAlarmContributors = async ({
    AlarmName = "",
    NextToken,
  }: DescribeAlarmContributorsInput): Promise<DescribeAlarmContributorsOutput> => {
    const stored = store.find(AlarmName);
    if (stored === undefined) throw noSuchResourceException(`The alarm ${AlarmName} does not exist`);
    const active = stored.kind === "metric" ? [...stored.contributors.values()] : [];
    const { items, NextToken: next } = pageOf(active, NextToken, CONTRIBUTORS_PER_PAGE);
    return {
      AlarmContributors: items.map(({ id, attributes, reason, since }) => ({
        ContributorId: id,
        ContributorAttributes: attributes,
        StateReason: reason,
        StateTransitionedTimestamp: since,
      })),
      NextToken: next,
    };
  };

  return [
    { schema: DescribeAlarms$, run: describeAlarms },
    { schema: DescribeAlarmsForMetric$, run: describeAlarmsForMetric },
    { schema: DescribeAlarmContributors$, run: describeAlarmContributors },
  ];
};

const childrenIn = (store: AlarmStore, name: string): StoredAlarm[] => {
  const composite = store.find(name);
  if (composite?.kind !== "composite") return [];
  return childrenOf(parseAlarmRule(composite.alarm.AlarmRule ?? "")).flatMap(
    (alarm) => store.find(alarm) ?? [],
  );
};

/** API reference of DescribeAlarms: of a child only this much is returned, of a parent less. */
const child = ({ name, arn, alarm: { StateValue, StateUpdatedTimestamp } }: StoredAlarm) => ({
  AlarmName: name,
  AlarmArn: arn,
  StateValue,
  StateUpdatedTimestamp,
});
const parent = ({ name, arn }: StoredAlarm) => ({ AlarmName: name, AlarmArn: arn });

const grouped = (
  { items, NextToken }: { items: StoredAlarm[]; NextToken: string | undefined },
  describe: (stored: StoredAlarm) => MetricAlarm | CompositeAlarm,
): DescribeAlarmsOutput => {
  const of = (wanted: StoredAlarm["kind"]) => items.filter(({ kind }) => kind === wanted).map(describe);
  return { MetricAlarms: of("metric"), CompositeAlarms: of("composite"), NextToken };
};

const actionsOf = ({
  OKActions = [],
  AlarmActions = [],
  InsufficientDataActions = [],
}: MetricAlarm | CompositeAlarm): string[] => [...OKActions, ...AlarmActions, ...InsufficientDataActions];

/** API reference of DescribeAlarms. It names no default for a page: a small one makes whoever lists turn pages. */
const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 100;
const MOST_NAMES = 100;

/** Not documented: few enough that more than one page occurs among the 100 contributors that an alarm can have. */
const CONTRIBUTORS_PER_PAGE = 50;
