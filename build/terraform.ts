/**
 * `npm run terraform`: what the Terraform module says of the template's parameters and outputs, written from the template,
 * so that the two never differ.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { root } from "./layout.ts";
import { readTemplate } from "./template.ts";

const Parameter = z.object({
  Type: z.enum(["String", "Number", "CommaDelimitedList"]),
  Default: z.union([z.string(), z.number()]),
  Description: z.string(),
  AllowedValues: z.optional(z.array(z.union([z.string(), z.number()]))),
  AllowedPattern: z.optional(z.string()),
  MinValue: z.optional(z.number()),
  MaxValue: z.optional(z.number()),
});
type Parameter = z.infer<typeof Parameter>;
const Output = z.object({ Description: z.string(), Condition: z.optional(z.string()) });
const Template = z.object({
  Parameters: z.record(z.string(), Parameter),
  Outputs: z.record(z.string(), Output),
});

/** `KmsKeyArn` to `kms_key_arn`. */
export const snake = (name: string): string => name.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase();

/** By file name. */
export function terraformFiles(): Record<string, string> {
  const { Parameters, Outputs } = z.parse(Template, readTemplate(join(root, "template.yaml")));
  const parameters = Object.entries(Parameters);
  const width = Math.max(...parameters.map(([name]) => name.length));
  const given = parameters.map(
    ([name, { Type }]) => `    ${name.padEnd(width)} = ${asText(`var.${snake(name)}`, Type)}`,
  );
  return {
    "variables.tf": file(parameters.map(([name, parameter]) => variable(snake(name), parameter))),
    "parameters.tf": file([`locals {\n  parameters = {\n${given.join("\n")}\n  }\n}`]),
    "outputs.tf": file(Object.entries(Outputs).map(([name, output]) => outputBlock(name, output))),
  };
}

const file = (blocks: string[]): string =>
  `# Written by "npm run terraform" from template.yaml.\n\n${blocks.join("\n\n")}\n`;

function variable(name: string, { Type, Default, Description, ...limits }: Parameter): string {
  const type = { String: "string", Number: "number", CommaDelimitedList: "list(string)" }[Type];
  const lines = [
    `  type        = ${type}`,
    `  description = ${quoted(Description)}`,
    `  default     = ${defaultOf(Type, Default)}`,
    ...validation(name, Type, limits),
  ];
  return `variable "${name}" {\n${lines.join("\n")}\n}`;
}

function validation(
  name: string,
  type: Parameter["Type"],
  limits: Omit<Parameter, "Type" | "Default" | "Description">,
): string[] {
  const condition = conditionOf(`var.${name}`, type, limits);
  if (condition === undefined) return [];
  const { says, holds } = condition;
  return ["", "  validation {", `    condition     = ${holds}`, `    error_message = ${quoted(says)}`, "  }"];
}

function conditionOf(
  value: string,
  type: Parameter["Type"],
  { AllowedValues, AllowedPattern, MinValue, MaxValue }: Omit<Parameter, "Type" | "Default" | "Description">,
): { holds: string; says: string } | undefined {
  if (AllowedValues !== undefined) {
    const list = AllowedValues.map((each) => (typeof each === "number" ? String(each) : quoted(each)));
    return {
      holds: `contains([${list.join(", ")}], ${value})`,
      says: `One of: ${AllowedValues.join(", ")}.`,
    };
  }
  if (AllowedPattern !== undefined) {
    const matches = (each: string) => `can(regex(${quoted(AllowedPattern)}, ${each}))`;
    return {
      holds:
        type === "CommaDelimitedList"
          ? `alltrue([for each in ${value} : ${matches("each")}])`
          : matches(value),
      says: `It must match ${AllowedPattern}.`,
    };
  }
  if (MinValue === undefined || MaxValue === undefined) return undefined;
  return {
    holds: `${value} >= ${MinValue} && ${value} <= ${MaxValue}`,
    says: `From ${MinValue} to ${MaxValue}.`,
  };
}

/** Parameters of a stack are texts. */
function asText(value: string, type: Parameter["Type"]): string {
  switch (type) {
    case "String":
      return value;
    case "Number":
      return `tostring(${value})`;
    case "CommaDelimitedList":
      return `join(",", ${value})`;
    default:
      return type satisfies never;
  }
}

function defaultOf(type: Parameter["Type"], value: string | number): string {
  if (type === "Number") return String(Number(value));
  if (type === "String") return quoted(String(value));
  const items = String(value)
    .split(",")
    .filter((item) => item !== "");
  return `[${items.map(quoted).join(", ")}]`;
}

/** Null where the stack, as it was configured, has no such output. */
function outputBlock(name: string, { Description }: z.infer<typeof Output>): string {
  const value = `lookup(aws_cloudformation_stack.nat_medic.outputs, "${name}", null)`;
  return `output "${snake(name)}" {\n  description = ${quoted(Description)}\n  value       = ${value}\n}`;
}

/** A text of HCL: as in JSON, but for what would begin a template. */
function quoted(text: string): string {
  return JSON.stringify(text.trim()).replaceAll("${", "$${").replaceAll("%{", "%%{");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(terraformFiles()))
    writeFileSync(join(root, "terraform", name), text);
}
