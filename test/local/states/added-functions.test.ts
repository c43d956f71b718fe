import { expect, test } from "vitest";
import { compileTemplate, evaluate } from "../../../local/states/expression.ts";

const compute = (source: string) =>
  evaluate(compileTemplate(`{% ${source} %}`), { states: { input: {} }, variables: {}, nowMs: 0 }, "Output");

test.each([
  ["$partition([1,2,3,4,5,6,7,8,9], 4)", [[1, 2, 3, 4], [5, 6, 7, 8], [9]]],
  ["$partition([0], 5)", [[0]]],
  ["$partition([0,1], 1)", [[0], [1]]],
  ["$range(0, 10, 2)", [0, 2, 4, 6, 8, 10]],
  ["$range(1, 9, 2)", [1, 3, 5, 7, 9]],
  ["$range(3, 1, -1)", [3, 2, 1]],
  ["$range(3, 1, 1)", []],
  ["$hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"],
  ["$hash('', 'MD5')", "d41d8cd98f00b204e9800998ecf8427e"],
  ["$parse('{\"a\":[1,null]}')", { a: [1, null] }],
  ["$map(['1','[2]'], $parse)", [1, [2]]],
  ["$random(7) = $random(7)", true],
  ["$random(7) != $random(8)", true],
])("%s", async (source, value) => {
  expect(await compute(source)).toEqual(value);
});

test("$uuid makes a new version 4 UUID each time", async () => {
  const made = await compute("[$uuid(), $uuid()]");
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(made).toEqual([expect.stringMatching(form), expect.stringMatching(form)]);
  expect(new Set(made as string[]).size).toBe(2);
});

test("$random is at least 0 and below 1, with and without a seed", async () => {
  const numbers = (await compute(
    "$append($map([1..200], $random), $map([1..200], function($n) { $random() }))",
  )) as number[];
  expect(numbers).toHaveLength(400);
  expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true);
});

test.each([
  ["$partition([1], 0)", /positive/],
  ["$partition([1], 1.5)", /integer/],
  ["$range(1, 2, 0)", /zero/],
  ["$range(1, 2)", /integer/],
  ["$hash('x')", /algorithm/],
  ["$hash('x', 'SHA-3')", /algorithm/],
  ["$hash(1, 'MD5')", /string/],
  ["$parse(1)", /string/],
])("%s is a query error", async (source, cause) => {
  await expect(compute(source)).rejects.toMatchObject({
    error: "States.QueryEvaluationError",
    cause: expect.stringMatching(cause),
  });
});

test("$range makes at most 1000 elements", async () => {
  expect(await compute("$count($range(1, 1000, 1))")).toBe(1000);
  await expect(compute("$range(1, 1001, 1)")).rejects.toMatchObject({ error: "States.QueryEvaluationError" });
});
