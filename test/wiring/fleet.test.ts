/** That a run over many instances keeps within what it was given: rights, pace, time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { quotas } from "../../bench/simulation/quotas.ts";
import { definitionJson } from "../../build/definition.ts";
import { root } from "../../build/layout.ts";
import { pageSize } from "../../core/fleet.ts";
import { template } from "./template.ts";

const definition = JSON.parse(definitionJson("fleet"));
const each = definition.States.HandleEach;
const concurrency = Number(
  (template.Parameters.FleetConcurrency as { Default?: number } | undefined)?.Default,
);

test("it may start incidents and its own items, look at and stop its own, and nothing of anybody else", () => {
  const [policy] = template.Resources.FleetStateMachineRole?.Properties.Policies ?? [];
  const of = (action: string): string[] =>
    policy.PolicyDocument.Statement.filter(({ Action }: { Action: string[] }) =>
      [Action].flat().includes(action),
    ).flatMap(({ Resource }: { Resource: unknown }) =>
      [Resource].flat().map((resource) => String(Object.values(Object(resource))[0]).replace(/^.*\}:/, "")),
    );
  const stack = `${"$"}{AWS::StackName}`;
  expect(of("states:StartExecution")).toEqual([
    `stateMachine:${stack}-remediate`,
    `stateMachine:${stack}-fleet`,
  ]);
  const own = [`execution:${stack}-fleet:*`, `execution:${stack}-fleet/*`];
  expect([of("states:DescribeExecution"), of("states:StopExecution")]).toEqual([own, own]);
});

test("what is not done to one instance stops no other, and a page of outcomes passes between states", () => {
  expect(each.ToleratedFailurePercentage).toBe(100);
  // An outcome that failed has at most this much to tell: JSONata counts characters, not bytes.
  const { error, cause } = each.ItemProcessor.States.Diagnose.Catch[0].Output;
  expect([error, cause].join()).toMatch(/, 0, 100\) .*, 0, 200\) /s);
  const longest = JSON.stringify({
    status: "failed",
    instanceId: "i-0123456789abcdef0",
    place: { account: "123456789012", region: "ap-southeast-1" },
    state: "CollectEvidence",
    error: "e".repeat(100),
    cause: "\u{1F600}".repeat(200),
  });
  expect(pageSize * Buffer.byteLength(longest)).toBeLessThan(262_144);
});

test("the default pace is the same everywhere, and below the least of the quotas", () => {
  expect(readFileSync(join(root, "local", "stack.ts"), "utf8")).toContain(
    `fleetConcurrency ?? ${concurrency}`,
  );
  expect(readFileSync(join(root, "bench", "simulate.ts"), "utf8")).toContain(`default: "${concurrency}"`);
  const least = Math.min(
    ...["monitoring DescribeAlarms", "monitoring DescribeAlarmsForMetric"].map(
      (what) => quotas[what]?.bucket ?? 0,
    ),
  );
  expect(concurrency).toBeLessThan(least);
});

test("ten thousand instances are done within a day, and their pages within the history of one execution", () => {
  const secondsEach = 30;
  expect((10_000 / concurrency) * secondsEach).toBeLessThan(definition.TimeoutSeconds);
  // ListInstances, HandleEach and IsThereMore: five events, five and two.
  expect((50_000 / pageSize) * 12).toBeLessThan(25_000);
});
