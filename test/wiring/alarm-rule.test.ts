/** Which events the template's rule gives to the state machine: every shape of `events/`, as it is meant. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { triage } from "../../core/triage.ts";
import { matches } from "../../local/event-bus/pattern.ts";
import { templateRules } from "../../local/event-bus/template-rules.ts";

const home = { account: "123456789012", region: "eu-central-1" };
const patternOf = (stackName: string, parameters: Record<string, string> = {}) => {
  const file = join(root, "template.yaml");
  const rules = templateRules({ file, stackName, place: home, parameters });
  const [pattern, ...others] = rules.filter(
    ({ bus, name }) => bus === "default" && name === "RemediateStateMachineAlarm",
  );
  if (pattern === undefined || others.length > 0) throw new Error("the template has no one rule for alarms");
  return pattern.pattern;
};
const usual = patternOf("nat-medic");
const event = (name: string) => JSON.parse(readFileSync(join(root, "events", `${name}.json`), "utf8"));
const files = readdirSync(join(root, "events")).flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []);
const called = (alarmName: string, from = event("alarm-composite")) => ({
  ...from,
  detail: { ...from.detail, alarmName },
});

/** Not an alarm's state: actions and starts by hand come another way, and changes of an alarm are no trouble. */
const notTaken = [
  "alarm-no-data",
  "alarm-configuration-change",
  "alarm-pipeline",
  // On metrics of EC2 itself, which only those hear who add its namespace.
  "alarm-anomaly",
  "alarm-auto-scaling-group",
  "alarm-status-check",
];

test.each(files)("%s is taken, or not, as it is meant", (file) => {
  const byEventBridge = "detail-type" in event(file);
  expect(matches(usual, event(file))).toBe(byEventBridge && !notTaken.includes(file));
});

test("what the rule takes, triage understands", () => {
  for (const file of files.filter((file) => matches(usual, event(file)))) {
    const triaged = triage(event(file), { now: "2026-11-20T03:12:50Z", home });
    const understood = triaged.decision !== "ignore" || triaged.cleared !== undefined;
    expect(understood, `${file}: ${triaged.reason}`).toBe(true);
  }
});

describe("alarms are taken by name", () => {
  const pattern = patternOf("prod");
  test.each([
    ["prod-fleet-conntrack-utilization", true],
    ["prod-any-i-0a1b2c3d4e5f67890", true],
    ["nat-medic:payments", true],
    ["pipeline-prod-executions-failed", false],
    ["production-database", false],
    ["somebody-elses", false],
  ])("%s: %s", (name, taken) => {
    expect(matches(pattern, called(name))).toBe(taken);
    expect(matches(pattern, called(name, event("alarm-contributor")))).toBe(taken);
  });
});

test("an alarm on the pipeline itself is not taken, even when its namespace is", () => {
  const pattern = patternOf("nat-medic", { AlarmNamespaces: "NatMedic,AWS/States" });
  expect(matches(pattern, event("alarm-pipeline"))).toBe(false);
  expect(matches(pattern, called("mine", event("alarm-pipeline")))).toBe(true);
});

test("namespaces and a prefix of one's own are parameters", () => {
  const pattern = patternOf("nat-medic", { AlarmNamespaces: "NatMedic,AWS/EC2", AlarmNamePrefix: "page-" });
  for (const file of ["alarm-anomaly", "alarm-auto-scaling-group", "alarm-status-check"]) {
    expect(matches(pattern, event(file)), file).toBe(true);
  }
  expect(matches(pattern, called("page-egress"))).toBe(true);
  expect(matches(pattern, called("nat-medic:payments"))).toBe(false);
});

test("the rule stays far below the combinations that EventBridge allows", () => {
  const { detail, ...around } = usual as Record<string, any>;
  const leaves = (value: unknown): number =>
    Array.isArray(value)
      ? value.length
      : Object.values(value as object).reduce((product, inner) => product * leaves(inner), 1);
  const { $or, ...others } = detail;
  const branches = $or.reduce((sum: number, branch: unknown) => sum + leaves(branch), 0);
  // User Guide, "$or matching": 1,000.
  expect(leaves(around) * leaves(others) * branches).toBeLessThan(500);
});
