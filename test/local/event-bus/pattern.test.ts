/**
 * EventBridge User Guide: the event of "Creating event patterns", the examples of "Comparison operators for use in event
 * patterns", and what is said there of arrays, absent fields and $or.
 */
import { expect, test } from "vitest";
import { matches, type Pattern } from "../../../local/event-bus/pattern.ts";

const event = {
  version: "0",
  id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
  "detail-type": "EC2 Instance State-change Notification",
  source: "aws.ec2",
  account: "111122223333",
  time: "2017-12-22T18:43:48Z",
  region: "us-west-1",
  resources: ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
  detail: { "instance-id": "i-1234567890abcdef0", state: "terminated" },
};

test.each<[boolean, Pattern]>([
  [true, { source: ["aws.ec2"], detail: { state: ["terminated"] } }],
  [true, { detail: { state: ["running", "terminated"] } }],
  [false, { source: ["aws.ec2"], detail: { state: ["running"] } }],
  [false, { source: ["aws.EC2"] }],
  [true, { resources: ["other", "arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"] }],
  [true, { resources: [{ suffix: "/i-1234567890abcdef0" }] }],
  [true, { time: [{ prefix: "2017-12-22" }] }],
  [false, { time: [{ prefix: "2017-10-02" }] }],
  [false, { detail: { state: ["terminated"], reason: ["any"] } }],
  [true, {}],
])("it is %s that the documented event matches %j", (expected, pattern) => {
  expect(matches(pattern, event)).toBe(expected);
});

test.each<[unknown, object, object]>([
  [{ prefix: "us-" }, { Region: "us-east-1" }, { Region: "eu-central-1" }],
  [{ prefix: { "equals-ignore-case": "eventb" } }, { Region: "EventBridge" }, { Region: "bridge" }],
  [{ suffix: ".png" }, { Region: "a.png" }, { Region: "a.jpg" }],
  [{ suffix: { "equals-ignore-case": ".PNG" } }, { Region: "a.png" }, { Region: "png" }],
  [{ "equals-ignore-case": "ALICE" }, { Region: "alice" }, { Region: "alicia" }],
  [{ wildcard: "dir/*.png" }, { Region: "dir/deep/a.png" }, { Region: "dir/a.pngx" }],
  [{ "anything-but": "initializing" }, { Region: "running" }, { Region: "initializing" }],
  [{ "anything-but": ["stopped", "overloaded"] }, { Region: "running" }, { Region: "stopped" }],
  [{ "anything-but": 123 }, { Region: 456 }, { Region: 123 }],
  [{ "anything-but": { prefix: "us-" } }, { Region: "eu-central-1" }, { Region: "us-east-1" }],
  [{ "anything-but": { prefix: ["us-", "eu-"] } }, { Region: "ap-south-1" }, { Region: "eu-west-1" }],
  [{ "anything-but": { suffix: ".png" } }, { Region: "a.txt" }, { Region: "a.png" }],
  [{ "anything-but": { "equals-ignore-case": "INIT" } }, { Region: "running" }, { Region: "init" }],
  [{ "anything-but": { wildcard: "*/lib/*" } }, { Region: "a/b" }, { Region: "a/lib/b" }],
  [{ numeric: ["=", 100] }, { Region: 100 }, { Region: "100" }],
  [{ numeric: [">", 10, "<=", 20] }, { Region: 20 }, { Region: 10 }],
  [{ exists: true }, { Region: "" }, {}],
  [{ exists: false }, {}, { Region: null }],
  [{ "anything-but": "x" }, { Region: "y" }, {}],
  [null, { Region: null }, {}],
  ["", { Region: "" }, { Region: null }],
  [100, { Region: 100 }, { Region: "100" }],
  [true, { Region: true }, { Region: "true" }],
])("%j tells %j from %j", (rule, matching, other) => {
  expect(matches({ Region: [rule] }, matching)).toBe(true);
  expect(matches({ Region: [rule] }, other)).toBe(false);
});

test("of $or one part is enough, besides the fields around it", () => {
  const pattern = {
    source: ["shop"],
    detail: { $or: [{ city: ["New York"] }, { day: ["Monday"], weather: [{ "anything-but": "rain" }] }] },
  };
  const is = (detail: object, source = "shop") => matches(pattern, { source, detail });
  expect(is({ city: "New York", day: "Friday" })).toBe(true);
  expect(is({ city: "Paris", day: "Monday", weather: "sun" })).toBe(true);
  expect(is({ city: "Paris", day: "Monday", weather: "rain" })).toBe(false);
  expect(is({ city: "New York" }, "bank")).toBe(false);
});

test("what is inside an array of objects has to be in one and the same of them", () => {
  const pattern = { metrics: { metric: { namespace: ["NatMedic"], name: [{ prefix: "Conntrack" }] } } };
  const metric = (namespace: string, name: string) => ({ metric: { namespace, name } });
  const is = (...metrics: object[]) => matches(pattern, { metrics });
  expect(is(metric("Other", "Cpu"), metric("NatMedic", "ConntrackDrops"))).toBe(true);
  expect(is(metric("Other", "ConntrackDrops"), metric("NatMedic", "Cpu"))).toBe(false);
  expect(is({ expression: "SELECT 1" })).toBe(false);
  expect(is()).toBe(false);
});

test("a field that is asked to be absent may lack the object around it too", () => {
  const pattern = { detail: { muteDetail: { mutedByArn: [{ exists: false }] } } };
  expect(matches(pattern, { detail: {} })).toBe(true);
  expect(matches(pattern, { detail: { muteDetail: { mutedByArn: "arn" } } })).toBe(false);
});

test.each<Pattern>([
  { ip: [{ cidr: "10.0.0.0/24" }] },
  { ip: [{ prefix: "a", suffix: "b" }] },
  { ip: [{ numeric: ["~", 1] }] },
  { ip: "10.0.0.1" },
])("a pattern that is not known here is refused: %j", (pattern) => {
  expect(() =>
    matches(pattern, { ip: "ip" in pattern && JSON.stringify(pattern).includes("~") ? 1 : "x" }),
  ).toThrow();
});
