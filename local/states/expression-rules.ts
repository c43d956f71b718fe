/**
 * What one JSONata expression refers to, and what Step Functions does not allow in it. The tree is that of the
 * jsonata package, read loosely: a node type that is not named here is walked like any other.
 */
export type References = {
  /** Workflow variables, without what the expression binds itself. */
  variables: ReadonlySet<string>;
  /** Fields of `$states`. */
  states: ReadonlySet<StatesField>;
  taskToken: boolean;
};

export type StatesField = (typeof statesFields)[number];

const statesFields = ["input", "result", "errorOutput", "context"] as const;
const contextFields: readonly unknown[] = ["Execution", "State", "StateMachine", "Task", "Map"];

/** Names that an expression may call: JSONata's own and those that Step Functions adds. `eval` is in neither. */
export const functionNames: ReadonlySet<string> = new Set(
  `abs append assert average base64decode base64encode boolean ceil clone contains count decodeUrl
   decodeUrlComponent distinct each encodeUrl encodeUrlComponent error exists filter floor formatBase
   formatInteger formatNumber fromMillis join keys length lookup lowercase map match max merge millis min not
   now number pad parseInteger power random reduce replace reverse round shuffle sift single sort split spread
   sqrt string substring substringAfter substringBefore sum toMillis trim type uppercase zip
   hash parse partition range uuid`.split(/\s+/),
);

type Found = {
  used: Set<string>;
  bound: Set<string>;
  states: Set<StatesField>;
  taskToken: boolean;
  problems: Set<string>;
};

export function referencesOf(tree: unknown): { references: References; problems: string[] } {
  const found: Found = {
    used: new Set(),
    bound: new Set(),
    states: new Set(),
    taskToken: false,
    problems: new Set(),
  };
  walk(tree, false, found);
  const isWorkflowVariable = (name: string) => !found.bound.has(name) && !functionNames.has(name);
  const variables = new Set([...found.used].filter(isWorkflowVariable));
  return {
    references: { variables, states: found.states, taskToken: found.taskToken },
    problems: [...found.problems],
  };
}

/** @param inContext whether there is a value that `$` and plain names could refer to */
function walk(value: unknown, inContext: boolean, found: Found): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, inContext, found);
    return;
  }
  if (!isRecord(value)) return;
  for (const name of [value.focus, value.index]) if (typeof name === "string") found.bound.add(name);
  switch (value.type) {
    case "variable":
      checkVariable(value.value, inContext, found);
      break;
    case "name":
    case "wildcard":
    case "descendant":
      if (!inContext)
        found.problems.add(
          `"${String(value.value)}" at the top level: name a variable, such as $states.input`,
        );
      break;
    case "lambda":
      if (Array.isArray(value.arguments)) for (const argument of value.arguments) bind(argument, found);
      break;
    case "bind":
      bind(value.lhs, found);
      break;
    case "path":
      walkPath(Array.isArray(value.steps) ? value.steps : [], inContext, found);
      break;
    case "index":
      if (typeof value.value === "string") found.bound.add(value.value);
      break;
  }
  for (const [key, child] of Object.entries(value)) {
    if (key === "steps" && value.type === "path") continue;
    if (key === "slot" || key === "ancestor" || key === "seekingParent") continue;
    if (key === "arguments" && value.type === "lambda") continue;
    if (key === "lhs" && value.type === "bind") continue;
    const givesContext =
      ["stages", "predicate", "group", "terms"].includes(key) || value.type === "transform";
    walk(child, inContext || givesContext, found);
  }
}

function walkPath(steps: unknown[], inContext: boolean, found: Found): void {
  const [first, second, third] = steps.map((step) => (isRecord(step) ? step : {}));
  if (first?.type === "variable" && first.value === "states") {
    checkStates(second, third, steps[3], found);
    for (const step of steps.slice(1)) walk(step, true, found);
    return;
  }
  for (const [index, step] of steps.entries()) walk(step, inContext || index > 0, found);
}

function checkVariable(name: unknown, inContext: boolean, found: Found): void {
  if (name === "") {
    if (!inContext) found.problems.add("$ at the top level, where there is no context");
  } else if (name === "$") found.problems.add("$$, which Step Functions leaves undefined");
  else if (name === "eval") found.problems.add("$eval, which Step Functions does not have (use $parse)");
  else if (name === "states") found.problems.add("$states as a whole: name one of its fields");
  else if (typeof name === "string") found.used.add(name);
}

function checkStates(field: unknown, inContext: unknown, inTask: unknown, found: Found): void {
  const known =
    isRecord(field) && field.type === "name" ? statesFields.find((name) => name === field.value) : undefined;
  if (known === undefined) {
    found.problems.add(
      `$states.${isRecord(field) ? String(field.value) : ""}: its fields are ${statesFields.join(", ")}`,
    );
    return;
  }
  found.states.add(known);
  if (known !== "context" || !isRecord(inContext) || inContext.type !== "name") return;
  if (!contextFields.includes(inContext.value)) {
    found.problems.add(
      `$states.context.${String(inContext.value)}: its fields are ${contextFields.join(", ")}`,
    );
  }
  if (inContext.value === "Task" && isRecord(inTask) && inTask.value === "Token") found.taskToken = true;
}

function bind(node: unknown, found: Found): void {
  if (isRecord(node) && typeof node.value === "string") found.bound.add(node.value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
