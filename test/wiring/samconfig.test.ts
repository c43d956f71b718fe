/** `sam validate` is not to be had here: what it reads is checked against the template and SAM's documented keys. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { readTemplate } from "../../build/template.ts";

type Parameter = { AllowedValues?: unknown[]; AllowedPattern?: string; MinValue?: number; MaxValue?: number };
const { Parameters } = readTemplate(join(root, "template.yaml")) as { Parameters: Record<string, Parameter> };

/** `[environment.command.parameters]` and the plain values below it: all of TOML that the file uses. */
const sections: Record<string, Record<string, string | number | boolean>> = {};
let section = "";
for (const line of readFileSync(join(root, "samconfig.toml"), "utf8").split("\n")) {
  const [, header] = /^\[([\w.]+)\]$/.exec(line) ?? [];
  const [, key, value] = /^(\w+) = ("[^"]*"|true|false|[0-9.]+)$/.exec(line) ?? [];
  if (header !== undefined) section = header;
  else if (key !== undefined && value !== undefined)
    sections[section] = { ...sections[section], [key]: JSON.parse(value) };
  else expect(line, "neither a header, nor a value, nor a comment").toMatch(/^(#.*)?$/);
}

test("there are dev and prod beside the default, each with what build and deploy need", () => {
  expect(sections[""]).toEqual({ version: 0.1 });
  expect(
    Object.keys(sections)
      .filter((name) => name !== "")
      .toSorted(),
  ).toEqual(
    ["default", "dev", "prod"].flatMap((environment) =>
      ["build", "deploy"].map((command) => `${environment}.${command}.parameters`),
    ),
  );
  for (const environment of ["default", "dev", "prod"]) {
    expect(sections[`${environment}.build.parameters`]).toEqual({ build_in_source: true });
    expect(sections[`${environment}.deploy.parameters`]).toMatchObject({
      capabilities: "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND",
      resolve_s3: true,
      stack_name: expect.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,39}$/),
    });
  }
});

test("each environment sets parameters that the template has, to values that it allows", () => {
  const known = [
    "stack_name",
    "capabilities",
    "resolve_s3",
    "confirm_changeset",
    "tags",
    "parameter_overrides",
  ];
  for (const [name, values] of Object.entries(sections).filter(([each]) => each.includes(".deploy."))) {
    for (const key of Object.keys(values)) expect(known, name).toContain(key);
    for (const override of String(values.parameter_overrides ?? "")
      .split(" ")
      .filter((each) => each !== "")) {
      const [parameter = "", value = ""] = override.split("=");
      expect(Parameters, name).toHaveProperty(parameter);
      const { AllowedValues, AllowedPattern, MinValue, MaxValue } = Parameters[parameter] ?? {};
      if (AllowedValues !== undefined) expect(AllowedValues.map(String), override).toContain(value);
      if (AllowedPattern !== undefined) expect(value, override).toMatch(new RegExp(AllowedPattern));
      expect(
        Number(value) < (MinValue ?? -Infinity) || Number(value) > (MaxValue ?? Infinity),
        override,
      ).toBe(false);
    }
  }
});

test("production never changes a host without a person", () => {
  const { parameter_overrides } = sections["prod.deploy.parameters"] ?? {};
  expect(String(parameter_overrides)).toMatch(/\bMode=(approve|propose)\b/);
  expect(sections["prod.deploy.parameters"]?.confirm_changeset).toBe(true);
});
