/** `nat-medic drill`: an incident from alarm to verified fix, on the embedded AWS. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import * as z from "zod/mini";
import { definitionFile, root } from "../build/layout.ts";
import { Mode } from "../core/mode.ts";
import { Answer, statusOf } from "../core/step-record.ts";
import { type DrillResult, runDrill } from "../local/drill.ts";
import { whyNoLab } from "../local/qemu/image.ts";
import {
  expectedOutcome,
  readScenario,
  recordingFile,
  type Scenario,
  scenarioIds,
} from "../local/scenario.ts";
import { recordedStage, type Stage } from "../local/stage.ts";
import { type Command, UsageError } from "./command.ts";
import { readJson } from "./read-json.ts";
import { showProgress } from "./show-progress.ts";

const defaultScenario = "conntrack-table-full";
const defaultEvent = join(root, "events", "alarm-conntrack-utilization.json");

export const drill: Command = {
  help: `Usage: nat-medic drill [SCENARIO] [--event FILE] [--mode MODE] [--host HOST] [--answer ANSWER] [--json]

Plays an incident on an embedded AWS: the real state machine runs the real function bundles, which reach a NAT host
through Run Command. Ends with the notification as a person would receive it.

  SCENARIO         one of ${scenarioIds.join(", ")} (default ${defaultScenario})
  --event FILE     start with this event instead of the scenario's alarm
  --mode MODE      propose (change nothing), approve (ask before each change), apply (low risk at once, ask for the
                   rest); default: the scenario's own
  --host HOST      qemu (a real kernel in a virtual machine) or recorded (what such a host answered);
                   default: qemu where it is installed
  --answer ANSWER  what the person who is asked says: approve, reject, nobody (nobody answers), or prompt (you do);
                   default: prompt on a terminal with --mode approve, else approve
  --json           print one object: {outcome, incident, diagnosis, plan, changes, verification, timeline, ...}

Exit code: 0 when the drill ended as the scenario expects, 1 when not, 2 for a mistake.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        event: { type: "string", default: defaultEvent },
        mode: { type: "string" },
        host: { type: "string" },
        answer: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const [id = defaultScenario, ...others] = positionals;
    if (others.length > 0 || !scenarioIds.includes(id)) {
      throw new UsageError(`name one scenario of ${scenarioIds.join(", ")}`);
    }
    const scenario = readScenario(id);
    const mode = values.mode === undefined ? scenario.mode : oneOf("--mode", Mode, values.mode);
    const answer =
      values.answer === undefined ? defaultAnswer(values.mode) : oneOf("--answer", Answers, values.answer);
    const host = values.host === undefined ? undefined : oneOf("--host", Hosts, values.host);
    const event = readJson(values.event);
    if (!existsSync(definitionFile))
      throw new UsageError('the functions are not built; run "npm run build" first');

    const say = values.json ? () => {} : (line: string) => console.log(line);
    say(`Scenario ${id}: ${scenario.title}`);
    const stage = await openStage(scenario, host, say);
    try {
      const progress = showProgress(values.json ? undefined : process.stdout);
      const result = await runDrill({
        stage,
        event,
        mode,
        person: person(answer, say),
        onEvent: progress.onEvent,
      });
      progress.end();
      const traffic = { before: stage.before, during: stage.during, after: await stage.after() };
      const approved =
        answer === "prompt" ? result.steps.some((step) => step.answer === "approve") : answer === "approve";
      const expected = expectedOutcome(scenario, mode, approved);
      console.log(values.json ? asJson(result, traffic, stage) : asText(result, traffic, stage, expected));
      return result.outcome === expected ? 0 : 1;
    } finally {
      await stage.close();
    }
  },
};

const Hosts = z.enum(["recorded", "qemu"]);
const Answers = z.enum([...Answer.options, "prompt"]);

function oneOf<Values extends z.ZodMiniType>(
  option: string,
  schema: Values & { options: readonly string[] },
  value: string,
): z.infer<Values> {
  const parsed = z.safeParse(schema, value);
  if (!parsed.success)
    throw new UsageError(`${option} takes one of ${schema.options.join(", ")}, not "${value}"`);
  return parsed.data;
}

function defaultAnswer(mode: string | undefined): z.infer<typeof Answers> {
  return mode === "approve" && process.stdin.isTTY && process.stdout.isTTY ? "prompt" : "approve";
}

async function openStage(
  scenario: Scenario,
  host: z.infer<typeof Hosts> | undefined,
  say: (line: string) => void,
): Promise<Stage> {
  const missing = whyNoLab();
  if (host === "qemu" && missing !== undefined) throw new UsageError(missing);
  if (host === "qemu" || (host === undefined && missing === undefined)) {
    const { qemuStage } = await import("../local/qemu-stage.ts");
    return qemuStage(scenario, say);
  }
  if (!existsSync(recordingFile(scenario)))
    throw new UsageError(`${scenario.id} was not recorded; try --host qemu`);
  const stage = recordedStage(scenario);
  say(`Host: ${stage.host.description}. For a real kernel: ${missing ?? "--host qemu"}`);
  return stage;
}

function person(
  answer: z.infer<typeof Answers>,
  say: (line: string) => void,
): (request: { message: string }) => Promise<z.infer<typeof Answer>> {
  return async ({ message }) => {
    if (answer !== "prompt") {
      say(`A person is asked for a decision; here the drill answers: ${answer}`);
      return answer;
    }
    say(`\n${message}`);
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const typed = await terminal.question("Approve this change? [y/N] ");
    terminal.close();
    return /^y(es)?$/i.test(typed.trim()) ? "approve" : "reject";
  };
}

type Traffic = Record<"before" | "during" | "after", Stage["before"]>;

function asJson(
  { outcome, incident, diagnosis, plan, steps, timeline, messages }: DrillResult,
  traffic: Traffic,
  stage: Stage,
): string {
  return JSON.stringify({
    outcome,
    incident,
    diagnosis,
    plan,
    changes: steps.map((record) => ({
      fix: record.step.fix,
      status: statusOf(record),
      answer: record.answer,
      applied: record.applied,
      persisted: record.persisted,
      undone: record.undone,
      undo: record.step.undo,
    })),
    verification: steps.flatMap(({ step, verification }) =>
      verification === null ? [] : [{ fix: step.fix, ...verification }],
    ),
    timeline,
    traffic,
    host: stage.host.description,
    messages: messages.map(({ subject, message }) => ({ subject, message })),
  });
}

function asText(result: DrillResult, traffic: Traffic, stage: Stage, expected: string): string {
  const last = result.messages.at(-1);
  const rule = "-".repeat(100);
  const share = ({ attempted, succeeded }: Stage["before"]) => `${succeeded} of ${attempted}`;
  return [
    "",
    `New connections through the NAT that succeeded${stage.real ? "" : " (as recorded)"}:`,
    `  before the trouble ${share(traffic.before)}, with it ${share(traffic.during)}, at the end ${share(traffic.after)}`,
    "",
    last === undefined
      ? `Nobody was told: ${result.reason ?? result.execution.cause ?? "nothing happened"}`
      : [rule, `Subject: ${last.subject}`, rule, last.message.trimEnd(), rule].join("\n"),
    result.outcome === expected
      ? `Ended as expected: ${expected}`
      : `Ended as ${result.outcome}, expected ${expected}`,
  ].join("\n");
}
