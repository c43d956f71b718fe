import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import asl from "asl-validator";
import { expect, test } from "vitest";
import { functionNames } from "../../build/bundle.ts";
import { definitionJson } from "../../build/definition.ts";
import { machineNames, root } from "../../build/layout.ts";
import { buildDocument, documents } from "../../host/documents.ts";
import { parseDefinition } from "../../local/states/definition.ts";
import { resourcesOf, template } from "./template.ts";

type State = Record<string, any>;

/** All states, those of branches and items too, with whether something around them catches. */
function* walk(states: Record<string, State>, caught: boolean): Generator<[string, State, boolean]> {
  for (const [name, state] of Object.entries(states)) {
    yield [name, state, caught || "Catch" in state];
    const inner = [...(state.Branches ?? []), ...(state.ItemProcessor ? [state.ItemProcessor] : [])];
    for (const machine of inner) yield* walk(machine.States, caught || "Catch" in state);
  }
}
const functionOf = (state: State): string =>
  /^\$\{(\w+)Function\}$/.exec(state.Arguments?.FunctionName)?.[1] ?? "";

const resources = {
  remediate: { machine: "RemediateStateMachine", role: "StateMachineRole" },
  fleet: { machine: "FleetStateMachine", role: "FleetStateMachineRole" },
};
const machines = machineNames.map((name) => {
  const text = definitionJson(name);
  const definition: { States: Record<string, State> } = JSON.parse(text);
  const all = [...walk(definition.States, false)];
  const ofType = all.filter(([, { Type }]) => Type === "Task");
  return {
    name,
    text,
    definition,
    states: all,
    tasks: ofType,
    placeholders: [...new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, placeholder = ""]) => placeholder))],
    calls: [...new Set(ofType.map(([, state]) => functionOf(state)).filter((called) => called !== ""))],
    substitutions: template.Resources[resources[name].machine]?.Properties.DefinitionSubstitutions,
    role: template.Resources[resources[name].role]?.Properties,
  };
});
const states = machines.flatMap((machine) => machine.states);
const tasks = machines.flatMap((machine) => machine.tasks);
const kebab = (name: string) => name.replace(/(?<!^)[A-Z]/g, "-$&").toLowerCase();
const functions = resourcesOf("AWS::Serverless::Function").map(([name]) => name.replace(/Function$/, ""));

/** Functions that no state machine calls: what calls them instead. */
const calledBy = {
  ServeApprovalPage: "FunctionUrlConfig",
  RescueIncident: "Events",
  ReceiveAlarm: "EventInvokeConfig",
  KeepAlarms: "Events",
};
const statesFunctions = functions.filter((name) => !Object.hasOwn(calledBy, name));

test("every function folder is a resource of the template, and a state of the same name or called by something else", () => {
  const inStates = new Set(machines.flatMap(({ calls }) => calls));
  expect(functions.map(kebab).sort()).toEqual([...functionNames].sort());
  expect([...inStates].sort()).toEqual([...statesFunctions].sort());
  for (const name of inStates) expect(states.map(([state]) => state)).toContain(name);
  for (const [name, caller] of Object.entries(calledBy)) {
    expect(template.Resources[`${name}Function`]?.Properties, name).toHaveProperty(caller);
  }
});

test.each(machines)(
  "every substitution of $name is given by the template, and none is left over",
  (machine) => {
    const { substitutions, placeholders, calls } = machine;
    expect(Object.keys(substitutions).sort()).toEqual(placeholders.sort());
    for (const name of calls)
      expect(substitutions[`${name}Function`]).toEqual({ "Fn::GetAtt": `${name}Function.Arn` });
  },
);

test.each(machines)("$name may invoke the functions that it calls and nothing else", ({ role, calls }) => {
  const [policy] = role?.Policies ?? [];
  const invoke = policy.PolicyDocument.Statement.find(
    ({ Action }: State) => Action === "lambda:InvokeFunction",
  );
  const allowed = invoke.Resource.map((resource: State) => resource["Fn::GetAtt"]);
  expect(allowed.sort()).toEqual(calls.map((name) => `${name}Function.Arn`).sort());
});

test("every task has a timeout longer than its function's, and every failure is caught or is the last word", () => {
  for (const [name, state, caught] of tasks) {
    expect(state.TimeoutSeconds, name).toBeDefined();
    const resource = template.Resources[`${functionOf(state)}Function`];
    if (resource !== undefined && typeof state.TimeoutSeconds === "number") {
      expect(state.TimeoutSeconds, name).toBeGreaterThan(resource.Properties.Timeout);
    }
    expect(caught, name).toBe(true);
  }
});

/** No function sends these. */
const ofStateManager: string[] = ["NatMedic-EnrolHost", "NatMedic-RemoveHost"];

test("whoever waits for a document waits longer than delivery and the document may take", () => {
  const slowest = Math.max(
    ...documents
      .filter(({ name }) => !ofStateManager.includes(name))
      .map(({ name }) => Number(buildDocument(name).mainSteps[0].inputs.timeoutSeconds)),
  );
  for (const name of ["CollectHostEvidence", "ApplyFix", "PersistFix", "UndoFix"]) {
    expect(template.Resources[`${name}Function`]?.Properties.Timeout, name).toBeGreaterThan(
      30 + slowest + 15,
    );
  }
});

test("only transient errors are retried, with full jitter; those of a function include its death", () => {
  for (const [name, state] of tasks) {
    for (const retrier of state.Retry ?? []) {
      expect(retrier.JitterStrategy, name).toBe("FULL");
      expect(retrier.ErrorEquals, name).not.toContain("States.ALL");
    }
    if (functionOf(state) === "") continue;
    expect(state.Retry[0].ErrorEquals, name).toEqual(
      expect.arrayContaining(["Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout"]),
    );
  }
});

/** Where a failure may lead, besides the report and the undo before it: what goes on without what failed. */
const goesOn: Record<string, string> = {
  AskApproval: "IsItApproved",
  PublishOpening: "OpeningUntold",
  PublishOutcome: "OutcomeUntold",
  UndoOne: "NotUndone",
  TellPlainly: "Unreported",
  PublishRun: "RunUntold",
  StartIncident: "KeepPace",
};
/** Of a run over many: the report of it, and an item's place in that report. */
const reported = ["CloseIncident", "UndoFix", "RecordStep", "TellPlainly", "ReportFleet", "NotHandled"];

test("every failure ends in a report that names the state, or in the undo that comes before it", () => {
  for (const [name, { Catch = [] }] of states) {
    for (const { Next, Assign, ErrorEquals } of Catch) {
      expect([...reported, goesOn[name]], name).toContain(Next);
      if (["CloseIncident", "UndoFix", "ReportFleet"].includes(Next)) {
        expect(Assign.failure.state, name).toContain("State.Name");
        expect(ErrorEquals, name).toEqual(["States.ALL"]);
      }
    }
  }
});

test("whoever dies with the state machine is rescued: all three ends of it call RescueIncident", () => {
  const rule = template.Resources.RescueIncidentFunction?.Properties.Events.ExecutionDied;
  expect(rule.Properties.Pattern).toMatchObject({
    source: ["aws.states"],
    "detail-type": ["Step Functions Execution Status Change"],
    detail: { status: ["FAILED", "TIMED_OUT", "ABORTED"] },
  });
  const rescue = readFileSync(join(root, "functions", "rescue-incident", "handler.ts"), "utf8");
  const [remediate] = machines;
  expect(rescue).toContain(`"${remediate?.definition.States.Failed?.Error}"`);
});

test.each(machines)(
  "$name satisfies the validator and our own stricter reading",
  ({ text, placeholders }) => {
    const known: Record<string, string> = {
      Partition: "aws",
      ApprovalSeconds: "14400",
      FleetConcurrency: "10",
    };
    const values = Object.fromEntries(
      placeholders.map((name) => [name, known[name] ?? `arn:aws:sns:eu-central-1:123456789012:${name}`]),
    );
    const filled = text.replace(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? "");
    expect(asl(JSON.parse(filled)).errors).toEqual([]);
    expect(() => parseDefinition(text, values)).not.toThrow();
  },
);

test("whoever retries, catches or tells people does it in both machines alike", () => {
  const [remediate, fleet] = machines.map(
    ({ states: all }) => new Map(all.map(([name, state]) => [name, state])),
  );
  for (const name of ["CollectHostEvidence", "CollectCloudEvidence", "Diagnose"]) {
    const { Retry, TimeoutSeconds } = remediate?.get(name) ?? {};
    expect(fleet?.get(name), name).toMatchObject({ Retry, TimeoutSeconds });
  }
  expect(fleet?.get("PublishRun")?.Retry).toEqual(remediate?.get("PublishOutcome")?.Retry);
});

test("each function has an event for sam local invoke", () => {
  const files = readdirSync(join(root, "events", "functions")).map((file) => file.replace(/\.json$/, ""));
  expect(files.sort()).toEqual([...functionNames].sort());
});

test("the environment that functions read is what the template gives them", () => {
  const source = readFileSync(join(root, "functions", "environment.ts"), "utf8");
  const read = [...source.matchAll(/read\("(\w+)"/g)].map(([, name]) => name);
  const given = [
    template.Globals.Function,
    ...resourcesOf("AWS::Serverless::Function").map(([, { Properties }]) => Properties),
  ].flatMap(({ Environment }) => Object.keys(Environment?.Variables ?? {}));
  expect([...new Set(given)].sort()).toEqual([...new Set(read)].sort());
});

test("what the template includes is built", () => {
  const included = JSON.stringify(template).match(/dist\/[\w./-]+/g) ?? [];
  expect(included.length).toBeGreaterThan(3);
  for (const file of included) expect(existsSync(join(root, file)), file).toBe(true);
});
