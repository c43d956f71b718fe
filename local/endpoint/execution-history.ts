import { type HistoryEvent, HistoryEventType } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import type { ExecutionEvent } from "../states/events.ts";

/**
 * An execution's events as GetExecutionHistory lists them. Left out is what has no event type there: a scheduled retry,
 * a caught error. The type of the state, which these events have in their name, comes from the definition.
 */
export const executionHistory = (events: readonly ExecutionEvent[], definition: string): HistoryEvent[] => {
  const types = stateTypes(definition);
  const known = events.flatMap((event) => {
    const type = historyType(event, types);
    return type === undefined ? [] : [{ ...event, type }];
  });
  return known.map((event, index) => ({
    id: index + 1,
    previousEventId: index,
    timestamp: new Date(event.at),
    ...describe(event),
  }));
};

type KnownEvent = Omit<ExecutionEvent, "type"> & { type: HistoryEventType };

const historyType = (event: ExecutionEvent, types: Map<string, string>): HistoryEventType | undefined => {
  const name =
    event.type === "StateEntered" || event.type === "StateExited"
      ? `${types.get(event.state ?? "")}${event.type}`
      : event.type === "WaitingForTaskToken"
        ? "TaskSubmitted"
        : event.type;
  return Object.values(HistoryEventType).find((known) => known === name);
};

const describe = (event: KnownEvent): Pick<HistoryEvent, "type"> & Partial<HistoryEvent> => {
  const { type, error, cause } = event;
  const [input, output] = [json(event.input), json(event.output)];
  const name = event.state ?? "";
  const task = { resourceType: "task", resource: name };
  switch (type) {
    case "ExecutionStarted":
      return { type, executionStartedEventDetails: { input } };
    case "ExecutionSucceeded":
      return { type, executionSucceededEventDetails: { output } };
    case "ExecutionFailed":
      return { type, executionFailedEventDetails: { error, cause } };
    case "ExecutionAborted":
      return { type, executionAbortedEventDetails: { error, cause } };
    case "ExecutionTimedOut":
      return { type, executionTimedOutEventDetails: { error, cause } };
    case "TaskSucceeded":
      return { type, taskSucceededEventDetails: { ...task, output } };
    case "TaskFailed":
      return { type, taskFailedEventDetails: { ...task, error, cause } };
    case "TaskTimedOut":
      return { type, taskTimedOutEventDetails: { ...task, error, cause } };
    case "TaskSubmitted":
      return { type, taskSubmittedEventDetails: task };
    default:
      if (type.endsWith("StateEntered")) return { type, stateEnteredEventDetails: { name, input } };
      if (type.endsWith("StateExited")) return { type, stateExitedEventDetails: { name, output } };
      return { type };
  }
};

const json = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value);

/** State names are unique in a whole machine, nested ones included, so every `States` anywhere in it counts. */
const stateTypes = (definition: string): Map<string, string> => {
  const types = new Map<string, string>();
  const visit = (value: unknown): void => {
    const states = z.safeParse(States, value);
    if (states.success) {
      for (const [name, { Type }] of Object.entries(states.data.States)) types.set(name, Type);
    }
    if (typeof value === "object" && value !== null) Object.values(value).forEach(visit);
  };
  visit(JSON.parse(definition));
  return types;
};

const States = z.object({ States: z.record(z.string(), z.looseObject({ Type: z.string() })) });
