import type { Json } from "./json.ts";

const placeholder = /\$\{([^{}]*)\}/g;

/**
 * DefinitionSubstitutions of `AWS::Serverless::StateMachine`: every `${Name}` inside a string becomes its value.
 * A name without a value, and a value without a use, are problems: each is a template and a definition that drifted.
 */
export function substitute(
  value: Json,
  substitutions: Readonly<Record<string, string>>,
): { value: Json; problems: string[] } {
  const used = new Set<string>();
  const missing = new Set<string>();
  const replace = (text: string) =>
    text.replace(placeholder, (whole, name: string) => {
      const found = Object.hasOwn(substitutions, name) ? substitutions[name] : undefined;
      if (found === undefined) missing.add(name);
      else used.add(name);
      return found ?? whole;
    });
  const walk = (item: Json): Json => {
    if (typeof item === "string") return replace(item);
    if (Array.isArray(item)) return item.map(walk);
    if (item === null || typeof item !== "object") return item;
    return Object.fromEntries(Object.entries(item).map(([key, field]) => [key, walk(field)]));
  };
  const replaced = walk(value);
  const unused = Object.keys(substitutions).filter((name) => !used.has(name));
  return {
    value: replaced,
    problems: [
      ...[...missing].map((name) => `no substitution for \${${name}}`),
      ...unused.map((name) => `the substitution ${name} is not used`),
    ],
  };
}
