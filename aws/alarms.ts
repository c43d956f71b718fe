/** Alarms of CloudWatch that we make ourselves, in the stack's own account and Region. */
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  type CompositeAlarm as DescribedComposite,
  type MetricAlarm as DescribedMetric,
  ListTagsForResourceCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmInput,
  paginateDescribeAlarms,
  paginateListMetrics,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import * as z from "zod/mini";
import {
  type Alarm,
  type CompositeAlarm,
  type KnownAlarm,
  type MetricAlarm,
  stackTag,
} from "../core/alarms/alarm.ts";
import type { InstanceId, Metric } from "../core/incident.ts";
import { paced } from "./pace.ts";

/** Many instances that start at once are as many functions that put alarms at once: most are told to come again. */
const client = new CloudWatchClient({ maxAttempts: 10 });

/**
 * Calls per second and account that CloudWatch takes are 3 to put, 3 to delete, 9 to describe and 25 to list metrics
 * (CloudWatch service quotas). Others in the account need some of them.
 */
const mayPut = paced(2);
const mayDelete = paced(1);
const mayDescribe = paced(5);
const mayList = paced(10);

/** Those with these names that are there; of either kind. */
export async function alarmsNamed(names: readonly string[]): Promise<KnownAlarm[]> {
  return await describe({ AlarmNames: [...names] });
}

/** All whose names begin so; of either kind. */
export async function alarmsBeginning(prefix: string): Promise<KnownAlarm[]> {
  return await describe({ AlarmNamePrefix: prefix });
}

async function describe(
  which: { AlarmNames: string[] } | { AlarmNamePrefix: string },
): Promise<KnownAlarm[]> {
  const found: KnownAlarm[] = [];
  await mayDescribe();
  const pages = paginateDescribeAlarms(
    { client, pageSize: 100 },
    { ...which, AlarmTypes: ["MetricAlarm", "CompositeAlarm"] },
  );
  for await (const { MetricAlarms = [], CompositeAlarms = [] } of pages) {
    found.push(...MetricAlarms.map(metricAlarmFrom), ...CompositeAlarms.map(compositeAlarmFrom));
    await mayDescribe();
  }
  return found;
}

/** Creates it or writes it anew. The tag is given to a new one only; the state of one that is there stays. */
export async function putAlarm(alarm: Alarm, stack: string): Promise<void> {
  await mayPut();
  const Tags = [{ Key: stackTag, Value: stack }];
  if (alarm.kind === "composite") {
    await client.send(
      new PutCompositeAlarmCommand({
        AlarmName: alarm.name,
        AlarmDescription: alarm.description,
        AlarmRule: alarm.rule,
        AlarmActions: [...alarm.actions],
        OKActions: [...alarm.actions],
        Tags,
      }),
    );
    return;
  }
  await client.send(
    new PutMetricAlarmCommand({
      AlarmName: alarm.name,
      AlarmDescription: alarm.description,
      ComparisonOperator: alarm.comparison,
      Threshold: alarm.threshold,
      EvaluationPeriods: alarm.of,
      DatapointsToAlarm: alarm.breaching,
      TreatMissingData: alarm.missing,
      ...watchedBy(alarm),
      Tags,
    }),
  );
}

/** Those that are there no more are passed over. Composite alarms have to come first, and are deleted one by one. */
export async function removeAlarms(alarms: readonly KnownAlarm[]): Promise<void> {
  const composites = alarms.filter(({ composite }) => composite).map(({ name }) => [name]);
  const others = alarms.filter(({ composite }) => !composite).map(({ name }) => name);
  for (const names of [...composites, ...inGroups(others, mostPerDeletion)]) await remove(names);
}

async function remove(AlarmNames: string[]): Promise<void> {
  await mayDelete();
  try {
    await client.send(new DeleteAlarmsCommand({ AlarmNames }));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    // One that somebody else has deleted meanwhile is not to save the others.
    if (AlarmNames.length > 1) for (const name of AlarmNames) await remove([name]);
  }
}

const isNotFound = (error: unknown): boolean =>
  error instanceof Error && error.name.startsWith("ResourceNotFound");

/** API reference of DeleteAlarms; of composite alarms it takes one. */
export const mostPerDeletion = 100;

export function inGroups<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, n) => items.slice(n * size, (n + 1) * size));
}

/** The stack that made it, by its tag; `undefined`: none of ours, or it is there no more. */
export async function stackOf({ arn }: KnownAlarm): Promise<string | undefined> {
  await mayList();
  try {
    const { Tags = [] } = await client.send(new ListTagsForResourceCommand({ ResourceARN: arn }));
    return Tags.find(({ Key }) => Key === stackTag)?.Value;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Until CloudWatch looks at it again, which it does within a period. */
export async function setAlarmState(name: string, state: "ALARM" | "OK", reason: string): Promise<void> {
  await client.send(new SetAlarmStateCommand({ AlarmName: name, StateValue: state, StateReason: reason }));
}

/** What the CloudWatch agent calls what `ethtool -S` counts. */
const allowanceCounter = /^ethtool_\w+_allowance_exceeded$/;
const counters = ["bw_in", "bw_out", "pps", "conntrack", "linklocal"].map(
  (allowance) => `ethtool_${allowance}_allowance_exceeded`,
);

/**
 * The counters of the ENA driver that the CloudWatch agent has published in the last three hours: of one instance, or
 * (`null`) of all. One per interface, by the name that it has now.
 */
export async function agentCounters(instanceId: InstanceId | null): Promise<Metric[]> {
  const ofInstance = instanceId === null ? {} : { Value: instanceId };
  // An instance has a few dozen metrics of the agent; all have many, so there each counter is asked for by itself.
  const names = instanceId === null ? counters.map((MetricName) => ({ MetricName })) : [{}];
  const metrics: Metric[] = [];
  for (const name of names) {
    await mayList();
    const pages = paginateListMetrics(
      { client },
      {
        Namespace: "CWAgent",
        Dimensions: [{ Name: "InstanceId", ...ofInstance }],
        RecentlyActive: "PT3H",
        ...name,
      },
    );
    for await (const { Metrics = [] } of pages) {
      metrics.push(
        ...Metrics.map(({ Namespace = "", MetricName = "", Dimensions = [] }) => ({
          namespace: Namespace,
          name: MetricName,
          dimensions: dimensionsFrom(Dimensions),
        })).filter((metric) => allowanceCounter.test(metric.name)),
      );
      await mayList();
    }
  }
  return metrics;
}

const dimensionsOf = (dimensions: Metric["dimensions"]) =>
  Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));

const dimensionsFrom = (
  dimensions: readonly { Name?: string | undefined; Value?: string | undefined }[],
): Metric["dimensions"] => Object.fromEntries(dimensions.map(({ Name = "", Value = "" }) => [Name, Value]));

/** One metric stands in the alarm itself, as the console makes it; metric math is a list of queries. */
function watchedBy({ metrics, expression, periodSeconds }: MetricAlarm): Partial<PutMetricAlarmInput> {
  const [only] = metrics;
  if (expression === null && only !== undefined) {
    const { namespace: Namespace, name: MetricName, dimensions } = only.metric;
    const statistic = z.parse(Statistic, only.statistic);
    return {
      Namespace,
      MetricName,
      Dimensions: dimensionsOf(dimensions),
      Statistic: statistic,
      Period: periodSeconds,
    };
  }
  const queries = metrics.map(({ id, metric: { namespace, name, dimensions }, statistic }) => ({
    Id: id,
    ReturnData: false,
    MetricStat: {
      Metric: { Namespace: namespace, MetricName: name, Dimensions: dimensionsOf(dimensions) },
      Period: periodSeconds,
      Stat: statistic,
    },
  }));
  return { Metrics: [...queries, { Id: "e1", Expression: expression ?? "", ReturnData: true }] };
}

const Statistic = z.enum(["SampleCount", "Average", "Sum", "Minimum", "Maximum"]);

const OurMetricAlarm = z.object({
  AlarmName: z.string(),
  AlarmDescription: z.string(),
  ActionsEnabled: z.literal(true),
  AlarmActions: z.array(z.string()).check(z.maxLength(0)),
  ComparisonOperator: z.enum(["GreaterThanOrEqualToThreshold", "LessThanThreshold"]),
  Threshold: z.number(),
  EvaluationPeriods: z.number(),
  DatapointsToAlarm: z.number(),
  TreatMissingData: z.enum(["breaching", "notBreaching", "missing"]),
});

/** In the shape that we make, or with `alarm: null`. */
function metricAlarmFrom(described: DescribedMetric): KnownAlarm {
  const parsed = z.safeParse(OurMetricAlarm, { ActionsEnabled: true, AlarmActions: [], ...described });
  const Metrics = described.Metrics?.length ? described.Metrics : [onlyQueryOf(described)];
  const metrics = Metrics.flatMap(({ Id = "", MetricStat }) => {
    const { Namespace, MetricName, Dimensions = [] } = MetricStat?.Metric ?? {};
    if (Namespace === undefined || MetricName === undefined) return [];
    const metric = { namespace: Namespace, name: MetricName, dimensions: dimensionsFrom(Dimensions) };
    return [{ id: Id, metric, statistic: MetricStat?.Stat ?? "" }];
  });
  const [expression = null] = Metrics.flatMap(({ Expression }) => Expression ?? []);
  const [periodSeconds, ...others] = new Set(Metrics.flatMap(({ MetricStat }) => MetricStat?.Period ?? []));
  const ours = parsed.success && periodSeconds !== undefined && others.length === 0;
  return {
    ...identityOf(described, false),
    alarm: ours
      ? {
          kind: "metric",
          name: parsed.data.AlarmName,
          description: parsed.data.AlarmDescription,
          metrics,
          expression,
          periodSeconds,
          comparison: parsed.data.ComparisonOperator,
          threshold: parsed.data.Threshold,
          breaching: parsed.data.DatapointsToAlarm,
          of: parsed.data.EvaluationPeriods,
          missing: parsed.data.TreatMissingData,
        }
      : null,
  };
}

const onlyQueryOf = ({ Namespace, MetricName, Dimensions, Period, Statistic: Stat }: DescribedMetric) => ({
  Id: "m1",
  MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period, Stat },
  Expression: undefined,
});

function compositeAlarmFrom(described: DescribedComposite): KnownAlarm {
  const {
    AlarmName = "",
    AlarmDescription = "",
    AlarmRule = "",
    AlarmActions = [],
    OKActions = [],
  } = described;
  const suppressed = (described.ActionsSuppressor ?? "") !== "";
  const notifiesBoth = AlarmActions.length === OKActions.length;
  const alarm: CompositeAlarm = {
    kind: "composite",
    name: AlarmName,
    description: AlarmDescription,
    rule: AlarmRule,
    actions: AlarmActions,
  };
  return {
    ...identityOf(described, true),
    alarm: suppressed || !notifiesBoth || described.ActionsEnabled === false ? null : alarm,
  };
}

const identityOf = (
  { AlarmName = "", AlarmArn = "", StateValue, AlarmConfigurationUpdatedTimestamp }: DescribedMetric,
  composite: boolean,
): Omit<KnownAlarm, "alarm"> => ({
  name: AlarmName,
  arn: AlarmArn,
  composite,
  state: StateValue ?? "INSUFFICIENT_DATA",
  writtenAt: (AlarmConfigurationUpdatedTimestamp ?? new Date(0)).toISOString(),
});
