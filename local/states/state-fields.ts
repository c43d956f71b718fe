import type { Template } from "./expression.ts";
import type { Assignments, State } from "./schema.ts";

/** One computed field of a state, and what of `$states` exists while it is computed. */
export type Field = { name: string; template: Template; sees: "input" | "result" | "errorOutput" };

/** One way out of a state, with the variables that this way assigns. */
export type Transition = { to: string; assigns: string[] };

export function fieldsOf(state: State): Field[] {
  switch (state.Type) {
    case "Task":
      return [
        ...field("Arguments", state.Arguments),
        ...field("TimeoutSeconds", state.TimeoutSeconds),
        ...field("HeartbeatSeconds", state.HeartbeatSeconds),
        ...outcome("", state, "result"),
        ...caught(state),
      ];
    case "Parallel":
      return [...field("Arguments", state.Arguments), ...outcome("", state, "result"), ...caught(state)];
    case "Map":
      return [
        ...field("Items", state.Items),
        ...field("ItemSelector", state.ItemSelector),
        ...field("MaxConcurrency", state.MaxConcurrency),
        ...field("ToleratedFailurePercentage", state.ToleratedFailurePercentage),
        ...field("ToleratedFailureCount", state.ToleratedFailureCount),
        ...outcome("", state, "result"),
        ...caught(state),
      ];
    case "Choice":
      return [
        ...state.Choices.flatMap((rule, index) => [
          ...field(`Choices[${index}]/Condition`, rule.Condition),
          ...outcome(`Choices[${index}]/`, rule, "input"),
        ]),
        ...outcome("", state, "input"),
      ];
    case "Wait":
      return [
        ...field("Seconds", state.Seconds),
        ...field("Timestamp", state.Timestamp),
        ...outcome("", state, "input"),
      ];
    case "Pass":
      return outcome("", state, "input");
    case "Succeed":
      return field("Output", state.Output);
    case "Fail":
      return [...field("Error", state.Error), ...field("Cause", state.Cause)];
    default:
      return state satisfies never;
  }
}

export function transitionsOf(state: State): Transition[] {
  switch (state.Type) {
    case "Task":
    case "Parallel":
    case "Map":
      return [
        ...next(state),
        ...state.Catch.map((rule) => ({ to: rule.Next, assigns: Object.keys(rule.Assign) })),
      ];
    case "Wait":
    case "Pass":
      return next(state);
    case "Choice": {
      const otherwise =
        state.Default === undefined ? [] : [{ to: state.Default, assigns: Object.keys(state.Assign) }];
      return [
        ...state.Choices.map((rule) => ({ to: rule.Next, assigns: Object.keys(rule.Assign) })),
        ...otherwise,
      ];
    }
    case "Succeed":
    case "Fail":
      return [];
    default:
      return state satisfies never;
  }
}

/** Whether an execution (or a branch) can end in this state. */
export function isTerminal(state: State): boolean {
  return state.Type === "Succeed" || state.Type === "Fail" || ("End" in state && state.End === true);
}

function next(state: { Next?: string | undefined; Assign: Assignments }): Transition[] {
  return state.Next === undefined ? [] : [{ to: state.Next, assigns: Object.keys(state.Assign) }];
}

type Outcome = { Assign: Assignments; Output?: Template | undefined };

function caught(state: { Catch: Outcome[] }): Field[] {
  return state.Catch.flatMap((rule, index) => outcome(`Catch[${index}]/`, rule, "errorOutput"));
}

function outcome(prefix: string, { Assign, Output }: Outcome, sees: Field["sees"]): Field[] {
  const assigned = Object.entries(Assign).flatMap(([name, template]) => field(`Assign/${name}`, template));
  return [...assigned, ...field("Output", Output)].map((each) => ({
    ...each,
    name: prefix + each.name,
    sees,
  }));
}

function field(name: string, template: Template | undefined): Field[] {
  return template === undefined ? [] : [{ name, template, sees: "input" }];
}
