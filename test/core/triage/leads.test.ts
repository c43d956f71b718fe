import { expect, test } from "vitest";
import { followed } from "../../../core/triage/leads.ts";
import { type Attributes, noAnswers, type Watched } from "../../../core/triage/questions.ts";

const natA = "i-0a1b2c3d4e5f67890";
const watching = (...each: Attributes[]): Watched => ({
  metrics: each.map((dimensions) => ({ metric: { namespace: "N", name: "m", dimensions }, silent: false })),
  expressions: [],
  composite: null,
});
const follow = (watched: Watched, answers = noAnswers) =>
  followed({ alarmName: "a", watched, contributor: null }, answers, null);

test.each([
  [{ InstanceId: natA, AutoScalingGroupName: "g" }],
  [{ "host.id": natA, "aws.region": "eu-central-1" }],
  [{ AutoScalingGroupName: "g", instance: natA, interface: "ens5" }],
])("%j names its instance, whatever stands beside it or the dimension is called", (dimensions) => {
  const { found, questions } = follow(watching(dimensions));
  expect(found.map(({ instanceId }) => instanceId)).toEqual([natA]);
  expect(Object.values(questions).flat()).toEqual([]);
});

test("an interface is nearer than the group", () => {
  const { questions } = follow(watching({ AutoScalingGroupName: "g", id: "eni-0a1b2c3d4e5f67890" }));
  expect(questions).toMatchObject({ interfaces: ["eni-0a1b2c3d4e5f67890"], groups: [] });
});

test("the name of an interface alone leads nowhere", () => {
  expect(follow(watching({ interface: "ens5", driver: "ena" }))).toMatchObject({
    found: [],
    deadEnds: ["nothing that it watches has the dimension InstanceId"],
  });
});

test("a name is asked for once, however often it occurs, and none is taken for a property of an object", () => {
  const names = ["g", "__proto__", "constructor", "g"];
  const { questions } = follow(watching(...names.map((AutoScalingGroupName) => ({ AutoScalingGroupName }))));
  expect(questions.groups).toEqual(["g", "__proto__", "constructor"]);
});

test("a query without groups leads to the instance of its condition", () => {
  const query = `SELECT MAX(x) FROM NatMedic WHERE InstanceId = '${natA}'`;
  const { found } = follow({ metrics: [], expressions: [query], composite: null });
  expect(found).toMatchObject([{ instanceId: natA, metric: { namespace: "NatMedic", name: "x" } }]);
});
