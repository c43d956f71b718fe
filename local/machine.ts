/** A state machine of ours as the template deploys it: its definition with the local names in it. */
import { readFileSync } from "node:fs";
import { definitionFile, type MachineName } from "../build/layout.ts";
import type { Machine } from "./endpoint/stepfunctions.ts";
import type { Clock } from "./states/clock.ts";
import { parseDefinition } from "./states/definition.ts";
import type { ExecutionEvent } from "./states/events.ts";
import { type Execution, startExecution } from "./states/execution.ts";
import type { RunTask } from "./states/task.ts";

export type DeployedMachine = {
  machine: MachineName;
  arn: string;
  /** For `${Name}` in the definition, besides functions, which are known by their folders' names. */
  substitutions: Readonly<Record<string, string>>;
  tasks: RunTask;
  clock: Clock;
  /** `execution`: the name, or for an item of a distributed Map the end of its ARN. */
  onEvent(event: ExecutionEvent, execution: string): void;
  /** Told of every execution before its first task runs. */
  onStart?(execution: Execution, input: unknown): void;
  /** Whether executions that have ended stay known, with their histories. */
  remembers?: boolean;
};

export function deployMachine(deployed: DeployedMachine): Machine {
  const { machine, arn, tasks, clock, onEvent, onStart = () => {}, remembers = true } = deployed;
  const definitionText = readFileSync(definitionFile(machine), "utf8");
  const used = new Set([...definitionText.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name));
  // That the template's substitutions fit exactly is tested apart.
  const values = [...used].map((name) => [name, deployed.substitutions[name] ?? folderOf(name)]);
  const definition = parseDefinition(definitionText, Object.fromEntries(values));
  const executions = new Set<Execution>();
  return {
    arn,
    name: arn.split(":").at(-1) ?? "",
    definition: definitionText,
    executions: () => [...executions],
    start: (name, input) => {
      const execution = startExecution({
        definition,
        name,
        stateMachineArn: arn,
        executionArn: `${arn.replace(":stateMachine:", ":execution:")}:${name}`,
        input,
        clock,
        tasks,
        onEvent: (event, executionArn) => onEvent(event, executionArn.split(":").at(-1) ?? ""),
      });
      executions.add(execution);
      if (!remembers) void execution.finished.then(() => executions.delete(execution));
      onStart(execution, input);
      return execution;
    },
  };
}

/** `OpenIncidentFunction` to `open-incident`. */
export function folderOf(substitution: string): string {
  return substitution
    .replace(/Function$/, "")
    .replace(/(?<!^)[A-Z]/g, "-$&")
    .toLowerCase();
}
