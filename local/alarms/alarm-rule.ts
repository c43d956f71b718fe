/**
 * The rule of a composite alarm. Grammar of the CloudWatch API reference, PutCompositeAlarm: ALARM(x), OK(x),
 * INSUFFICIENT_DATA(x), TRUE and FALSE, combined by NOT, AND, OR and parentheses; names with or without double quotes.
 */
export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

export type AlarmRule =
  | { kind: "constant"; value: boolean }
  /** `alarm` is a name or an ARN. */
  | { kind: "state"; state: AlarmState; alarm: string }
  | { kind: "not"; of: AlarmRule }
  | { kind: "and" | "or"; of: AlarmRule[] };

/** @throws AlarmRuleError for what is no rule, or is one (AT_LEAST) that is not evaluated here */
export const parseAlarmRule = (text: string): AlarmRule => {
  const tokens = [...text.matchAll(TOKEN)].map(([token]) => token.trim()).filter((token) => token !== "");
  let next = 0;
  const take = (expected?: string): string => {
    const token = tokens[next];
    if (token === undefined)
      throw new AlarmRuleError(`the rule ends where ${expected ?? "more"} is expected`);
    if (expected !== undefined && token !== expected)
      throw new AlarmRuleError(`${token} where ${expected} is expected`);
    next += 1;
    return token;
  };
  const list = (word: "AND" | "OR", part: () => AlarmRule): AlarmRule => {
    const of = [part()];
    while (tokens[next] === word) {
      take(word);
      of.push(part());
    }
    const [only] = of;
    return of.length === 1 && only !== undefined ? only : { kind: word === "AND" ? "and" : "or", of };
  };
  const either = (): AlarmRule => list("OR", both);
  const both = (): AlarmRule => list("AND", one);
  const one = (): AlarmRule => {
    const token = take();
    switch (token) {
      case "NOT":
        return { kind: "not", of: one() };
      case "(": {
        const inner = either();
        take(")");
        return inner;
      }
      case "TRUE":
      case "FALSE":
        return { kind: "constant", value: token === "TRUE" };
      case "ALARM":
      case "OK":
      case "INSUFFICIENT_DATA": {
        take("(");
        const alarm = take().replace(/^"(.*)"$/s, "$1");
        take(")");
        return { kind: "state", state: token, alarm };
      }
      default:
        throw new AlarmRuleError(`${token} is not understood`);
    }
  };
  const rule = either();
  if (next < tokens.length) throw new AlarmRuleError(`${tokens[next]} is not expected`);
  return rule;
};

/** Names or ARNs of the alarms in a rule, each once. */
export const childrenOf = (rule: AlarmRule): string[] => {
  switch (rule.kind) {
    case "constant":
      return [];
    case "state":
      return [rule.alarm];
    case "not":
      return childrenOf(rule.of);
    case "and":
    case "or":
      return [...new Set(rule.of.flatMap(childrenOf))];
    default:
      return rule satisfies never;
  }
};

/** `stateOf` is asked for each alarm of the rule by name or ARN. */
export const holds = (rule: AlarmRule, stateOf: (alarm: string) => AlarmState | undefined): boolean => {
  switch (rule.kind) {
    case "constant":
      return rule.value;
    case "state":
      return stateOf(rule.alarm) === rule.state;
    case "not":
      return !holds(rule.of, stateOf);
    case "and":
      return rule.of.every((part) => holds(part, stateOf));
    case "or":
      return rule.of.some((part) => holds(part, stateOf));
    default:
      return rule satisfies never;
  }
};

export class AlarmRuleError extends Error {
  override readonly name = "AlarmRuleError";
}

/** A quoted name, a parenthesis, or a run of anything else; what is between them is white space. */
const TOKEN = /"[^"]*"|[()]|[^\s()"]+/g;
