import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bindings, compileTemplate, evaluate } from "../../../local/states/expression.ts";
import { functionNames } from "../../../local/states/expression-rules.ts";
import type { Json } from "../../../local/states/json.ts";

const at = Date.UTC(2026, 1, 3, 4, 5, 6, 7);

function compute(template: Json, input: Json = {}, variables: Bindings["variables"] = {}): Promise<Json> {
  const states = { input, context: { Execution: { Id: "e" } } };
  return evaluate(compileTemplate(template), { states, variables, nowMs: at }, "Output");
}

test("only a string that is exactly {% … %} is computed, at any depth", async () => {
  const template = { a: ["{% 1 + 1 %}", { b: "{%$states.input.x%}" }], c: "1 + 1", d: null, e: 2.5, f: true };
  expect(await compute(template, { x: "y" })).toEqual({
    a: [2, { b: "y" }],
    c: "1 + 1",
    d: null,
    e: 2.5,
    f: true,
  });
});

test.each([[" {% 1 %}"], ["{% 1 %}\n"], ["is {% 1 %}"], ["{% 1"], ["1 %}"], ["{%}"]])(
  "%j, which Step Functions would take literally, is refused",
  (text) => {
    expect(() => compileTemplate(text)).toThrow(/exactly \{% … %\}/);
  },
);

test.each([
  ["{% $eval('1') %}", /\$eval/],
  ["{% $ %}", /\$ at the top level/],
  ["{% $map([1], function($v) { $ }) %}", /\$ at the top level/],
  ["{% $$ %}", /\$\$/],
  ["{% $states.input.a[$$.b] %}", /\$\$/],
  ["{% foo %}", /"foo" at the top level/],
  ["{% states.input %}", /"states" at the top level/],
  ["{% * %}", /at the top level/],
  ["{% $states %}", /\$states as a whole/],
  ["{% $keys($states) %}", /\$states as a whole/],
  ["{% $states.output %}", /\$states\.output/],
  ["{% $states.context.Machine.Id %}", /\$states\.context\.Machine/],
  ["{% 1 + %}", /does not parse/],
  ["{% %}", /does not parse/],
])("%s is refused when it is compiled", (text, message) => {
  expect(() => compileTemplate(text)).toThrow(message);
});

test.each<[string, Json, Json]>([
  [
    "{% $states.input.list[$.n = 1].v %}",
    {
      list: [
        { n: 1, v: "one" },
        { n: 2, v: "two" },
      ],
    },
    "one",
  ],
  [
    "{% $states.input.list[n > 1].v %}",
    {
      list: [
        { n: 1, v: "one" },
        { n: 2, v: "two" },
      ],
    },
    "two",
  ],
  ["{% $states.input.list.(n * 2) %}", { list: [{ n: 1 }, { n: 2 }] }, [2, 4]],
  ["{% $states.input.list^(>n)[0].n %}", { list: [{ n: 1 }, { n: 2 }] }, 2],
  [
    "{% $states.input.list{k: $sum(n)} %}",
    {
      list: [
        { k: "a", n: 1 },
        { k: "a", n: 2 },
      ],
    },
    { a: 3 },
  ],
  ["{% ($x := 2; $f := function($y) { $x * $y }; $f(4)) %}", {}, 8],
  ["{% $states.input ~> |$|{'b': 2}| %}", { a: 1 }, { a: 1, b: 2 }],
  ["{% $states.input.list@$l#$i.{'i': $i, 'l': $l} %}", { list: ["x"] }, { i: 0, l: "x" }],
])("%s is allowed and gives what JSONata gives", async (template, input, output) => {
  expect(await compute(template, input)).toEqual(output);
});

test("a variable is read by its name, and an object leaves out a key without a value", async () => {
  expect(
    await compute({ a: "{% $limit + 1 %}", b: "{% {'x': $limit, 'y': $gone} %}" }, {}, { limit: 4 }),
  ).toEqual({
    a: 5,
    b: { x: 4 },
  });
});

test("a list of one stays a list when it is read, kept in a variable and appended to", async () => {
  expect(await compute("{% $states.input.ids %}", { ids: ["i-1"] })).toEqual(["i-1"]);
  expect(await compute("{% $append($records, [$record]) %}", {}, { records: [], record: { n: 1 } })).toEqual([
    { n: 1 },
  ]);
});

test("an expression that yields nothing is a query error that names the expression and the field", async () => {
  await expect(compute({ a: ["{% $states.input.gone %}"] })).rejects.toMatchObject({
    error: "States.QueryEvaluationError",
    cause:
      "The JSONata expression '$states.input.gone' specified for the field 'Output/a[0]' returned nothing (undefined).",
  });
});

test.each([
  ["{% $sum('a') %}", /T0412/],
  ["{% $error('mine') %}", /mine/],
  ["{% function($x) { $x } %}", /function/],
  ["{% $sum %}", /function/],
  ["{% {'f': $sum} %}", /function/],
  ["{% 1 / 0 %}", /JSON/],
  ["{% $parse('{') %}", /JSON/],
])("%s fails as a query error", async (template, cause) => {
  await expect(compute(template)).rejects.toMatchObject({
    error: "States.QueryEvaluationError",
    cause: expect.stringMatching(cause),
  });
});

test("what JSONata hangs on its sequences does not come out", async () => {
  const value = await compute("{% $states.input.a.b %}", { a: [{ b: 1 }, { b: 2 }] });
  expect(Object.getOwnPropertyNames(value)).toEqual(["0", "1", "length"]);
});

test("the time is the clock's", async () => {
  expect(await compute("{% $millis() %}")).toBe(at);
  expect(await compute("{% $now() %}")).toBe("2026-02-03T04:05:06.007Z");
  expect(await compute("{% $now('[Y]-[M01]-[D01] [H01]', '+0200') %}")).toBe("2026-02-03 06");
});

test("every function name that an expression may use is one that JSONata or Step Functions has", async () => {
  const kinds = await Promise.all(
    [...functionNames].map(async (name) => [name, await compute(`{% $type($${name}) %}`)] as const),
  );
  expect(kinds.filter(([, kind]) => kind !== "function")).toEqual([]);
});

test("any JSON comes through an expression unchanged, and the input is left as it was", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
      const input = JSON.parse(JSON.stringify(value)) as Json;
      const before = structuredClone(input);
      expect(await compute("{% $states.input %}", input)).toEqual(before);
      expect(await compute({ "k e y": "{% $v %}" }, {}, { v: input })).toEqual({ "k e y": before });
      expect(input).toEqual(before);
    }),
    { numRuns: 200, examples: [[[{ ["__proto__"]: false }]]] },
  );
});
