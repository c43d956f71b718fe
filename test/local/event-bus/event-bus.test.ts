/** Which events of the template's rules go where, and what becomes of a delivery that fails. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { root } from "../../../build/layout.ts";
import { type EventBus, eventBus } from "../../../local/event-bus/event-bus.ts";
import { templateRules } from "../../../local/event-bus/template-rules.ts";
import { virtualClock } from "../../../local/states/clock.ts";

const rules = templateRules({
  file: join(root, "template.yaml"),
  stackName: "nat-medic",
  place: { account: "123456789012", region: "eu-central-1" },
});

let bus: EventBus;
afterEach(() => bus.stop());

const deliveries = (fails = 0) => {
  const clock = virtualClock();
  const delivered: [string, number][] = [];
  bus = eventBus({
    rules,
    clock,
    deliver: async (target) => {
      delivered.push([target, (clock.now() - Date.UTC(2026, 0, 1)) / 1000]);
      if (delivered.length <= fails) throw new Error("the target failed");
    },
  });
  return delivered;
};

const alarm = (alarmName: string, value = "ALARM", configuration: object = { alarmRule: "TRUE" }) => ({
  source: "aws.cloudwatch",
  "detail-type": "CloudWatch Alarm State Change",
  detail: { alarmName, state: { value }, configuration },
});
const metric = (namespace: string) => ({ metrics: [{ id: "m", metricStat: { metric: { namespace } } }] });

test.each([
  ["the stack's own alarm", alarm("nat-medic-fleet-drops"), true],
  ["one that ended", alarm("nat-medic-fleet-drops", "OK"), true],
  ["one without data", alarm("nat-medic-fleet-drops", "INSUFFICIENT_DATA"), false],
  ["one that somebody named after us", alarm("nat-medic:anything"), true],
  ["another's, on a metric of ours", alarm("mine", "ALARM", metric("NatMedic")), true],
  ["another's, on a metric of fck-nat", alarm("mine", "ALARM", metric("fck-nat")), true],
  ["another's, on another metric", alarm("mine", "ALARM", metric("AWS/RDS")), false],
  ["one on the pipeline itself", alarm("pipeline-nat-medic-x", "ALARM", metric("NatMedic")), false],
  [
    "a contributor's change",
    { ...alarm("nat-medic-fleet-drops"), "detail-type": "CloudWatch Alarm Contributor State Change" },
    true,
  ],
  [
    "a change of configuration",
    { ...alarm("nat-medic-fleet-drops"), "detail-type": "CloudWatch Alarm Configuration Change" },
    false,
  ],
])("%s: whether it starts the state machine", async (_what, event, starts) => {
  const delivered = deliveries();
  bus.put(event);
  await bus.settled();
  expect(delivered.some(([target]) => target === "RemediateStateMachine")).toBe(starts);
});

test("an execution that died goes to its function, on the default bus alone", async () => {
  const died = {
    source: "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    detail: {
      status: "ABORTED",
      stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:nat-medic-remediate",
    },
  };
  const delivered = deliveries();
  expect(bus.put(died)).toEqual(["RescueIncidentFunctionExecutionDied"]);
  expect(bus.put(died, "another")).toEqual([]);
  await bus.settled();
  expect(delivered).toEqual([["RescueIncidentFunction", 0]]);
});

test("a delivery that fails is tried again after one minute and after two, and then no more", async () => {
  const delivered = deliveries(9);
  bus.put(alarm("nat-medic-fleet-drops"));
  await bus.settled();
  expect(delivered.map(([, at]) => at)).toEqual([0, 60, 180]);
});

test("a bus that has stopped takes nothing more", async () => {
  const delivered = deliveries();
  await bus.stop();
  expect(bus.put(alarm("nat-medic-fleet-drops"))).toEqual([]);
  expect(delivered).toEqual([]);
});
