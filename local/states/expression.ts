import jsonata from "jsonata";
import { addedFunctions } from "./added-functions.ts";
import { type References, referencesOf } from "./expression-rules.ts";
import { StateFailure } from "./failure.ts";
import { type Json, toJson } from "./json.ts";

/** A field of a definition: JSON in which any string that is exactly `{% … %}` is computed. Compiled once. */
export type Template =
  | { kind: "literal"; value: Json }
  | Expression
  | { kind: "array"; items: Template[] }
  | { kind: "object"; fields: Map<string, Template> };

export type Expression = {
  kind: "expression";
  source: string;
  compiled: jsonata.Expression;
  references: References;
};

/** What the expressions of one state see. */
export type Bindings = {
  states: { [field: string]: Json };
  variables: { [name: string]: Json };
  nowMs: number;
};

/** What is wrong with a template, in words. Nothing of the definition runs when one is thrown. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

export function compileTemplate(value: Json): Template {
  if (typeof value === "string")
    return isExpression(value) ? compileExpression(value) : { kind: "literal", value };
  if (Array.isArray(value)) return { kind: "array", items: value.map(compileTemplate) };
  if (value === null || typeof value !== "object") return { kind: "literal", value };
  const fields = Object.entries(value).map(([key, item]): [string, Template] => {
    if (key.endsWith(".$"))
      throw new TemplateError(`the key "${key}" is JSONPath: write "${key.slice(0, -2)}" and {% … %}`);
    return [key, compileTemplate(item)];
  });
  return { kind: "object", fields: new Map(fields) };
}

/** @throws TemplateError when it does not parse, or refers to what Step Functions does not have */
export function compileExpression(text: string): Expression {
  if (!isExpression(text)) throw new TemplateError(`"${text}" is not a JSONata expression: {% … %}`);
  const source = text.slice(2, -2).trim();
  const compiled = compileSource(source);
  const { references, problems } = referencesOf(compiled.ast());
  if (problems.length > 0) throw new TemplateError(`"${source}" uses ${problems.join("; ")}`);
  return { kind: "expression", source, compiled, references };
}

/** Every expression of a template. */
export function expressionsOf(template: Template): Expression[] {
  switch (template.kind) {
    case "literal":
      return [];
    case "expression":
      return [template];
    case "array":
      return template.items.flatMap(expressionsOf);
    case "object":
      return [...template.fields.values()].flatMap(expressionsOf);
    default:
      return template satisfies never;
  }
}

/**
 * @param field the path that an error names, such as `Arguments/Payload/id`
 * @throws StateFailure `States.QueryEvaluationError` when an expression throws, or yields nothing or no JSON
 */
export async function evaluate(template: Template, bindings: Bindings, field: string): Promise<Json> {
  switch (template.kind) {
    case "literal":
      return template.value;
    case "expression":
      return evaluateExpression(template, bindings, field);
    case "array":
      return Promise.all(template.items.map((item, index) => evaluate(item, bindings, `${field}[${index}]`)));
    case "object": {
      const entries = [...template.fields].map(async ([key, item]): Promise<[string, Json]> => {
        return [key, await evaluate(item, bindings, `${field}/${key}`)];
      });
      return Object.fromEntries(await Promise.all(entries));
    }
    default:
      return template satisfies never;
  }
}

/** Evaluates a field that must be of one type, such as a Condition or a number of seconds. */
export async function evaluateAs<T extends Json>(
  template: Template,
  bindings: Bindings,
  field: string,
  expected: string,
  is: (value: Json) => value is T,
): Promise<T> {
  const value = await evaluate(template, bindings, field);
  if (is(value)) return value;
  const source =
    template.kind === "expression" ? `The JSONata expression '${template.source}' specified` : "The value";
  const actual = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  throw queryError(
    `${source} for the field '${field}' returned an unexpected result type. Expected '${expected}', but was '${actual}' for value: ${JSON.stringify(value)}`,
  );
}

async function evaluateExpression(expression: Expression, bindings: Bindings, field: string): Promise<Json> {
  const { source, compiled } = expression;
  const about = `The JSONata expression '${source}' specified for the field '${field}'`;
  let value: unknown;
  try {
    const scope = { ...addedFunctions(bindings.nowMs), ...bindings.variables, states: bindings.states };
    value = await compiled.evaluate(undefined, scope);
  } catch (thrown) {
    throw queryError(`${about} threw an error during evaluation. ${messageOf(thrown)}`);
  }
  if (value === undefined) throw queryError(`${about} returned nothing (undefined).`);
  try {
    return toJson(value);
  } catch (thrown) {
    throw queryError(`${about} returned what JSON cannot hold: ${messageOf(thrown)}`);
  }
}

function queryError(cause: string): StateFailure {
  return new StateFailure("States.QueryEvaluationError", cause);
}

/**
 * Braces that do not open and close the whole string are refused: Step Functions would take them literally,
 * and a stray space or a folded YAML string with its newline is how that happens unnoticed.
 */
function isExpression(text: string): boolean {
  if (text.startsWith("{%") && text.endsWith("%}") && text.length >= 4) return true;
  if (text.includes("{%") || text.includes("%}")) {
    throw new TemplateError(`${JSON.stringify(text)} must be exactly {% … %}, with nothing around it`);
  }
  return false;
}

function compileSource(source: string): jsonata.Expression {
  try {
    return jsonata(source);
  } catch (thrown) {
    throw new TemplateError(`"${source}" does not parse: ${messageOf(thrown)}`);
  }
}

/** jsonata throws plain objects with a code and a message. */
function messageOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  const code = "code" in thrown ? `${String(thrown.code)}: ` : "";
  return code + ("message" in thrown ? String(thrown.message) : String(thrown));
}
