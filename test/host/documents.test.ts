import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { buildDocument, documents, spliceScript } from "../../host/documents.ts";
import { hostFolder, installed, shells } from "./folder-host.ts";

const hostile = [
  "",
  " ",
  "5; reboot",
  "$(reboot)",
  "`reboot`",
  '"',
  "'",
  "-1",
  "1e3",
  "../../etc/passwd",
  "a b",
  "5\n6",
  "ａpply",
  "yes\n",
  "inc-UPPERCASE1",
  "inc-20261121-a1b2c3d4\nreboot",
];

describe.each(documents)("$name", ({ name, script }) => {
  const document = buildDocument(name);
  const [step] = document.mainSteps;
  const lines = step.inputs.runCommand;
  const text = spliceScript(script);

  it("is the checked-in script to the letter but for remarks, after one line for each parameter", () => {
    const names = Object.keys(document.parameters);
    const rest = [...lines.slice(0, 1), ...lines.slice(1 + names.length)];
    const isRemark = (line: string) => /^\s*#( |$)/.test(line);
    expect(rest.filter((line) => !isRemark(line))).toEqual(
      text
        .trimEnd()
        .split("\n")
        .filter((line) => !isRemark(line)),
    );
    // Its header is there to the end.
    expect(rest.join("\n")).toContain(text.slice(0, text.search(/^[^#]/m)));
    expect(lines.slice(1, 1 + names.length)).toEqual(
      names.map(
        (parameter) =>
          `if [ -z "\${SSM_${parameter}+x}" ]; then export SSM_${parameter}="{{${parameter}}}"; fi`,
      ),
    );
    // Anything else in double braces would be a parameter that does not exist.
    expect(text).not.toContain("{{");
  });

  it("leaves room below the 64 KB that Systems Manager takes, parameters included", () => {
    expect(Buffer.byteLength(JSON.stringify(document))).toBeLessThan(60_000);
  });

  it("has a parameter for each setting of the script, and no other", () => {
    const used = new Set([...text.matchAll(/\$\{?SSM_([A-Za-z]+)/g)].map(([, setting]) => setting));
    // What runs over SSM keeps to the deadline that goes with the document's timeout.
    used.delete("DeadlineSeconds");
    expect([...used].sort()).toEqual(Object.keys(document.parameters).sort());
  });

  it.each(Object.entries(document.parameters))(
    "takes no free text as %s",
    (_name, { allowedPattern, default: usual }) => {
      const pattern = new RegExp(allowedPattern);
      for (const value of hostile) expect(pattern.test(value), JSON.stringify(value)).toBe(false);
      if (usual !== undefined) expect(usual).toMatch(pattern);
    },
  );

  it("fits the limit of a document, 64 KB", () => {
    expect(Buffer.byteLength(JSON.stringify(document))).toBeLessThan(64 * 1024);
  });

  it.skipIf(script.endsWith(".ps1")).each(shells)("is understood by %s, whole or cut short", (shell) => {
    const path = installed(shell) ?? "";
    const parse = (input: string) =>
      spawnSync(path, [...(shell === "busybox" ? ["sh"] : []), "-n"], { encoding: "utf8", input });
    expect(parse(`${lines.join("\n")}\n`)).toMatchObject({ status: 0, stderr: "" });
    // Everything happens in the last line, so a text that lost its end does nothing.
    expect(lines.at(-1)).toBe("main </dev/null");
  });
});

it("refuses a document that does not exist", () => {
  expect(() => buildDocument("AWS-RunShellScript")).toThrow("there is no document AWS-RunShellScript");
});

it("gives the collector more time than it gives itself", () => {
  const [step] = buildDocument("NatMedic-CollectHostEvidence").mainSteps;
  const deadline = /DEADLINE=\$\(whole_number "[^"]*" (\d+)\)/.exec(
    spliceScript(join(hostFolder, "collect-host-evidence.sh")),
  );
  expect(Number(deadline?.[1])).toBeLessThan(Number(step.inputs.timeoutSeconds));
});

test.skipIf(installed("shellcheck") === undefined)(
  "shellcheck has nothing to say (skipped without it)",
  () => {
    const scripts = readdirSync(hostFolder).filter((name) => name.endsWith(".sh"));
    expect(scripts.length).toBeGreaterThanOrEqual(5);
    const checked = spawnSync("shellcheck", ["-x", ...scripts], { cwd: hostFolder, encoding: "utf8" });
    expect(checked.stdout).toBe("");
    expect(checked.status).toBe(0);
  },
);

it("every script says how to use it, what it reads and changes, what it costs, and what it prints", () => {
  for (const { script } of documents) {
    const header = readFileSync(script, "utf8").split(/\n(?:set -u|\$ErrorActionPreference .*)\n/)[0] ?? "";
    for (const heading of ["USAGE", "READS", "CHANGES", "OVERHEAD", "EXAMPLE"])
      expect(header).toContain(`# ${heading}\n`);
    expect(header).not.toContain("@");
  }
});
