/** `nat-medic undo`: what a finished incident changed is put back, by the state machine and with its care. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import * as z from "zod/mini";
import { describeExecution, startExecution } from "../aws/stepfunctions.ts";
import type { HostChange } from "../core/change.ts";
import type { IncidentRecord } from "../core/incident-record.ts";
import { plainLine } from "../core/plain-text.ts";
import { StepRecord } from "../core/step-record.ts";
import { changesToUndo } from "../core/undo.ts";
import type { Command } from "./command.ts";
import { type Deployed, deployedHelp, deployedOptions, findIncident, incidentOf, onAws } from "./deployed.ts";

export const undo: Command = {
  help: `Usage: nat-medic undo INCIDENT [--force] [--no-wait] [--stack NAME] [--region REGION]

Puts back what a finished incident changed, the last change first: says what it will do, starts the state machine, and
waits for its end. What somebody else has changed since is shown and left alone.

  --force          put back also what somebody else has changed since
  --no-wait        start it and print the execution's ARN
${deployedHelp}

Exit code: 0 when nothing of the incident is in force any more (with --no-wait: when it was started), 1 when something
was left alone or is not known, 2 for a mistake or when AWS does not let us.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      allowNegative: true,
      options: {
        ...deployedOptions,
        force: { type: "boolean", default: false },
        wait: { type: "boolean", default: true },
      },
    });
    const id = incidentOf(positionals);
    const { force, wait } = values;
    return onAws(values, () => undoIncident(values, id, { force, wait }));
  },
};

async function undoIncident(
  deployed: Deployed,
  id: string,
  { force, wait }: { force: boolean; wait: boolean },
): Promise<number> {
  const record = await findIncident(deployed, id);
  const { instanceId } = record.incident;
  if (record.status === "open") {
    console.error(`${id} is still being worked on; nat-medic show ${id} tells how far it is.`);
    return 1;
  }
  const steps = changesToUndo(record);
  if (steps.length === 0) {
    console.log(`${id} has no change in force on ${instanceId}: nothing to undo.`);
    return 0;
  }
  console.log(`Putting back on ${instanceId}, the last change first:`);
  for (const step of steps) console.log(announcement(step).join("\n"));
  const execution = await startUndo(record, force);
  if (!wait) {
    console.log(`Started: ${execution}`);
    return 0;
  }
  const end = await endOf(execution);
  if (end === undefined) {
    console.error(`Still running after ${patienceSeconds / 60} min: ${execution}`);
    return 1;
  }
  const output = z.safeParse(Output, end.output);
  const undone = output.success ? output.data.steps : [];
  if (undone.length === 0) {
    const why = output.success ? (output.data.reason ?? output.data.outcome) : `${end.error} ${end.cause}`;
    console.error(
      `Nothing was undone (${plainLine(why, 300) || end.status}); a message to people says why. Execution ${execution}`,
    );
    return 1;
  }
  console.log("Done:");
  const results = undone.map((step) => resultOf(step, id, force));
  for (const { lines } of results) console.log(lines.join("\n"));
  return results.every(({ putBack }) => putBack) ? 0 : 1;
}

/** What the state machine's output looks like, as far as it is needed here. */
const Output = z.object({
  outcome: z.string(),
  reason: z.optional(z.string()),
  steps: z._default(z.array(StepRecord), []),
});

/** The state machine's own limit for one document is 200 seconds; an incident has three steps at most. */
const patienceSeconds = 15 * 60;
const pollSeconds = 1;

async function startUndo({ incident, execution }: IncidentRecord, force: boolean): Promise<string> {
  const machine = execution.replace(":execution:", ":stateMachine:").replace(/:[^:]+$/, "");
  // Each call is another execution: what was left alone may be asked for again.
  const name = `undo-${incident.id.slice(-60)}-${randomBytes(4).toString("hex")}`;
  await startExecution(machine, name, { undo: incident.id, ...(force ? { force } : {}) });
  return `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
}

async function endOf(execution: string): Promise<Awaited<ReturnType<typeof describeExecution>> | undefined> {
  const deadline = performance.now() + patienceSeconds * 1000;
  while (performance.now() < deadline) {
    const described = await describeExecution(execution);
    if (described.status !== "RUNNING") return described;
    await sleep(pollSeconds * 1000);
  }
  return undefined;
}

/** As it is expected: what is there now, and what was there before. */
function announcement({ step, applied }: StepRecord): string[] {
  const values = applied?.status === "told" ? applied.change.values : [];
  const settings = values.length > 0 ? values : step.settings;
  return [
    `  ${step.fix}`,
    ...settings.map(({ setting, before, after }) => `    ${setting}  ${after} -> ${before}`),
  ];
}

function resultOf(
  { step, undone }: StepRecord,
  id: string,
  force: boolean,
): { lines: string[]; putBack: boolean } {
  if (undone === null || undone.status === "untold") {
    const why = undone === null ? "it was not tried" : plainLine(undone.detail, 200);
    return { lines: [`  ${step.fix}: not known whether it was put back: ${why}`], putBack: false };
  }
  const { status, reason, values, files, notes }: HostChange = undone.change;
  const details = [
    ...values.map(({ setting, before, after }) => `    ${setting}  ${before} -> ${after}`),
    ...files.map(({ path, action }) => `    ${path}: ${action}`),
    ...notes.map((note) => `    ${note}`),
  ];
  switch (status) {
    case "changed":
      return { lines: [`  ${step.fix}: put back`, ...details], putBack: true };
    case "unchanged":
      return {
        lines: [`  ${step.fix}: ${reason || "the old values were in force already"}`, ...details],
        putBack: true,
      };
    case "refused": {
      const wayOut = force ? [] : [`    To put it back all the same: nat-medic undo ${id} --force`];
      return { lines: [`  ${step.fix}: left alone: ${reason}`, ...details, ...wayOut], putBack: false };
    }
    case "failed":
      return { lines: [`  ${step.fix}: failed: ${reason}`, ...details], putBack: false };
    default:
      return status satisfies never;
  }
}
