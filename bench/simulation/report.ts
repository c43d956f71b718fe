/** What a simulation came to, as text. */
import { duration, whole } from "../../core/wording.ts";
import { prices } from "../prices.ts";
import { tableLines } from "../table.ts";
import { lambdaConcurrency, quotas, unpublished } from "./quotas.ts";
import type { Simulation, SimulationOptions } from "./run.ts";

type Asked = Pick<SimulationOptions, "instances" | "incidents" | "concurrency" | "realEvery">;

/** Of every function but the one that lists instances. */
const functionGigabytes = 0.25;

export function simulationText(asked: Asked, simulation: Simulation): string {
  const { executions, transitions, check, outcomes, messages, incidentSeconds, checkSeconds } = simulation;
  const sorted = incidentSeconds.toSorted((a, b) => a - b);
  const slowest = sorted.at(-1) ?? 0;
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return [
    `${whole(asked.instances)} instances, ${whole(executions.incidents)} of them in trouble, ${asked.concurrency} checked at a time`,
    asked.realEvery === 1
      ? "Every function ran for every instance."
      : `For one of ${asked.realEvery} healthy instances the functions ran; the others took its answers, and its calls are counted for them.`,
    "",
    `Executions: ${whole(executions.items)} of the check's items, ${whole(executions.incidents)} incidents, ${executions.runs} check; ${whole(transitions)} state transitions, ${whole(messages)} messages`,
    `The check took ${duration(checkSeconds)} and ended with ${JSON.stringify(check)}`,
    `Incidents: ${[...outcomes].map(([outcome, count]) => `${whole(count)} ${outcome}`).join(", ") || "none"}; half of them ended within ${duration(middle)}, all within ${duration(slowest)} (one hour of it waits for an approval that nobody gives)`,
    "",
    "Lambda",
    ...tableLines(invocationRows(simulation)),
    `At most ${whole(simulation.mostInvocations)} at a time; the account has ${whole(lambdaConcurrency.most)} (${lambdaConcurrency.source})`,
    "",
    "Calls, and the quotas of an account in one Region",
    ...tableLines(callRows(simulation)),
    "",
    "What it costs (US dollars, bench/prices.ts)",
    ...tableLines(costRows(simulation)),
    "",
    `Simulated in ${duration(Math.round(simulation.realSeconds))}, with at most ${whole(simulation.mostMemory / 2 ** 20)} MiB`,
  ].join("\n");
}

function invocationRows({ invocations }: Simulation) {
  return [...invocations]
    .toSorted(([, a], [, b]) => b.count - a.count)
    .map(([name, { count, seconds }]) => ({
      function: name,
      invocations: count,
      "seconds each": seconds / count,
    }));
}

function callRows({ rates, checkSeconds }: Simulation) {
  return [...rates.total()].map(([what, count]) => {
    const quota = quotas[what];
    const refused = quota === undefined ? undefined : rates.throttled(what, quota);
    const none = unpublished.includes(what) ? "not published" : "";
    return {
      call: what,
      calls: whole(count),
      "a second": (count / checkSeconds).toFixed(2),
      peak: whole(rates.peak(what)),
      quota: quota === undefined ? none : `${whole(quota.refill)}/s, ${whole(quota.bucket)} at once`,
      "tried again": refused === undefined ? "" : whole(refused.calls),
      // What is refused comes back, and is served as fast as the bucket is refilled.
      "served within":
        quota === undefined || refused === undefined || refused.calls === 0
          ? ""
          : `${(refused.calls / quota.refill).toFixed(1)} s`,
    };
  });
}

function costRows({ rates, transitions, invocations, messages }: Simulation) {
  const total = rates.total();
  const count = (what: string) => total.get(what) ?? 0;
  const runs = [...invocations.values()];
  const seconds = runs.reduce((sum, each) => sum + each.seconds, 0);
  const described = count("monitoring DescribeAlarms") + count("monitoring DescribeAlarmsForMetric");
  const lines: [string, number, number][] = [
    ["state transitions", transitions, prices.stateTransition.usd],
    ["Lambda requests", runs.reduce((sum, each) => sum + each.count, 0), prices.lambdaRequest.usd],
    ["Lambda GB-seconds", seconds * functionGigabytes, prices.lambdaGigabyteSecond.usd],
    ["metrics requested", count("metrics requested"), prices.metricRequested.usd],
    ["other CloudWatch requests", described, prices.cloudwatchRequest.usd],
    ["DynamoDB writes", count("dynamodb write units"), prices.dynamodbWriteUnit.usd],
    ["DynamoDB reads", count("dynamodb read units"), prices.dynamodbReadUnit.usd],
    ["messages", messages, prices.snsPublish.usd],
  ];
  const rows = lines.map(([what, units, usd]) => ({
    what,
    units: whole(units),
    dollars: (units * usd).toFixed(2),
  }));
  const sum = lines.reduce((all, [, units, usd]) => all + units * usd, 0);
  return [...rows, { what: "together", units: "", dollars: sum.toFixed(2) }];
}
