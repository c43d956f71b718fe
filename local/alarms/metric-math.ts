/**
 * Metric math, as far as alarms here use it: numbers, IDs, lists, + - * / ^, comparisons, AND, OR, and the functions below.
 * Semantics of the CloudWatch User Guide, "Using math expressions with CloudWatch metrics".
 */
import { ExpressionNotKnown, InvalidExpression } from "./expression-error.ts";
import type { TimeSeries } from "./time-series.ts";

export type MathExpression =
  | { kind: "number"; value: number }
  | { kind: "id"; id: string }
  | { kind: "list"; of: MathExpression[] }
  | { kind: "minus"; of: MathExpression }
  | { kind: "operation"; operator: string; left: MathExpression; right: MathExpression }
  | { kind: "call"; name: string; arguments: MathExpression[]; text: string | undefined };

/** A scalar, a time series, or an array of them. */
export type MathValue = number | TimeSeries | TimeSeries[];

/** From the loosest to the tightest. */
const PRECEDENCE = [
  ["OR", "||"],
  ["AND", "&&"],
  ["==", "!=", "<=", ">=", "<", ">"],
  ["+", "-"],
  ["*", "/"],
];

/** @throws InvalidExpression */
export const parseMath = (text: string): MathExpression => {
  const tokens = text.match(TOKEN) ?? [];
  if (tokens.join("") !== text.replace(/\s+/g, "")) throw new InvalidExpression(`cannot be read: ${text}`);
  let next = 0;
  const peek = (): string | undefined => tokens[next];
  const take = (expected?: string): string => {
    const token = tokens[next];
    if (token === undefined || (expected !== undefined && token !== expected))
      throw new InvalidExpression(`${token ?? "the end"} where ${expected ?? "more"} is expected: ${text}`);
    next += 1;
    return token;
  };
  const level = (n: number): MathExpression => {
    const operators = PRECEDENCE[n];
    if (operators === undefined) return unary();
    let left = level(n + 1);
    for (let token = peek(); token !== undefined && operators.includes(token); token = peek()) {
      take();
      left = { kind: "operation", operator: token, left, right: level(n + 1) };
    }
    return left;
  };
  const unary = (): MathExpression => {
    if (peek() === "-") {
      take();
      return { kind: "minus", of: unary() };
    }
    const base = primary();
    if (peek() !== "^") return base;
    take();
    return { kind: "operation", operator: "^", left: base, right: unary() };
  };
  const several = (end: string): MathExpression[] => {
    const of: MathExpression[] = [];
    while (peek() !== end) {
      if (of.length > 0) take(",");
      of.push(level(0));
    }
    take(end);
    return of;
  };
  const primary = (): MathExpression => {
    const token = take();
    if (token === "(") {
      const inner = level(0);
      take(")");
      return inner;
    }
    if (token === "[") return { kind: "list", of: several("]") };
    if (/^[\d.]/.test(token)) return { kind: "number", value: Number(token) };
    if (/^[a-z]/.test(token)) return { kind: "id", id: token };
    if (!/^[A-Z]/.test(token)) throw new InvalidExpression(`${token} is not expected: ${text}`);
    // REPEAT of FILL is a word by itself.
    if (peek() !== "(") return { kind: "call", name: token, arguments: [], text: token };
    take("(");
    const quoted = peek()?.startsWith('"') === true ? take().slice(1, -1) : undefined;
    return { kind: "call", name: token, arguments: several(")"), text: quoted };
  };
  const expression = level(0);
  if (next < tokens.length) throw new InvalidExpression(`${peek()} is not expected: ${text}`);
  return expression;
};

/** IDs that an expression names, each once; METRICS() names none. */
export const idsIn = (expression: MathExpression): string[] => {
  switch (expression.kind) {
    case "number":
      return [];
    case "id":
      return [expression.id];
    case "minus":
      return idsIn(expression.of);
    case "operation":
      return [...new Set([...idsIn(expression.left), ...idsIn(expression.right)])];
    case "list":
      return [...new Set(expression.of.flatMap(idsIn))];
    case "call":
      return [...new Set(expression.arguments.flatMap(idsIn))];
    default:
      return expression satisfies never;
  }
};

export type MathContext = {
  /** Of an ID: a metric, or another expression. */
  lookUp(id: string): MathValue;
  /** The metrics of the request by ID, for METRICS(). */
  metrics: ReadonlyMap<string, TimeSeries>;
  periodSeconds: number;
  /** Periods that are looked at. */
  slots: number;
};

/** @throws ExpressionNotKnown for a function that is not here; InvalidExpression for arguments that do not fit */
export const evaluateMath = (expression: MathExpression, context: MathContext): MathValue => {
  const evaluate = (part: MathExpression): MathValue => evaluateMath(part, context);
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "id":
      return context.lookUp(expression.id);
    case "list":
      return expression.of.flatMap((part) => asSeriesList(evaluate(part)));
    case "minus":
      return combine(0, evaluate(expression.of), (_, value) => -value);
    case "operation":
      return combine(evaluate(expression.left), evaluate(expression.right), operation(expression.operator));
    case "call":
      return call(expression, context);
    default:
      return expression satisfies never;
  }
};

/** `undefined`: the data point is dropped, as by a division by zero. */
type Operation = (a: number, b: number) => number | undefined;

const operation = (operator: string): Operation => {
  const found = OPERATIONS.get(operator);
  if (found === undefined) throw new ExpressionNotKnown(`operator ${operator}`);
  return found;
};

const truth = (holds: boolean): number => (holds ? 1 : 0);
const OPERATIONS = new Map<string, Operation>([
  ["+", (a, b) => a + b],
  ["-", (a, b) => a - b],
  ["*", (a, b) => a * b],
  ["/", (a, b) => (b === 0 ? undefined : a / b)],
  ["^", (a, b) => a ** b],
  ["==", (a, b) => truth(a === b)],
  ["!=", (a, b) => truth(a !== b)],
  ["<", (a, b) => truth(a < b)],
  ["<=", (a, b) => truth(a <= b)],
  [">", (a, b) => truth(a > b)],
  [">=", (a, b) => truth(a >= b)],
  ["AND", (a, b) => truth(a !== 0 && b !== 0)],
  ["&&", (a, b) => truth(a !== 0 && b !== 0)],
  ["OR", (a, b) => truth(a !== 0 || b !== 0)],
  ["||", (a, b) => truth(a !== 0 || b !== 0)],
]);

/** Where only one of two series has a value, that of the other counts as 0. */
const combine = (a: MathValue, b: MathValue, apply: Operation): MathValue => {
  if (typeof a === "number" && typeof b === "number") {
    const value = apply(a, b);
    if (value === undefined) throw new InvalidExpression("divides a scalar by zero");
    return value;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) throw new InvalidExpression("combines arrays of different lengths");
    return a.map((series, index) => combineSeries(series, b[index] ?? 0, apply));
  }
  if (Array.isArray(a)) return a.map((series) => combineSeries(series, single(b), apply));
  if (Array.isArray(b)) return b.map((series) => combineSeries(single(a), series, apply));
  return combineSeries(a, b, apply);
};

const combineSeries = (a: TimeSeries | number, b: TimeSeries | number, apply: Operation): TimeSeries => {
  const at = (value: TimeSeries | number, slot: number) =>
    typeof value === "number" ? value : (value.get(slot) ?? 0);
  return seriesOf(slotsOf(a, b), (slot) => apply(at(a, slot), at(b, slot)));
};

const slotsOf = (...values: (TimeSeries | number)[]): number[] =>
  [...new Set(values.flatMap((value) => (typeof value === "number" ? [] : [...value.keys()])))].sort(
    (x, y) => x - y,
  );

const seriesOf = (slots: readonly number[], valueAt: (slot: number) => number | undefined): TimeSeries =>
  new Map(
    slots.flatMap((slot): [number, number][] => {
      const value = valueAt(slot);
      return value === undefined ? [] : [[slot, value]];
    }),
  );

const single = (value: MathValue): TimeSeries | number => {
  if (Array.isArray(value)) throw new InvalidExpression("an array of time series where one is expected");
  return value;
};

const asSeries = (value: MathValue): TimeSeries => {
  const one = single(value);
  if (typeof one === "number") throw new InvalidExpression("a scalar where a time series is expected");
  return one;
};

const asSeriesList = (value: MathValue): TimeSeries[] => (Array.isArray(value) ? value : [asSeries(value)]);

const call = (
  { name, arguments: given, text }: MathExpression & { kind: "call" },
  context: MathContext,
): MathValue => {
  const argument = (n: number): MathValue => {
    const expression = given[n];
    if (expression === undefined) throw new InvalidExpression(`${name} lacks an argument`);
    return evaluateMath(expression, context);
  };
  const each = (apply: (series: TimeSeries) => TimeSeries): MathValue => {
    const value = argument(0);
    return Array.isArray(value) ? value.map(apply) : apply(asSeries(value));
  };
  switch (name) {
    case "METRICS":
      return [...context.metrics].flatMap(([id, series]) => (id.includes(text ?? "") ? [series] : []));
    case "PERIOD":
      return context.periodSeconds;
    case "ABS":
      return each((series) => seriesOf(slotsOf(series), (slot) => Math.abs(series.get(slot) ?? 0)));
    case "DIFF":
      return each((series) => between(series, (value, before) => value - before));
    case "RATE":
      return each((series) =>
        between(series, (value, before, slots) => (value - before) / (slots * context.periodSeconds)),
      );
    case "FILL": {
      const filler = given[1];
      if (filler?.kind === "call" && ["LINEAR", "REPEAT"].includes(filler.name))
        throw new ExpressionNotKnown(`FILL with ${filler.name}`);
      const by = single(argument(1));
      const all = Array.from({ length: context.slots }, (_, slot) => slot);
      return each((series) =>
        seriesOf(all, (slot) => series.get(slot) ?? (typeof by === "number" ? by : by.get(slot))),
      );
    }
    case "IF":
      return conditional(argument(0), argument(1), given.length > 2 ? argument(2) : undefined);
    case "SUM":
    case "AVG":
    case "MIN":
    case "MAX":
      return aggregate(name, argument(0));
    default:
      throw new ExpressionNotKnown(`function ${name}`);
  }
};

/** From each value and the one before it; the first value of a series has none. */
const between = (
  series: TimeSeries,
  apply: (value: number, before: number, slots: number) => number,
): TimeSeries => {
  const entries = [...series].sort(([a], [b]) => a - b);
  return new Map(
    entries.flatMap(([slot, value], index): [number, number][] => {
      const before = entries[index - 1];
      return before === undefined ? [] : [[slot, apply(value, before[1], slot - before[0])]];
    }),
  );
};

/**
 * As the tables of "Using IF expressions" have it: a second value that is missing where the condition holds is 0; a third
 * that is missing where it does not hold drops the point. A condition without a value does not hold; the point is then
 * dropped, unless the third is a scalar.
 */
const conditional = (condition: MathValue, second: MathValue, third: MathValue | undefined): MathValue => {
  const [when, then] = [single(condition), single(second)];
  const otherwise = third === undefined ? undefined : single(third);
  if (typeof when === "number") {
    const chosen = when !== 0 ? then : otherwise;
    return chosen ?? new Map();
  }
  const slots = slotsOf(when, then, otherwise ?? 0);
  return seriesOf(slots, (slot) => {
    const decided = when.get(slot);
    if (decided !== undefined && decided !== 0)
      return typeof then === "number" ? then : (then.get(slot) ?? 0);
    if (typeof otherwise === "number") return otherwise;
    return decided === undefined ? undefined : otherwise?.get(slot);
  });
};

/** Of one series a scalar, of an array a series; AVG counts a value that is missing as 0. */
const aggregate = (name: "SUM" | "AVG" | "MIN" | "MAX", value: MathValue): MathValue => {
  if (Array.isArray(value)) {
    return seriesOf(slotsOf(...value), (slot) => {
      const present = value.flatMap((series) => series.get(slot) ?? []);
      return name === "AVG" ? reduce("SUM", present) / value.length : reduce(name, present);
    });
  }
  const values = [...asSeries(value).values()];
  if (values.length === 0) return new Map();
  return reduce(name, values);
};

const reduce = (name: "SUM" | "AVG" | "MIN" | "MAX", values: readonly number[]): number => {
  const total = values.reduce((a, b) => a + b, 0);
  switch (name) {
    case "SUM":
      return total;
    case "AVG":
      return total / values.length;
    case "MIN":
      return Math.min(...values);
    case "MAX":
      return Math.max(...values);
    default:
      return name satisfies never;
  }
};

const TOKEN = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"]*"|[A-Za-z]\w*|==|!=|<=|>=|&&|\|\||[-+*/^<>()[\],]/g;
