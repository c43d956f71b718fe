/**
 * `npm run cost`: what NAT Medic costs a month, from the template's own alarms and defaults, the metrics that a host
 * publishes, and the published prices. Prints docs/cost.md.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { root } from "../build/layout.ts";
import { readTemplate } from "../build/template.ts";
import { fleetAlarms } from "../core/alarms/fleet.ts";
import { desiredAlarms } from "../core/alarms/instance.ts";
import { watchedMetrics } from "../core/evidence/cloud.ts";
import { publishedMetrics } from "../core/metrics.ts";
import { pipelineMetrics } from "../core/pipeline-metrics.ts";
import { daysBack, headroomMetrics } from "../core/prevention/headroom.ts";
import { type PriceName, prices } from "./prices.ts";

/** Hours, minutes and days of an average month. */
const hours = 730;
const minutes = hours * 60;
const days = hours / 24;

/**
 * What cannot be read off the code. Durations are those of a host that answers: Run Command takes a second or two, the
 * collector samples for five.
 */
const assumed = {
  /** Of the hours, those in which a sparse metric is not zero; of an ENA allowance, each time of one kind. */
  hoursNotZero: 0.05,
  incidentsPerInstance: 2,
  /**
   * As the drill's ran on the local endpoint: a full table, one change made and kept, one question that nobody answers. A
   * write unit is 1 KB, and evidence is fifty of them.
   */
  incident: {
    transitions: 46,
    invocations: 18,
    seconds: 60,
    mails: 3,
    writes: 80,
    reads: 40,
    logBytes: 15_000,
  },
  /** Seconds of the four functions of a daily look: host, cloud, diagnosis, trend. */
  look: { seconds: 8 + 2 + 0.5 + 1.5, writes: 8, reads: 8, logBytes: 6_000 },
  /** Of the run around all looks: begin, list, map, report, tell. */
  run: { transitions: 12, invocations: 3, seconds: 5 },
  /** Of DescribeAlarms, which every sweep asks for; nothing is written where nothing has changed. */
  alarmsPerPage: 100,
  sweep: { seconds: 2, secondsPerInstance: 0.01 },
  /** Per invocation, once written: the runtime's own lines and ours. */
  memoryGigabytes: 0.25,
} as const;

export type Case = { instances: number; periodSeconds: 10 | 60 };
/** `usd`: a month. */
export type CostLine = { what: string; price: PriceName; quantity: number; usd: number };
export type Cost = { perInstance: CostLine[]; perStack: CostLine[] };

const line = (what: string, price: PriceName, quantity: number): CostLine => ({
  what,
  price,
  quantity,
  usd: quantity * prices[price].usd,
});
export const sum = (lines: readonly CostLine[]): number => lines.reduce((total, { usd }) => total + usd, 0);

const Parameters = z.object({
  Parameters: z.record(z.string(), z.object({ Default: z.union([z.string(), z.number()]) })),
});
const Stack = z.object({
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Properties: z._default(
        z.looseObject({
          Metrics: z.optional(z.array(z.looseObject({ Expression: z.optional(z.string()) }))),
        }),
        {},
      ),
    }),
  ),
});
const source = readTemplate(join(root, "template.yaml"));
const defaults = z.parse(Parameters, source).Parameters;
const alarms = Object.values(z.parse(Stack, source).Resources).filter(
  ({ Type }) => Type === "AWS::CloudWatch::Alarm",
);
const isFleetAlarm = ({ Properties: { Metrics = [] } }: (typeof alarms)[number]) =>
  Metrics.some(({ Expression = "" }) => Expression.startsWith("SELECT"));

const Sweep = z.object({
  Resources: z.object({
    KeepAlarmsFunction: z.object({
      Properties: z.object({
        Events: z.object({ Sweep: z.object({ Properties: z.object({ Schedule: z.string() }) }) }),
      }),
    }),
  }),
});
const { Schedule: sweepSchedule } = z.parse(Sweep, source).Resources.KeepAlarmsFunction.Properties.Events
  .Sweep.Properties;
const sweepMinutes = Number(/^rate\((\d+) minutes\)$/.exec(sweepSchedule)?.[1]);
if (!(sweepMinutes > 0)) throw new Error(`not a rate of minutes: ${sweepSchedule}`);

const isSparse = (metric: object) => "sparse" in metric;
const sparseMetrics = Object.entries(publishedMetrics).filter(([, metric]) => isSparse(metric));
/** Series of one instance that have no data for most of the hours, as whole ones. */
const sparseSeries = sparseMetrics.length * assumed.hoursNotZero;

/** For one instance out of as many as the case has. */
export function costOf({ instances, periodSeconds }: Case): Cost {
  return { perInstance: instanceLines({ instances, periodSeconds }), perStack: stackLines() };
}

function instanceLines({ instances, periodSeconds }: Case): CostLine[] {
  const always = Object.keys(publishedMetrics).length - sparseMetrics.length;
  // Each of the sparse ones has an alarm.
  const alarmedAlways = alarms.filter(isFleetAlarm).length - sparseMetrics.length;
  const { incident, look, run, incidentsPerInstance, memoryGigabytes } = assumed;
  const gigabyteSeconds =
    memoryGigabytes *
    (incidentsPerInstance * incident.seconds + days * (look.seconds + run.seconds / instances));
  const invocations =
    incidentsPerInstance * incident.invocations + days * (looksInvocations + run.invocations / instances);
  const gigabytes = (bytes: number) => bytes / 1e9;
  return [
    line("Metrics that the host publishes", "customMetric", always + sparseSeries),
    line(
      "Fleet alarms: an instance's series in their queries",
      "metricsInsightsAlarmMetric",
      alarmedAlways + sparseSeries,
    ),
    ...ownAlarmLines(periodSeconds),
    line(
      "Log of the published metrics (by the agent)",
      "logIngestion",
      gigabytes(((minutes * 60) / periodSeconds) * embeddedBytes()),
    ),
    line("Daily look and incidents: state transitions", "stateTransition", transitions(instances)),
    line("Daily look and incidents: function time", "lambdaGigabyteSecond", gigabyteSeconds),
    line("Daily look and incidents: invocations", "lambdaRequest", invocations),
    line(
      "Metrics read for them",
      "metricRequested",
      (days + incidentsPerInstance) * (watchedMetrics.length + 1) +
        days * headroomMetrics(anyInstance).length,
    ),
    line(
      `Alarms looked at every ${sweepMinutes} minutes: requests`,
      "cloudwatchRequest",
      minutes / sweepMinutes / Math.min(instances, assumed.alarmsPerPage),
    ),
    line(
      `Alarms looked at every ${sweepMinutes} minutes: function time`,
      "lambdaGigabyteSecond",
      (minutes / sweepMinutes) *
        memoryGigabytes *
        (assumed.sweep.seconds / instances + assumed.sweep.secondsPerInstance),
    ),
    line("Table: written", "dynamodbWriteUnit", incidentsPerInstance * incident.writes + days * look.writes),
    line("Table: read", "dynamodbReadUnit", incidentsPerInstance * incident.reads + days * look.reads),
    line(
      "Logs of the functions",
      "logIngestion",
      gigabytes(incidentsPerInstance * incident.logBytes + days * look.logBytes),
    ),
    line("Mails", "snsEmail", incidentsPerInstance * incident.mails + days / instances),
    line("Traces", "traceRecorded", incidentsPerInstance + days),
  ];
}

const anyInstance = "i-0a1b2c3d4e5f67890";
const looksInvocations = 4;

function transitions(instances: number): number {
  // One per state of an item, and its start: fleet.asl.yaml.
  const states = [
    "WhatIsItFor",
    ...["CollectEvidence", "CollectHostEvidence", "CollectCloudEvidence"],
    ...["Diagnose", "LookAhead", "Handled"],
  ];
  const perRun = assumed.run.transitions / instances;
  return assumed.incidentsPerInstance * assumed.incident.transitions + days * (states.length + 1 + perRun);
}

/** What keep-alarms makes by default; with the ten seconds, the alarm of that pace too. */
function ownAlarmLines(periodSeconds: 10 | 60): CostLine[] {
  const isOn = (name: string) => defaults[name]?.Default === "yes";
  const made = desiredAlarms(
    { instanceId: anyInstance, agentMetrics: [], silent: undefined },
    {
      prefix: "nat-medic-",
      silent: isOn("SilentAlarms"),
      highResolution: periodSeconds === 10,
      agent: isOn("AgentAlarms"),
      composite: isOn("CompositeAlarms"),
      pagingTopic: null,
      utilizationThreshold: 80,
      lossThreshold: 10,
      allowanceThreshold: 20,
    },
    "2026-01-01T00:00:00Z",
  );
  return made.map((alarm) => {
    if (alarm.kind === "composite") return line("Composite alarm of the instance", "compositeAlarm", 1);
    const isQuick = alarm.periodSeconds < 60;
    return line(
      `Alarm of the instance: ${alarm.name.split("-").at(2) ?? ""}`,
      isQuick ? "highResolutionAlarmMetric" : "alarmMetric",
      alarm.metrics.length,
    );
  });
}

/** The document in the embedded metric format that stands for one publication, with what CloudWatch Logs adds to it. */
function embeddedBytes(): number {
  const metrics = Object.entries(publishedMetrics).filter(([, metric]) => !isSparse(metric));
  const document = {
    _aws: {
      Timestamp: 1_795_244_993_000,
      LogGroupName: "/nat-medic/metrics",
      LogStreamName: anyInstance,
      CloudWatchMetrics: [
        {
          Namespace: "NatMedic",
          Dimensions: [["InstanceId"]],
          Metrics: metrics.map(([Name, { unit }]) => ({ Name, Unit: unit, StorageResolution: 60 })),
        },
      ],
    },
    InstanceId: anyInstance,
    ...Object.fromEntries(metrics.map(([name]) => [name, 12345.67])),
  };
  const perLogEvent = 26;
  return JSON.stringify(document).length + perLogEvent;
}

/** What is there once, however many instances there are. */
function stackLines(): CostLine[] {
  const watching = alarms
    .filter((alarm) => !isFleetAlarm(alarm))
    .reduce((total, { Properties: { Metrics } }) => total + metricsOf(Metrics), 0);
  // A metric is billed by the hours in which it has data: these have some when something happens.
  const hoursWithData = days + assumed.incidentsPerInstance;
  return [
    line("Alarms on NAT Medic itself", "alarmMetric", watching),
    line(
      "Metrics of NAT Medic itself",
      "customMetric",
      (Object.keys(pipelineMetrics).length * hoursWithData) / hours,
    ),
    line("Daily look: its schedule", "schedulerInvocation", days),
    line("Table: stored, with its backups", "dynamodbStorage", 0.01),
    line("Dashboard (the first three of an account)", "dashboard", 0),
  ];
}

/** An alarm on one metric has no list; one on an expression pays for each metric in it. Those of spokes are not counted. */
function metricsOf(metrics: readonly Record<string, unknown>[] | undefined): number {
  return metrics === undefined ? 1 : metrics.filter((metric) => "MetricStat" in metric).length;
}

/** What the CLI costs where there is no agent: a request a minute, and no log. */
const byCommandLine = (): CostLine => line("PutMetricData by the AWS CLI", "putMetricDataRequest", minutes);

const dollars = (usd: number): string => (usd < 0.005 ? "under 0.01" : usd.toFixed(2));
const amount = (quantity: number): string =>
  quantity >= 100 ? Math.round(quantity).toLocaleString("en-US") : String(Number(quantity.toPrecision(3)));

function table(lines: readonly CostLine[], others: readonly CostLine[]): string[] {
  const rows = [...new Set([...lines, ...others].map(({ what }) => what))].map((what) => {
    const [at60, at10] = [lines, others].map((all) => all.find((each) => each.what === what));
    const { price } = at60 ?? at10 ?? { price: undefined };
    const unit =
      price === undefined ? "" : `${prices[price].unit}, $${Number(prices[price].usd.toPrecision(3))}`;
    const cells = [at60, at10].flatMap((each) =>
      each === undefined ? ["", ""] : [amount(each.quantity), dollars(each.usd)],
    );
    return `| ${what} | ${unit} | ${cells.join(" | ")} |`;
  });
  return [
    "| what | priced by | a month, 60 s | $ | a month, 10 s | $ |",
    "|---|---|--:|--:|--:|--:|",
    ...rows,
    `| **together** | | | **${sum(lines).toFixed(2)}** | | **${sum(others).toFixed(2)}** |`,
  ];
}

/** docs/cost.md, whole. */
export function costPage(): string {
  const one = costOf({ instances: 1, periodSeconds: 60 });
  const quick = costOf({ instances: 1, periodSeconds: 10 });
  const total = (instances: number, periodSeconds: 10 | 60) => {
    const { perInstance, perStack } = costOf({ instances, periodSeconds });
    return [
      instances,
      periodSeconds,
      sum(perInstance),
      sum(perStack),
      instances * sum(perInstance) + sum(perStack),
    ] as const;
  };
  const totals = [total(1, 60), total(1, 10), total(100, 60), total(100, 10)];
  const agentLog = one.perInstance.find(({ what }) => what.startsWith("Log of the published"))?.usd ?? 0;
  const [first] = Object.values(prices);
  return `${[
    "# What it costs",
    "",
    "Printed by `npm run cost` from `template.yaml`, `core/` and `bench/prices.ts`; a test compares. US dollars a month in US",
    `East (N. Virginia), prices read ${first?.read}; no free tier, no discount. With the defaults of every parameter, the`,
    `same with \`PublishPeriodSeconds=10\` and \`HighResolutionAlarms=yes\`, and ${assumed.incidentsPerInstance} incidents an instance.`,
    "",
    "| instances | published every | per instance | per stack, whatever its size | together |",
    "|--:|--:|--:|--:|--:|",
    ...totals.map(
      ([instances, period, each, stack, all]) =>
        `| ${instances} | ${period} s | ${each.toFixed(2)} | ${stack.toFixed(2)} | ${all.toFixed(2)} |`,
    ),
    "",
    "## One NAT instance",
    "",
    ...table(one.perInstance, quick.perInstance),
    "",
    `The fleet has ${fleetAlarms.length} alarms, and each looks at one series of every instance. The series of`,
    `${sparseMetrics.map(([name]) => `\`${name}\``).join(", ")} exist only while they are not zero,`,
    `taken as ${assumed.hoursNotZero * 100} % of the hours: a metric is billed by the hours in which it has data.`,
    `An instance without the CloudWatch agent publishes by the AWS CLI: ${dollars(byCommandLine().usd)} instead of ${dollars(agentLog)} for the log.`,
    "",
    "## One stack",
    "",
    ...table(one.perStack, quick.perStack),
    "",
    "A fourth dashboard in an account costs $3, a KMS key of your own $1. Systems Manager (Run Command, State Manager, standard",
    "parameters) and events of AWS services cost nothing. The free tier of an account covers ten custom metrics and ten alarm",
    `metrics a month: $${(10 * prices.customMetric.usd + 10 * prices.alarmMetric.usd).toFixed(2)} less where nothing else uses them, which is most of a stack with one instance.`,
    "",
    "## What is assumed",
    "",
    `An incident, as the drill plays it: ${assumed.incident.transitions} state transitions, ${assumed.incident.invocations} invocations, ${assumed.incident.seconds} s of function time, ${assumed.incident.mails} mails, ${assumed.incident.writes} writes.`,
    `A daily look at one instance: ${looksInvocations} invocations, ${assumed.look.seconds} s; it reads ${daysBack} days of ${headroomMetrics(anyInstance).length} metrics and the last three hours of ${watchedMetrics.length}.`,
    "For comparison: a NAT gateway is $32.85 and $0.045 per GB.",
  ].join("\n")}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(costPage());
