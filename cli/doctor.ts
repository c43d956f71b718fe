/** `nat-medic doctor`: the diagnosis alone, without AWS. It changes nothing; with --probe it sends test traffic. */
import { parseArgs } from "node:util";
import { type Diagnosis, diagnose } from "../core/diagnosis.ts";
import { noCloudEvidence } from "../core/evidence/cloud.ts";
import { readHostOutput } from "../core/evidence/host-output.ts";
import { noProbes, type ProbeResults } from "../core/evidence/probe.ts";
import type { Evidence, HostReading } from "../core/evidence.ts";
import { type Plan, planFor } from "../core/plan.ts";
import { causeSection, ruledOutSection, unaskedSection, unknownSection } from "../core/report/diagnosis.ts";
import { section } from "../core/report/layout.ts";
import { adviceOn, describeStep } from "../core/report/next.ts";
import { collect } from "./collect.ts";
import { type Command, UsageError } from "./command.ts";
import { readText } from "./read-json.ts";
import { runProbes } from "./run-probes.ts";

export const doctor: Command = {
  help: `Usage: nat-medic doctor [--ssh USER@HOST | --evidence FILE] [--sudo] [--sample SECONDS] [--probe] [--json]

Reads a NAT host, says what is wrong, why we think so, and what we would do. It changes nothing and needs no AWS.

  --ssh USER@HOST    read that host instead of this machine (it needs a shell and awk, nothing to install)
  --evidence FILE    judge what the collector printed earlier; - for standard input
  --sudo             read through "sudo -n": some signals are for root alone, and without it they are unknown
  --sample SECONDS   time between the two counter samples, 1 to 30 (default 2)
  --probe            run the active tests too, as root: connections to a suspected destination with and without TCP
                     timestamps, from a namespace that is removed afterwards (a minute at most), and a capture of IP
                     fragments on the outside interface (20 seconds); they send traffic and leave nothing behind
  --json             print {host, diagnosis, probes, plan} as one JSON object

Exit code: 0 healthy, 1 a cause was found, 2 could not tell or could not run.
`,
  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        ssh: { type: "string" },
        evidence: { type: "string" },
        sudo: { type: "boolean", default: false },
        sample: { type: "string", default: "2" },
        probe: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    const sampleSeconds = Number(values.sample);
    if (!(Number.isInteger(sampleSeconds) && sampleSeconds >= 1 && sampleSeconds <= 30)) {
      throw new UsageError("--sample takes whole seconds from 1 to 30");
    }
    if (values.ssh !== undefined && values.evidence !== undefined) {
      throw new UsageError("--ssh and --evidence exclude each other");
    }
    if (values.ssh !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@:%[\]-]*$/.test(values.ssh)) {
      throw new UsageError("--ssh takes USER@HOST");
    }
    if (values.probe && values.evidence !== undefined) {
      throw new UsageError("--probe needs the host itself, not --evidence");
    }
    const place = { ssh: values.ssh, sudo: values.sudo };
    const host =
      values.evidence === undefined
        ? await collect({ ...place, sampleSeconds })
        : readHostOutput(readText(values.evidence));
    const passive: Evidence = { host, cloud: noCloudEvidence, sources: [], probes: noProbes };
    const evidence = values.probe ? { ...passive, probes: await runProbes(place, passive) } : passive;
    const diagnosis = diagnose(evidence, { kind: "manual", at: "now", complaint: false });
    const plan = planFor(diagnosis, evidence, { mode: "propose", automaticChangesLeft: 0 });
    const name = values.ssh ?? values.evidence ?? "this machine";
    console.log(
      values.json ? asJson(name, evidence, diagnosis, plan) : asText(name, evidence, diagnosis, plan),
    );
    return { healthy: 0, "not-the-nat": 0, "cause-found": 1, undetermined: 2 }[diagnosis.status];
  },
};

function asJson(name: string, { host, probes }: Evidence, diagnosis: Diagnosis, plan: Plan): string {
  const { status, causes, unknown } = diagnosis;
  return JSON.stringify({
    host:
      host.status === "read"
        ? {
            name,
            status: "read",
            kernel: host.evidence.kernel,
            takenAt: host.evidence.takenAt,
            conntrack: host.evidence.conntrack,
            unread: host.evidence.unread,
          }
        : { name, ...host },
    diagnosis: {
      status,
      causes: causes.map(({ id, title, confidence, severity, evidence }) => ({
        id,
        title,
        confidence,
        severity,
        evidence,
      })),
      unknown,
    },
    probes,
    plan: plan.steps.map(({ fix, action, risk, commands, undo }) => ({ fix, action, risk, commands, undo })),
  });
}

function asText(name: string, { host, probes }: Evidence, diagnosis: Diagnosis, plan: Plan): string {
  const unread = host.status === "read" ? host.evidence.unread : [];
  return [
    headline(name, host, diagnosis),
    causeSection(diagnosis),
    section(
      "WHAT TO DO",
      trimEnd([
        ...plan.steps.flatMap((step) => describeStep(step)),
        ...adviceOn(diagnosis),
        ...more(diagnosis),
      ]),
    ),
    unknownSection(diagnosis),
    unaskedSection(diagnosis),
    section("NOT READABLE", [...unread, ...probes.unread, ...refusals(probes)]),
    diagnosis.status === "cause-found" ? "" : ruledOutSection(diagnosis),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function refusals({ timestamps, fragments }: ProbeResults): string[] {
  return [
    ...(timestamps?.status === "refused" ? [`the test of timestamps was refused: ${timestamps.reason}`] : []),
    ...(fragments?.status === "refused" ? [`the capture of fragments was refused: ${fragments.reason}`] : []),
  ];
}

function more({ causes }: Diagnosis): string[] {
  const [leading] = causes;
  return leading === undefined ? [] : [`More about this cause: nat-medic explain ${leading.id}`];
}

function headline(name: string, host: HostReading, { status, causes }: Diagnosis): string {
  const where = host.status === "read" ? `${name} (Linux ${host.evidence.kernel})` : name;
  switch (status) {
    case "healthy":
      return `HEALTHY: ${where}`;
    case "not-the-nat":
      return `NOT THE NAT: ${where}\n  Nothing is wrong here, and yet SYNs go unanswered: look at the destination and the path to it`;
    case "cause-found":
      return `${causes[0]?.severity === "critical" ? "FAILING" : "AT RISK"}: ${where}\n  ${causes[0]?.symptom ?? ""}`;
    case "undetermined":
      return `COULD NOT TELL: ${where}`;
    default:
      return status satisfies never;
  }
}

function trimEnd(lines: string[]): string[] {
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
