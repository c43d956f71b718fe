import * as z from "zod/mini";
import { compileExpression, compileTemplate, TemplateError } from "./expression.ts";
import { functionNames } from "./expression-rules.ts";
import type { Json } from "./json.ts";

/**
 * The fields that the interpreter knows, state by state. Every object is strict: what is not here is refused,
 * so a definition never runs here with a field that only AWS would honour.
 */

/** "TimeoutSeconds … has a maximum value of 99,999,999": Task state, also the bound of waits and of retries. */
export const longestSeconds = 99_999_999;

/** "The value must be greater than 0 and less than 31622400": MaxDelaySeconds in Retry fields. */
const longestDelaySeconds = 31_622_399;

function compiled<V extends Json, T>(shape: z.ZodMiniType<V>, compile: (value: V) => T) {
  return z.pipe(
    shape,
    z.transform((value, context): T => {
      try {
        return compile(value);
      } catch (thrown) {
        if (!(thrown instanceof TemplateError)) throw thrown;
        context.issues.push({ code: "custom", message: thrown.message, input: value });
        return z.NEVER;
      }
    }),
  );
}

const template = compiled(z.json(), compileTemplate);

const condition = compiled(z.string(), compileExpression);

const whole = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));

/** A literal number, checked now, or an expression, checked when it is evaluated. */
const numberTemplate = (least: number, most = longestSeconds) =>
  compiled(z.union([whole(least, most), z.string().check(z.startsWith("{%"))]), compileTemplate);

const text = z.string().check(z.minLength(1));

/** "A variable name … up to 80 Unicode characters", an identifier; `states` is reserved. */
const variableName = z.string().check(
  z.regex(/^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u, "is not a variable name"),
  z.refine((name) => name !== "states", "states is reserved"),
  z.refine((name) => !functionNames.has(name), "would hide the function of that name"),
);

const assign = z.record(variableName, template);
const results = { Assign: z._default(assign, {}), Output: z.optional(template) };

const errorName = z.string().check(
  z.refine((name) => !name.startsWith("States.") || matchableErrors.includes(name), {
    error: "is no error that Retry or Catch can match",
  }),
);

/** The names with the reserved prefix that match something. States.Runtime is not one: nothing catches it. */
const matchableErrors = [
  "States.ALL",
  "States.DataLimitExceeded",
  "States.ExceedToleratedFailureThreshold",
  "States.HeartbeatTimeout",
  "States.Permissions",
  "States.QueryEvaluationError",
  "States.TaskFailed",
  "States.Timeout",
];

const errorEquals = z.array(errorName).check(
  z.minLength(1),
  z.refine((names) => names.length === 1 || !names.includes("States.ALL"), "States.ALL must stand alone"),
);

const inOrder = <T extends { ErrorEquals: string[] }>(rule: z.ZodMiniType<T>) =>
  z
    .array(rule)
    .check(
      z.refine(
        (rules) => rules.slice(0, -1).every((earlier) => !earlier.ErrorEquals.includes("States.ALL")),
        "States.ALL must be in the last one",
      ),
    );

const retrier = z.strictObject({
  Comment: z.optional(z.string()),
  ErrorEquals: errorEquals,
  IntervalSeconds: z._default(whole(1, longestSeconds), 1),
  MaxAttempts: z._default(whole(0, longestSeconds), 3),
  BackoffRate: z._default(z.number().check(z.minimum(1)), 2),
  MaxDelaySeconds: z.optional(whole(1, longestDelaySeconds)),
  JitterStrategy: z._default(z.enum(["FULL", "NONE"]), "NONE"),
});

const catcher = z.strictObject({
  Comment: z.optional(z.string()),
  ErrorEquals: errorEquals,
  Next: text,
  ...results,
});

const handling = {
  Retry: z._default(inOrder(retrier), []),
  Catch: z._default(inOrder(catcher), []),
};

const named = { Comment: z.optional(z.string()), QueryLanguage: z.optional(z.literal("JSONata")) };
const transition = { Next: z.optional(text), End: z.optional(z.literal(true)) };

/** A machine inside a machine; its states are parsed one by one, so that a problem names the innermost state. */
const machine = { Comment: z.optional(z.string()), StartAt: text, States: z.record(z.string(), z.unknown()) };

export const topLevelSchema = z.strictObject({
  ...machine,
  QueryLanguage: z.literal("JSONata"),
  TimeoutSeconds: z.optional(whole(1, longestSeconds)),
  Version: z.optional(z.literal("1.0")),
});

const task = z.strictObject({
  Type: z.literal("Task"),
  ...named,
  Resource: text,
  Arguments: template,
  TimeoutSeconds: z.optional(numberTemplate(1)),
  HeartbeatSeconds: z.optional(numberTemplate(1)),
  ...handling,
  ...results,
  ...transition,
});

const choice = z.strictObject({
  Type: z.literal("Choice"),
  ...named,
  Choices: z
    .array(z.strictObject({ Comment: z.optional(z.string()), Condition: condition, Next: text, ...results }))
    .check(z.minLength(1)),
  Default: z.optional(text),
  ...results,
});

/** RFC 3339 as the States Language profiles it: an upper-case T, and Z or an offset. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export const isTimestamp = (value: Json): value is string =>
  typeof value === "string" && timestamp.test(value) && !Number.isNaN(Date.parse(value));

const wait = z.strictObject({
  Type: z.literal("Wait"),
  ...named,
  Seconds: z.optional(numberTemplate(0)),
  Timestamp: z.optional(
    compiled(
      z
        .string()
        .check(z.refine((value) => value.startsWith("{%") || isTimestamp(value), "is no RFC 3339 timestamp")),
      compileTemplate,
    ),
  ),
  ...results,
  ...transition,
});

const pass = z.strictObject({ Type: z.literal("Pass"), ...named, ...results, ...transition });

const succeed = z.strictObject({ Type: z.literal("Succeed"), ...named, Output: z.optional(template) });

const fail = z.strictObject({
  Type: z.literal("Fail"),
  ...named,
  Error: z.optional(compiled(z.string(), compileTemplate)),
  Cause: z.optional(compiled(z.string(), compileTemplate)),
});

const parallel = z.strictObject({
  Type: z.literal("Parallel"),
  ...named,
  Branches: z.array(z.strictObject(machine)).check(z.minLength(1)),
  Arguments: z.optional(template),
  ...handling,
  ...results,
  ...transition,
});

/** Express children are not known here: they end after five minutes and have no history, which nothing here shows. */
const processorConfig = z.discriminatedUnion("Mode", [
  z.strictObject({ Mode: z.literal("INLINE") }),
  z.strictObject({ Mode: z.literal("DISTRIBUTED"), ExecutionType: z.literal("STANDARD") }),
]);

/** "Label … must not exceed 40 characters", and the characters that no name in Step Functions may have. */
const label = z
  .string()
  .check(z.regex(/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,40}$/u, "is no label of 1 to 40 plain characters"));

const map = z.strictObject({
  Type: z.literal("Map"),
  ...named,
  Items: z.optional(template),
  ItemSelector: z.optional(template),
  ItemProcessor: z.strictObject({
    ...machine,
    ProcessorConfig: z._default(processorConfig, { Mode: "INLINE" }),
  }),
  MaxConcurrency: z.optional(numberTemplate(0)),
  /** These three only in a distributed Map. */
  Label: z.optional(label),
  ToleratedFailurePercentage: z.optional(numberTemplate(0, 100)),
  ToleratedFailureCount: z.optional(numberTemplate(0)),
  ...handling,
  ...results,
  ...transition,
});

export const stateSchema = z.discriminatedUnion("Type", [
  task,
  choice,
  wait,
  pass,
  succeed,
  fail,
  parallel,
  map,
]);

export type Assignments = z.infer<typeof assign>;
export type Retrier = z.infer<typeof retrier>;
export type TaskState = z.infer<typeof task>;
export type ChoiceState = z.infer<typeof choice>;
export type WaitState = z.infer<typeof wait>;
export type PassState = z.infer<typeof pass>;
export type SucceedState = z.infer<typeof succeed>;
export type FailState = z.infer<typeof fail>;
export type ParallelState = Omit<z.infer<typeof parallel>, "Branches"> & { Branches: Machine[] };
export type MapState = Omit<z.infer<typeof map>, "ItemProcessor"> & {
  ItemProcessor: Machine & { ProcessorConfig: z.infer<typeof processorConfig> };
};
export type State =
  | TaskState
  | ChoiceState
  | WaitState
  | PassState
  | SucceedState
  | FailState
  | ParallelState
  | MapState;

/** The whole machine, or that of a branch, or of an item. */
export type Machine = { StartAt: string; States: ReadonlyMap<string, State> };
