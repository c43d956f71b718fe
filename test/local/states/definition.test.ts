import { expect, test } from "vitest";
import { DefinitionError, parseDefinition } from "../../../local/states/definition.ts";
import { lambda, lambdaWithToken, machine, start } from "./harness.ts";

function problems(text: string, substitutions: Record<string, string> = {}): readonly string[] {
  try {
    parseDefinition(text, substitutions);
  } catch (thrown) {
    if (thrown instanceof DefinitionError) return thrown.problems;
    throw thrown;
  }
  return [];
}

const done = { Type: "Succeed" };
const task = { Type: "Task", Resource: lambda, Arguments: { FunctionName: "f" } };

test("YAML with anchors and comments is read, and so is JSON", () => {
  const yaml = `
    # one state
    QueryLanguage: JSONata
    StartAt: Only
    TimeoutSeconds: 60
    States:
      Only:
        Type: Task
        Resource: ${lambda}
        Arguments: &same {a: "{% 1 %}"}
        Retry: [{ErrorEquals: [States.ALL]}]
        Output: *same
        End: true`;
  const fromYaml = parseDefinition(yaml, {});
  expect(fromYaml.TimeoutSeconds).toBe(60);
  expect([...fromYaml.States.keys()]).toEqual(["Only"]);
  expect(problems(machine({ Only: done }))).toEqual([]);
});

const withPlaceholder = `
  QueryLanguage: JSONata
  StartAt: A
  States:
    A:
      Type: Pass
      Comment: \${Fn}
      Output: {plain: "is \${Fn}", computed: "{% 'also \${Fn}' %}"}
      End: true`;

test("a substitution replaces its name inside any string, in expressions too", async () => {
  const { execution } = start(withPlaceholder, { substitutions: { Fn: "f-1" } });
  expect((await execution.finished).output).toEqual({ plain: "is f-1", computed: "also f-1" });
});

test("a substitution without a value and a value without a use are refused", () => {
  expect(problems(withPlaceholder, { Other: "x" })).toEqual([
    `no substitution for \${Fn}`,
    "the substitution Other is not used",
  ]);
});

test("every problem is reported at once, with its state and field", () => {
  expect(
    problems(
      machine({ A: { Type: "Pass", Foo: 1, Next: "B" }, B: { Type: "Wait", Seconds: -1, End: true } }),
    ),
  ).toEqual(['state "A": unknown field Foo', expect.stringMatching(/^state "B": Seconds: /)]);
});

test("text that is no YAML is refused", () => {
  expect(problems("a: [")).toHaveLength(1);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  [
    "a JSONPath field",
    { A: { Type: "Pass", InputPath: "$", End: true } },
    /unknown field InputPath \(JSONPath/,
  ],
  ["a JSONPath state", { A: { ...task, QueryLanguage: "JSONPath", End: true } }, /state "A": QueryLanguage/],
  ["a JSONPath key", { A: { ...task, Arguments: { "x.$": "$.y" }, End: true } }, /"x\.\$" is JSONPath/],
  ["an unknown type", { A: { Type: "Loop", End: true } }, /state "A": Type/],
  ["a missing type", { A: { End: true } }, /state "A": Type/],
  [
    "a Choice with End",
    { A: { Type: "Choice", Choices: [{ Condition: "{% true %}", Next: "B" }], End: true }, B: done },
    /unknown field End/,
  ],
  ["a Choice without choices", { A: { Type: "Choice", Choices: [], Default: "B" }, B: done }, /Choices/],
  [
    "a Condition that is no expression",
    { A: { Type: "Choice", Choices: [{ Condition: "true", Next: "B" }] }, B: done },
    /Condition: "true" is not a JSONata expression/,
  ],
  ["a state without Next or End", { A: { Type: "Pass" } }, /needs exactly one of Next and End/],
  [
    "a state with Next and End",
    { A: { Type: "Pass", Next: "B", End: true }, B: done },
    /needs exactly one of Next and End/,
  ],
  ["a Next to nowhere", { A: { Type: "Pass", Next: "C" } }, /goes to "C"/],
  [
    "a Default to nowhere",
    { A: { Type: "Choice", Choices: [{ Condition: "{% true %}", Next: "B" }], Default: "C" }, B: done },
    /goes to "C"/,
  ],
  [
    "a Catch to nowhere",
    { A: { ...task, Catch: [{ ErrorEquals: ["States.ALL"], Next: "C" }], End: true } },
    /goes to "C"/,
  ],
  ["a state that cannot be reached", { A: done, B: done }, /state "B": cannot be reached/],
  [
    "a machine without an end",
    { A: { Type: "Pass", Next: "B" }, B: { Type: "Pass", Next: "A" } },
    /no state to end in/,
  ],
  ["a Wait without a time", { A: { Type: "Wait", End: true } }, /exactly one of Seconds and Timestamp/],
  [
    "a Wait with two times",
    { A: { Type: "Wait", Seconds: 1, Timestamp: "2026-01-01T00:00:00Z", End: true } },
    /exactly one of/,
  ],
  [
    "a timestamp without a zone",
    { A: { Type: "Wait", Timestamp: "2026-01-01T00:00:00", End: true } },
    /timestamp/,
  ],
  ["a number given as text", { A: { Type: "Wait", Seconds: "5", End: true } }, /Seconds/],
  ["a Succeed with Assign", { A: { Type: "Succeed", Assign: { x: 1 } } }, /unknown field Assign/],
  ["a Pass with Result", { A: { Type: "Pass", Result: 1, End: true } }, /unknown field Result \(JSONPath/],
  [
    "a distributed Map that does not say what its items are",
    {
      A: {
        Type: "Map",
        Items: [],
        ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED" }, StartAt: "B", States: { B: done } },
        End: true,
      },
    },
    /ProcessorConfig\/ExecutionType/,
  ],
  [
    "an unknown field of an inner state",
    {
      A: {
        Type: "Parallel",
        Branches: [{ StartAt: "B", States: { B: { Type: "Pass", Foo: 1, End: true } } }],
        End: true,
      },
    },
    /^state "B": unknown field Foo/,
  ],
  [
    "a name used twice",
    { A: { Type: "Parallel", Branches: [{ StartAt: "A", States: { A: done } }], End: true } },
    /"A": the name is used twice/,
  ],
  [
    "a branch that leaves its machine",
    {
      A: {
        Type: "Parallel",
        Branches: [{ StartAt: "B", States: { B: { Type: "Pass", Next: "C" } } }],
        Next: "C",
      },
      C: done,
    },
    /state "B": goes to "C"/,
  ],
  ["a long name", { ["n".repeat(81)]: done }, /more than 80 characters/],
])("%s is refused", (_, states, message) => {
  expect(problems(machine(states))).toEqual([expect.stringMatching(message)]);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  [
    "States.ALL beside others",
    { Retry: [{ ErrorEquals: ["States.ALL", "X"] }] },
    /States\.ALL must stand alone/,
  ],
  [
    "States.ALL before others",
    { Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["X"] }] },
    /must be in the last/,
  ],
  [
    "States.ALL before other catchers",
    {
      Catch: [
        { ErrorEquals: ["States.ALL"], Next: "B" },
        { ErrorEquals: ["X"], Next: "B" },
      ],
    },
    /must be in the last/,
  ],
  ["a retrier for nothing", { Retry: [{ ErrorEquals: [] }] }, /ErrorEquals/],
  [
    "a retrier for States.Runtime",
    { Retry: [{ ErrorEquals: ["States.Runtime"] }] },
    /no error that Retry or Catch can match/,
  ],
  ["an interval of 0", { Retry: [{ ErrorEquals: ["X"], IntervalSeconds: 0 }] }, /IntervalSeconds/],
  ["half an attempt", { Retry: [{ ErrorEquals: ["X"], MaxAttempts: 0.5 }] }, /MaxAttempts/],
  ["a shrinking backoff", { Retry: [{ ErrorEquals: ["X"], BackoffRate: 0.5 }] }, /BackoffRate/],
  [
    "a delay above a year",
    { Retry: [{ ErrorEquals: ["X"], MaxDelaySeconds: 31_622_400 }] },
    /MaxDelaySeconds/,
  ],
  ["an unknown jitter", { Retry: [{ ErrorEquals: ["X"], JitterStrategy: "HALF" }] }, /JitterStrategy/],
  ["a timeout of 0", { TimeoutSeconds: 0 }, /TimeoutSeconds/],
  [
    "a heartbeat as long as the timeout",
    { TimeoutSeconds: 5, HeartbeatSeconds: 5 },
    /smaller than TimeoutSeconds/,
  ],
  ["a task that waits for a token it never passes on", { Resource: lambdaWithToken }, /Task\.Token/],
  [
    "a token where there is none",
    { Arguments: { t: "{% $states.context.Task.Token %}" } },
    /only a \.waitForTaskToken task/,
  ],
  [
    "a result before the task",
    { Arguments: { r: "{% $states.result %}" } },
    /\$states\.result does not exist there/,
  ],
  [
    "an error output without an error",
    { Output: "{% $states.errorOutput %}" },
    /\$states\.errorOutput does not exist there/,
  ],
  [
    "a result in a catcher",
    { Catch: [{ ErrorEquals: ["X"], Output: "{% $states.result %}", Next: "B" }] },
    /Catch\[0\]\/Output: \$states\.result/,
  ],
  ["no arguments", { Arguments: undefined }, /Arguments/],
  [
    "an SDK action with a capital",
    { Resource: "arn:aws:states:::aws-sdk:ec2:DescribeInstances" },
    /small letter/,
  ],
  [
    "an SDK service with a capital",
    { Resource: "arn:aws:states:::aws-sdk:EC2:describeInstances" },
    /small letters/,
  ],
  [
    "a pattern that is not known",
    { Resource: "arn:aws:states:::states:startExecution.sync:2" },
    /pattern \.sync:2/,
  ],
  ["a resource that is no ARN", { Resource: "lambda" }, /no ARN/],
  ["an assignment to states", { Assign: { states: 1 } }, /reserved/],
  ["an assignment that hides a function", { Assign: { count: 1 } }, /hide the function/],
  ["an assignment to no name", { Assign: { "a-b": 1 } }, /not a variable name/],
])("a Task with %s is refused", (_, fields, message) => {
  const found = problems(machine({ A: { ...task, ...fields, Next: "B" }, B: done }));
  expect(found).toContainEqual(expect.stringMatching(message));
});

test.each([
  [lambda],
  ["arn:aws:lambda:eu-central-1:123456789012:function:Diagnose"],
  ["arn:aws:states:::aws-sdk:ec2:describeInstances"],
  ["arn:aws-cn:states:::sns:publish"],
  ["arn:aws:states:::states:startExecution"],
])("a Task may call %s", (Resource) => {
  expect(problems(machine({ A: { ...task, Resource, End: true } }))).toEqual([]);
});

test.each<[string, Record<string, unknown>, RegExp | undefined]>([
  [
    "never assigned",
    { A: { Type: "Pass", Output: "{% $x %}", End: true } },
    /Output: no state before it assigns \$x/,
  ],
  [
    "assigned by the same state only",
    { A: { Type: "Pass", Assign: { x: 1 }, Output: "{% $x %}", End: true } },
    /no state before it/,
  ],
  [
    "assigned later",
    { A: { Type: "Pass", Output: "{% $x %}", Next: "B" }, B: { Type: "Pass", Assign: { x: 1 }, End: true } },
    /state "A"/,
  ],
  [
    "assigned before",
    { A: { Type: "Pass", Assign: { x: 1 }, Next: "B" }, B: { Type: "Pass", Output: "{% $x %}", End: true } },
    undefined,
  ],
  [
    "assigned in an earlier round of a loop",
    {
      A: { Type: "Choice", Choices: [{ Condition: "{% $exists($x) %}", Next: "C" }], Default: "B" },
      B: { Type: "Pass", Assign: { x: 1 }, Next: "A" },
      C: done,
    },
    undefined,
  ],
  [
    "assigned by another way out",
    {
      A: { ...task, Catch: [{ ErrorEquals: ["X"], Assign: { x: 1 }, Next: "C" }], Next: "B" },
      B: { Type: "Succeed", Output: "{% $x %}" },
      C: done,
    },
    /state "B"/,
  ],
  [
    "assigned in a branch",
    {
      A: {
        Type: "Parallel",
        Branches: [{ StartAt: "I", States: { I: { Type: "Pass", Assign: { x: 1 }, End: true } } }],
        Next: "B",
      },
      B: { Type: "Succeed", Output: "{% $x %}" },
    },
    /state "B"/,
  ],
  [
    "read in a branch",
    {
      A: { Type: "Pass", Assign: { x: 1 }, Next: "B" },
      B: {
        Type: "Parallel",
        Branches: [{ StartAt: "I", States: { I: { Type: "Succeed", Output: "{% $x %}" } } }],
        End: true,
      },
    },
    undefined,
  ],
  [
    "bound by the expression",
    { A: { Type: "Succeed", Output: "{% ($x := 1; $map([1], function($y) { $x + $y })) %}" } },
    undefined,
  ],
])("a variable %s", (_, states, message) => {
  expect(problems(machine(states))).toEqual(message === undefined ? [] : [expect.stringMatching(message)]);
});

test("a branch may not assign a variable of an outer scope, even one that is assigned later", () => {
  const inner = { StartAt: "I", States: { I: { Type: "Pass", Assign: { x: 2 }, End: true } } };
  const later = { B: { Type: "Pass", Assign: { x: 1 }, End: true } };
  expect(problems(machine({ A: { Type: "Parallel", Branches: [inner], Next: "B" }, ...later }))).toEqual([
    'state "I": assigns $x, which belongs to an outer scope',
  ]);
  const map = { Type: "Map", Items: [1], ItemProcessor: inner, Next: "B" };
  expect(problems(machine({ A: map, ...later }))).toEqual([
    'state "I": assigns $x, which belongs to an outer scope',
  ]);
});

test.each([
  [{ QueryLanguage: "JSONPath" }, /QueryLanguage/],
  [{ QueryLanguage: undefined }, /QueryLanguage/],
  [{ TimeoutSeconds: "{% 1 %}" }, /TimeoutSeconds/],
  [{ Version: "2.0" }, /Version/],
  [{ Foo: 1 }, /unknown field Foo/],
  [{ StartAt: "B" }, /StartAt names "B"/],
])("a machine with %j is refused", (top, message) => {
  expect(problems(machine({ A: done }, top))).toEqual([expect.stringMatching(message)]);
});
