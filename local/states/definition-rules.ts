import { expressionsOf } from "./expression.ts";
import type { Machine, State, TaskState } from "./schema.ts";
import { fieldsOf, isTerminal, transitionsOf } from "./state-fields.ts";

/**
 * What Step Functions refuses when a state machine is created, or what fails there at run time, beyond the shape
 * of each state. Much of it passes asl-validator.
 */
export function problemsOf(machine: Machine): string[] {
  return [...duplicateNames(machine), ...machineProblems(machine, new Set(), new Set())];
}

/** "State names MUST be unique within the scope of the whole state machine." */
function duplicateNames(machine: Machine): string[] {
  const names = statesOf(machine).map(([name]) => name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].map((name) => `state "${name}": the name is used twice`);
}

function statesOf(machine: Machine): [string, State][] {
  return [...machine.States].flatMap(([name, state]): [string, State][] => [
    [name, state],
    ...machinesIn(state).flatMap(statesOf),
  ]);
}

function machinesIn(state: State): Machine[] {
  if (state.Type === "Parallel") return state.Branches;
  return state.Type === "Map" ? [state.ItemProcessor] : [];
}

/** Its items are executions of their own: "cannot read outer scope variables at all". */
function isDistributed(state: State): boolean {
  return state.Type === "Map" && state.ItemProcessor.ProcessorConfig.Mode === "DISTRIBUTED";
}

/**
 * @param visible variables that an outer state may have assigned before this machine starts
 * @param outerNames every variable of the outer scopes: an inner scope can read them but not assign them
 */
function machineProblems(
  machine: Machine,
  visible: ReadonlySet<string>,
  outerNames: ReadonlySet<string>,
): string[] {
  const states = [...machine.States];
  const dangling = danglingReferences(machine);
  if (dangling.length > 0) return dangling;
  const before = variablesBefore(machine, visible);
  const ownNames = states.flatMap(([, state]) => transitionsOf(state).flatMap((way) => way.assigns));
  const names = new Set([...outerNames, ...ownNames, ...states.flatMap(([, state]) => assignedNames(state))]);
  const problems = states.flatMap(([name, state]) => {
    const known = before.get(name);
    const found = [...assignedNames(state)]
      .filter((variable) => outerNames.has(variable))
      .map((variable) => `assigns $${variable}, which belongs to an outer scope`);
    found.push(...stateProblems(state));
    if (known === undefined) found.push("cannot be reached");
    else found.push(...unknownVariables(state, known));
    return [
      ...found.map((problem) => `state "${name}": ${problem}`),
      ...machinesIn(state).flatMap((inner) =>
        isDistributed(state)
          ? machineProblems(inner, new Set(), new Set())
          : machineProblems(inner, known ?? visible, names),
      ),
    ];
  });
  const isWayOut = ([name, state]: [string, State]) => before.has(name) && isTerminal(state);
  if (problems.length === 0 && !states.some(isWayOut)) {
    problems.push(`the machine that starts at "${machine.StartAt}" has no state to end in`);
  }
  return problems;
}

function danglingReferences({ StartAt, States }: Machine): string[] {
  const start = States.has(StartAt) ? [] : [`StartAt names "${StartAt}", which is no state beside it`];
  const next = [...States].flatMap(([name, state]) =>
    transitionsOf(state)
      .filter((way) => !States.has(way.to))
      .map((way) => `state "${name}": goes to "${way.to}", which is no state beside it`),
  );
  return [...start, ...next];
}

/**
 * The variables that some path to a state has assigned; a state without an entry is unreachable.
 * "Some path" rather than "every path": an expression may ask `$exists($x)`.
 */
function variablesBefore(machine: Machine, visible: ReadonlySet<string>): Map<string, Set<string>> {
  const before = new Map([[machine.StartAt, new Set(visible)]]);
  const pending = [machine.StartAt];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const state = machine.States.get(name);
    const known = before.get(name) ?? new Set();
    for (const way of state === undefined ? [] : transitionsOf(state)) {
      const earlier = before.get(way.to);
      const after = new Set([...(earlier ?? []), ...known, ...way.assigns]);
      if (earlier !== undefined && earlier.size === after.size) continue;
      before.set(way.to, after);
      pending.push(way.to);
    }
  }
  return before;
}

function assignedNames(state: State): string[] {
  const own = "Assign" in state ? Object.keys(state.Assign) : [];
  return [...new Set([...own, ...transitionsOf(state).flatMap((way) => way.assigns)])];
}

function unknownVariables(state: State, known: ReadonlySet<string>): string[] {
  return fieldsOf(state).flatMap(({ name, template }) =>
    expressionsOf(template)
      .flatMap((expression) => [...expression.references.variables])
      .filter((variable) => !known.has(variable))
      .map((variable) => `${name}: no state before it assigns $${variable}`),
  );
}

function stateProblems(state: State): string[] {
  const problems = unavailableFields(state);
  if (state.Type !== "Choice" && state.Type !== "Succeed" && state.Type !== "Fail") {
    if ((state.Next === undefined) === (state.End === undefined))
      problems.push("needs exactly one of Next and End");
  }
  if (state.Type === "Wait" && (state.Seconds === undefined) === (state.Timestamp === undefined)) {
    problems.push("needs exactly one of Seconds and Timestamp");
  }
  if (state.Type === "Task") problems.push(...taskProblems(state));
  if (state.Type === "Map" && !isDistributed(state)) {
    const { Label, ToleratedFailurePercentage, ToleratedFailureCount } = state;
    const own = { Label, ToleratedFailurePercentage, ToleratedFailureCount };
    for (const [field, value] of Object.entries(own)) {
      if (value !== undefined) problems.push(`${field} belongs to a distributed Map`);
    }
  }
  return problems;
}

/** `$states.result` exists after a result, `$states.errorOutput` in a Catch, the token in a task that waits for it. */
function unavailableFields(state: State): string[] {
  const waitsForToken = state.Type === "Task" && waitsForTaskToken(state.Resource);
  return fieldsOf(state).flatMap(({ name, template, sees }) =>
    expressionsOf(template).flatMap(({ references }) => {
      const missing = [...references.states].filter(
        (field) => (field === "result" || field === "errorOutput") && field !== sees,
      );
      const problems = missing.map((field) => `${name}: $states.${field} does not exist there`);
      if (references.taskToken && !waitsForToken)
        problems.push(`${name}: only a .waitForTaskToken task has a token`);
      return problems;
    }),
  );
}

export function waitsForTaskToken(resource: string): boolean {
  return resource.endsWith(".waitForTaskToken");
}

function taskProblems(state: TaskState): string[] {
  const problems: string[] = [];
  const mentionsToken = expressionsOf(state.Arguments).some((expression) => expression.references.taskToken);
  if (waitsForTaskToken(state.Resource) && !mentionsToken) {
    problems.push("waits for a task token, but Arguments do not pass $states.context.Task.Token on");
  }
  const { TimeoutSeconds: timeout, HeartbeatSeconds: heartbeat } = state;
  const bothLiteral = timeout?.kind === "literal" && heartbeat?.kind === "literal";
  if (bothLiteral && Number(heartbeat.value) >= Number(timeout.value)) {
    problems.push("HeartbeatSeconds must be smaller than TimeoutSeconds");
  }
  problems.push(...resourceProblems(state.Resource));
  return problems;
}

const lambdaFunction = /^arn:aws[\w-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?$/;
const integration =
  /^arn:aws[\w-]*:states:::(?<service>[\w-]+(:[\w-]+)?):(?<action>\w+)(?<pattern>\.[\w:]+)?$/;

/** "The API action is always in camel case, the parameter names in Pascal case": AWS SDK service integrations. */
function resourceProblems(resource: string): string[] {
  if (lambdaFunction.test(resource)) return [];
  const { service, action, pattern } = integration.exec(resource)?.groups ?? {};
  if (service === undefined || action === undefined)
    return [`Resource "${resource}" is no ARN that a Task can call`];
  const problems: string[] = [];
  if (!/^[a-z]/.test(action)) problems.push(`Resource "${resource}": the action starts with a small letter`);
  if (service.includes(":") && !/^aws-sdk:[a-z0-9]+$/.test(service)) {
    problems.push(`Resource "${resource}": the service is aws-sdk: and its name in small letters`);
  }
  if (pattern !== undefined && pattern !== ".waitForTaskToken") {
    problems.push(`Resource "${resource}": the pattern ${pattern} is not known here`);
  }
  return problems;
}
