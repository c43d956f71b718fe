/**
 * The Terraform module against the template, through HashiCorp's own parser of HCL. Not `terraform validate`, which would
 * download the provider.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@cdktf/hcl2json";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { readTemplate } from "../../build/template.ts";
import { snake, terraformFiles } from "../../build/terraform.ts";

type Block = Record<string, any>;
const folder = join(root, "terraform");
const files = readdirSync(folder).filter((name) => name.endsWith(".tf"));
const parsed = await Promise.all(
  files.map((name): Promise<Block> => parse(name, readFileSync(join(folder, name), "utf8"))),
);
const all = (kind: "variable" | "output"): [string, Block][] =>
  parsed.flatMap((file) =>
    Object.entries<Block[]>(file[kind] ?? {}).map(([name, [block]]): [string, Block] => [name, block ?? {}]),
  );
const { Parameters, Outputs, Resources } = readTemplate(join(root, "template.yaml")) as Record<
  "Parameters" | "Outputs" | "Resources",
  Record<string, Block>
>;
const own = ["template_url", "stack_name", "tags"];
const variables = all("variable").filter(([name]) => !own.includes(name));
const resource: Block | undefined = parsed.flatMap(
  (file) => file.resource?.aws_cloudformation_stack?.nat_medic ?? [],
)[0];

test('what is written from the template is what "npm run terraform" writes', () => {
  for (const [name, text] of Object.entries(terraformFiles()))
    expect(readFileSync(join(folder, name), "utf8"), name).toBe(text);
});

test("every parameter is a variable of the same kind, default and description, and there is no other", () => {
  expect(variables.map(([name]) => name).toSorted()).toEqual(Object.keys(Parameters).map(snake).toSorted());
  const kinds: Record<string, string> = {
    String: "string",
    Number: "number",
    CommaDelimitedList: "list(string)",
  };
  for (const [name, { Type, Default, Description }] of Object.entries(Parameters)) {
    const [, variable] = variables.find(([each]) => each === snake(name)) ?? [];
    expect(variable?.type, name).toBe(`\${${kinds[Type]}}`);
    expect(variable?.description, name).toBe(Description.trim());
    const list = String(Default) === "" ? [] : String(Default).split(",");
    expect(variable?.default, name).toEqual(Type === "CommaDelimitedList" ? list : Default);
  }
});

test("every variable refuses what its parameter refuses", () => {
  for (const [name, { AllowedValues, AllowedPattern, MinValue }] of Object.entries(Parameters)) {
    const [, variable] = variables.find(([each]) => each === snake(name)) ?? [];
    const isLimited = AllowedValues ?? AllowedPattern ?? MinValue;
    expect(variable?.validation?.[0]?.condition !== undefined, name).toBe(isLimited !== undefined);
    if (isLimited !== undefined)
      expect(variable?.validation[0].condition, name).toContain(`var.${snake(name)}`);
  }
});

test("the stack gets each parameter from its variable, as text", () => {
  const [locals] = parsed.flatMap((file) => file.locals ?? []);
  expect(Object.keys(locals.parameters).toSorted()).toEqual(Object.keys(Parameters).toSorted());
  for (const [name, value] of Object.entries<string>(locals.parameters)) {
    const variable = `var.${snake(name)}`;
    expect([`\${${variable}}`, `\${tostring(${variable})}`, `\${join(",", ${variable})}`], name).toContain(
      value,
    );
  }
  expect(resource?.parameters).toBe("${local.parameters}");
  expect(resource?.template_url).toBe("${var.template_url}");
});

test("every output is an output, and there is no other", () => {
  const outputs = all("output");
  expect(outputs.map(([name]) => name).toSorted()).toEqual(Object.keys(Outputs).map(snake).toSorted());
  for (const [name, { Description }] of Object.entries(Outputs)) {
    const [, output] = outputs.find(([each]) => each === snake(name)) ?? [];
    expect(output?.description, name).toBe(Description);
    expect(output?.value, name).toBe(
      `\${lookup(aws_cloudformation_stack.nat_medic.outputs, "${name}", null)}`,
    );
  }
});

test("it asks for the capabilities that the template needs", () => {
  const isNamed = Object.values(Resources).some(
    ({ Type, Properties }) =>
      (Type === "AWS::IAM::Role" && "RoleName" in Properties) ||
      (Type === "AWS::IAM::ManagedPolicy" && "ManagedPolicyName" in Properties),
  );
  expect(resource?.capabilities).toEqual([
    isNamed ? "CAPABILITY_NAMED_IAM" : "CAPABILITY_IAM",
    "CAPABILITY_AUTO_EXPAND",
  ]);
});
