/**
 * The SSM documents: each is a skeleton in YAML beside its script, with the script's own text spliced in.
 * What runs on a host is therefore what is in this folder, to the letter, less the remarks within.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import * as z from "zod/mini";

const folder = import.meta.dirname;

const parameter = z.strictObject({
  type: z.literal("String"),
  description: z.string(),
  default: z.optional(z.string()),
  allowedPattern: z.string().check(z.regex(/^\^.+\$$/)),
  /** The value arrives in the environment as `SSM_<name>` and is never pasted into the script. */
  interpolationType: z.literal("ENV_VAR"),
});

const Skeleton = z.strictObject({
  schemaVersion: z.literal("2.2"),
  description: z.string(),
  parameters: z.record(z.string().check(z.regex(/^[A-Z][A-Za-z]+$/)), parameter),
  mainSteps: z.tuple([
    z.strictObject({
      action: z.enum(["aws:runShellScript", "aws:runPowerShellScript"]),
      name: z.string(),
      precondition: z.strictObject({
        StringEquals: z.tuple([z.literal("platformType"), z.enum(["Linux", "Windows"])]),
      }),
      inputs: z.strictObject({
        /** A literal: the agent turns what it cannot parse into 3600 without a word. */
        timeoutSeconds: z.string().check(z.regex(/^[0-9]{1,3}$/)),
        /** In the skeleton, the script's file name; in the document, its lines. */
        runCommand: z.tuple([z.string().check(z.regex(/^[a-z-]+\.(sh|ps1)$/))]),
      }),
    }),
  ]),
});
type Skeleton = z.infer<typeof Skeleton>;

export type DocumentName =
  | "NatMedic-CollectHostEvidence"
  | "NatMedic-CollectSourceEvidence"
  | "NatMedic-CollectWindowsSourceEvidence"
  | "NatMedic-ProbeTimestamps"
  | "NatMedic-CaptureFragments"
  | "NatMedic-RaiseConntrackMax"
  | "NatMedic-ShortenConntrackTimeouts"
  | "NatMedic-PersistConntrackSettings"
  | "NatMedic-SetKernelParameters"
  | "NatMedic-ChangeFirewallRules"
  | "NatMedic-EnrolHost"
  | "NatMedic-RemoveHost";

export const documents: readonly { name: DocumentName; script: string }[] = [
  { name: "NatMedic-CollectHostEvidence", script: join(folder, "collect-host-evidence.sh") },
  { name: "NatMedic-CollectSourceEvidence", script: join(folder, "collect-source-evidence.sh") },
  {
    name: "NatMedic-CollectWindowsSourceEvidence",
    script: join(folder, "collect-windows-source-evidence.ps1"),
  },
  { name: "NatMedic-ProbeTimestamps", script: join(folder, "probe-timestamps.sh") },
  { name: "NatMedic-CaptureFragments", script: join(folder, "capture-fragments.sh") },
  { name: "NatMedic-RaiseConntrackMax", script: join(folder, "raise-conntrack-max.sh") },
  { name: "NatMedic-ShortenConntrackTimeouts", script: join(folder, "shorten-conntrack-timeouts.sh") },
  { name: "NatMedic-PersistConntrackSettings", script: join(folder, "persist-conntrack-settings.sh") },
  { name: "NatMedic-SetKernelParameters", script: join(folder, "set-kernel-parameters.sh") },
  { name: "NatMedic-ChangeFirewallRules", script: join(folder, "change-firewall-rules.sh") },
  { name: "NatMedic-EnrolHost", script: join(folder, "enrol-host.sh") },
  { name: "NatMedic-RemoveHost", script: join(folder, "remove-host.sh") },
];

const included = /^\. "\$\(dirname "\$0"\)\/([a-z-]+\.sh)"$/gm;
const program = /^(.*) <"\$\(dirname "\$0"\)\/([a-z-]+\.(?:py|sh))"$/gm;
const endOfProgram = "END_OF_PROGRAM";

/**
 * One text out of a script of this folder, its included files and the programs that it feeds to python3 or installs.
 * @throws Error when a reference to another file is left, because the text would then fail on a host.
 */
export function spliceScript(path: string): string {
  const read = (name: string) => readFileSync(join(dirname(path), name), "utf8");
  const withIncluded = (text: string): string =>
    text.replace(included, (_line, name: string) => withIncluded(read(name)).trimEnd());
  const text = withIncluded(readFileSync(path, "utf8")).replace(
    program,
    (_line, command: string, name: string) => {
      return `${command} <<'${endOfProgram}'\n${withIncluded(read(name)).trimEnd()}\n${endOfProgram}`;
    },
  );
  if (text.includes(`dirname "$0"`)) throw new Error(`${path} refers to a file that could not be spliced in`);
  return text;
}

type Step = Skeleton["mainSteps"][0];
export type SsmDocument = Omit<Skeleton, "mainSteps"> & {
  mainSteps: [Omit<Step, "inputs"> & { inputs: { timeoutSeconds: string; runCommand: string[] } }];
};

/** @throws Error when the document is unknown, or its skeleton is not of the only form that we ship. */
export function buildDocument(name: string): SsmDocument {
  const entry = documents.find((known) => known.name === name);
  if (entry === undefined) throw new Error(`there is no document ${name}`);
  const skeleton = Skeleton.parse(
    parse(readFileSync(entry.script.replace(/\.(sh|ps1)$/, ".document.yaml"), "utf8")),
  );
  const [step] = skeleton.mainSteps;
  const { timeoutSeconds, runCommand } = step.inputs;
  const lines = withoutRemarks(spliceScript(join(folder, runCommand[0])).trimEnd().split("\n"));
  // After the line that names the interpreter: the agent runs the text as a file.
  const withPrelude = [...lines.slice(0, 1), ...prelude(skeleton), ...lines.slice(1)];
  return { ...skeleton, mainSteps: [{ ...step, inputs: { timeoutSeconds, runCommand: withPrelude } }] };
}

/**
 * The header stays, which says what it reads and changes; remarks further down are for who reads it here.
 * Systems Manager takes documents of 64 KB at most, and they are a sixth of the longest.
 */
export function withoutRemarks(lines: readonly string[]): string[] {
  const header = lines.findIndex((line) => !line.startsWith("#"));
  return lines.filter((line, at) => at < header || !/^\s*#( |$)/.test(line));
}

/**
 * Agents older than 3.3.2746.0 know no `interpolationType`: they paste the value where its name stands in braces,
 * and `allowedPattern` is what makes that safe. Newer ones have set the variable already.
 */
function prelude({ parameters }: Skeleton): string[] {
  return Object.keys(parameters).map(
    (name) => `if [ -z "\${SSM_${name}+x}" ]; then export SSM_${name}="{{${name}}}"; fi`,
  );
}
