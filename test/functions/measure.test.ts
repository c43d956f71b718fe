/** What the built functions print for CloudWatch to count, in its embedded metric format. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { bundleFolder, root } from "../../build/layout.ts";
import { pipelineMetrics } from "../../core/pipeline-metrics.ts";
import { type NatHost, unreachableHost } from "../../local/host.ts";
import { startRuntime } from "../../local/lambda/runtime.ts";
import { readScenario } from "../../local/scenario.ts";
import {
  chatTopicArn,
  type LocalStack,
  type LocalStackOptions,
  startLocalStack,
  topicArn,
} from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";
import { fastClock } from "../../local/states/clock.ts";

const id = "i-0a1b2c3d4e5f67890";
let stack: LocalStack | undefined;
afterEach(() => stack?.stop());

type Document = {
  _aws: {
    CloudWatchMetrics: {
      Namespace: string;
      Dimensions: string[][];
      Metrics: { Name: string; Unit: string }[];
    }[];
  };
} & Record<string, unknown>;

/** Everything with a metric in what functions wrote: `Name` or `Name of the second dimension's value`, and its value. */
function measuredIn(text: string): [string, number][] {
  const documents = text
    .split("\n")
    .filter((line) => line.includes('"CloudWatchMetrics"'))
    .map((line): Document => JSON.parse(line));
  return documents.map((document): [string, number] => {
    const [directive] = document._aws.CloudWatchMetrics;
    const [metric] = directive?.Metrics ?? [];
    const dimensions = directive?.Dimensions[0] ?? [];
    expect(document._aws.CloudWatchMetrics).toHaveLength(1);
    expect(directive?.Metrics).toHaveLength(1);
    expect(directive?.Namespace).toBe("NatMedicPipeline");
    expect(document.service).toBe("nat-medic");
    const declared: { unit: string; dimension?: string } =
      pipelineMetrics[metric?.Name as keyof typeof pipelineMetrics];
    expect(metric?.Unit).toBe(declared.unit);
    expect(dimensions).toEqual([
      "service",
      ...(declared.dimension === undefined ? [] : [declared.dimension]),
    ]);
    const of = declared.dimension === undefined ? "" : ` ${document[declared.dimension]}`;
    return [`${metric?.Name}${of}`, Number(document[metric?.Name ?? ""])];
  });
}

let log = "";
async function startStack(host: NatHost, options: Partial<LocalStackOptions> = {}): Promise<LocalStack> {
  log = "";
  stack = await startLocalStack({
    instances: { [id]: { host, type: "t3.micro" } },
    mode: "apply",
    approvalSeconds: 2,
    onLog: (_, text) => {
      log += text;
    },
    ...options,
  });
  return stack;
}
const fullTable = () => recordedStage(readScenario("conntrack-table-full")).host;

/** What was measured since the last time, with the outcome, which comes last; a function's output may come after its end. */
async function measured(): Promise<[string, number][]> {
  await vi.waitFor(() => expect(log).toContain('"Outcome":'));
  const all = measuredIn(log);
  log = "";
  return all;
}

test("an incident is counted once: opened, its causes, its fix, how long it took, its outcome, and the undo later", async () => {
  const local = await startStack(fullTable(), { clock: fastClock() });
  const execution = local.start({ instanceId: id });
  await execution.finished;
  const counted = await measured();
  const times = new Map(counted.filter(([name]) => name.startsWith("TimeTo")));
  expect(counted.map(([name]) => name)).toEqual([
    "IncidentOpened",
    "CauseFound conntrack-table-full",
    "CauseFound conntrack-timeouts-too-long",
    "CauseFound conntrack-heavy-hitter",
    "TimeToDiagnose",
    "FixApplied raise-conntrack-max",
    "TimeToMitigate",
    "Outcome fixed",
  ]);
  const toDiagnose = times.get("TimeToDiagnose") ?? Number.NaN;
  expect(toDiagnose).toBeGreaterThan(0);
  expect(times.get("TimeToMitigate")).toBeGreaterThan(toDiagnose);
  expect(times.get("TimeToMitigate")).toBeLessThan(120);
  for (const [name, value] of counted) if (!times.has(name)) expect(value, name).toBe(1);

  const incident = await local.incidentOf(execution.arn);
  await local.start({ undo: incident?.incident.id }).finished;
  expect(await measured()).toEqual([
    ["FixUndone raise-conntrack-max", 1],
    ["Outcome undone", 1],
  ]);
});

test("a host that Run Command cannot reach is counted, and no time to a fix", async () => {
  const local = await startStack(unreachableHost, { clock: fastClock() });
  await local.start({ instanceId: id }).finished;
  const names = (await measured()).map(([name]) => name);
  expect(names).toContain("HostUnreachable");
  expect(names).not.toContain("TimeToMitigate");
});

test("an execution that dies is counted as failed, by who puts in order what it leaves", async () => {
  let asked = false;
  const onPublish = () => {
    asked = true;
  };
  const local = await startStack(fullTable(), {
    mode: "approve",
    approvalSeconds: 3600,
    onPublish,
  });
  const execution = local.start({ instanceId: id });
  await vi.waitFor(() => expect(asked).toBe(true), { timeout: 60_000 });
  execution.stop("ByHand", "a test");
  await local.settled();
  const names = (await measured()).map(([name]) => name);
  expect(names.filter((name) => name.startsWith("Outcome"))).toEqual(["Outcome failed"]);
});

test("a function that fails counts nothing, since it is tried again", async () => {
  const local = await startStack(fullTable(), { clock: fastClock() });
  const event = JSON.parse(readFileSync(join(root, "events", "functions", "close-incident.json"), "utf8"));
  const close = async (topic: string) => {
    const runtime = await startRuntime({
      bundle: join(bundleFolder("close-incident"), "handler.mjs"),
      handler: "handler.handler",
      environment: {
        AWS_ENDPOINT_URL: local.url,
        NAT_MEDIC_TABLE: local.table,
        NAT_MEDIC_TOPIC_ARN: topic,
        NAT_MEDIC_CHAT_TOPIC_ARN: chatTopicArn,
      },
    });
    try {
      const answer = await runtime.invoke(event);
      return { failed: "error" in answer, measured: measuredIn(runtime.output()) };
    } finally {
      await runtime.stop();
    }
  };
  expect(await close("no ARN")).toEqual({ failed: true, measured: [] });
  expect(await close(topicArn)).toEqual({ failed: false, measured: [["Outcome fixed", 1]] });
});
