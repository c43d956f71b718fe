import { expect, test } from "vitest";
import { type AlarmState, childrenOf, holds, parseAlarmRule } from "../../../local/alarms/alarm-rule.ts";

const states = new Map<string, AlarmState>([
  ["cpu", "ALARM"],
  ["disk high", "OK"],
  ["arn:aws:cloudwatch:eu-central-1:123456789012:alarm:net", "INSUFFICIENT_DATA"],
]);
const isTrue = (rule: string) => holds(parseAlarmRule(rule), (alarm) => states.get(alarm));

test.each([
  ["ALARM(cpu)", true],
  ['ALARM("cpu")', true],
  ['OK("disk high") AND ALARM(cpu)', true],
  ["ALARM(cpu) AND NOT ALARM(cpu)", false],
  ["(ALARM(other) OR ALARM(cpu)) AND OK(cpu)", false],
  ["FALSE AND FALSE OR TRUE", true],
  ["FALSE AND (FALSE OR TRUE)", false],
  ["NOT FALSE AND FALSE", false],
  ["INSUFFICIENT_DATA(arn:aws:cloudwatch:eu-central-1:123456789012:alarm:net)", true],
  ["NOT (ALARM(cpu)\n  OR TRUE)", false],
])("%s is %s", (rule, expected) => {
  expect(isTrue(rule)).toBe(expected);
});

test("the children of a rule are named once each", () => {
  const rule = 'ALARM("a b") OR (OK(c) AND NOT ALARM("a b")) OR TRUE';
  expect(childrenOf(parseAlarmRule(rule))).toEqual(["a b", "c"]);
});

test.each([
  ["", "the rule ends"],
  ["ALARM(cpu", "the rule ends where ) is expected"],
  ["ALARM(cpu) ALARM(cpu)", "ALARM is not expected"],
  ["ALARM(cpu) AND", "the rule ends where more is expected"],
  ["cpu", "cpu is not understood"],
  ["AT_LEAST(2, ALARM, (a, b, c))", "AT_LEAST is not understood"],
  ["ALARM(disk high)", "high where ) is expected"],
])("the rule %j is refused: %s", (rule, message) => {
  expect(() => parseAlarmRule(rule)).toThrow(message);
});
