/** `nat-medic drill`: an incident from alarm to verified fix, on the embedded AWS. */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import * as z from "zod/mini";
import { definitionFile } from "../build/layout.ts";
import { Mode } from "../core/mode.ts";
import { indent } from "../core/report/layout.ts";
import { statusOf } from "../core/step-record.ts";
import { type DrillOptions, type DrillResult, type Question, runDrill } from "../local/drill.ts";
import { whyNoLab } from "../local/qemu/image.ts";
import {
  expectedOutcome,
  readScenario,
  recordingFile,
  type Scenario,
  scenarioIds,
  startingEvent,
} from "../local/scenario.ts";
import { recordedStage, type Stage } from "../local/stage.ts";
import { type Command, UsageError } from "./command.ts";
import { timelineLines } from "./incident-text.ts";
import { readJson } from "./read-json.ts";
import { showProgress } from "./show-progress.ts";
import { terminalLines } from "./terminal-lines.ts";

const defaultScenario = "conntrack-table-full";

export const drill: Command = {
  help: `Usage: nat-medic drill [SCENARIO] [--event FILE] [--mode MODE] [--host HOST] [--answer ANSWER] [--json]

Plays an incident on an embedded AWS: the real state machine runs the real function bundles, which reach a NAT host
through Run Command. Ends with the notification as a person would receive it.

  SCENARIO         one of ${scenarioIds.join(", ")} (default ${defaultScenario})
  --event FILE     start with this event instead of the scenario's own
  --mode MODE      propose (change nothing), approve (ask before each change), apply (low risk at once, ask for the
                   rest); default: the scenario's own
  --host HOST      qemu (a real kernel in a virtual machine) or recorded (what such a host answered);
                   default: qemu where it is installed
  --answer ANSWER  what the person who is asked decides on the page: approve, reject, nobody (nobody answers), or wait
                   (you do, on the page or with nat-medic approve, within an hour);
                   default: wait with --mode approve, else approve
  --json           print one object: {outcome, incident, diagnosis, plan, changes, verification, timeline, traffic, host,
                   messages, chat, page, record}; a link to decide at goes to standard error

Exit code: 0 when the drill ended as the scenario expects, 1 when not, 2 for a mistake, 130 after Ctrl-C.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        event: { type: "string" },
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
      values.answer === undefined
        ? values.mode === "approve"
          ? "wait"
          : "approve"
        : oneOf("--answer", Answers, values.answer);
    const host = values.host === undefined ? undefined : oneOf("--host", Hosts, values.host);
    const event = values.event === undefined ? startingEvent(scenario, mode) : readJson(values.event);
    if (!existsSync(definitionFile("remediate")))
      throw new UsageError('the functions are not built; run "npm run build" first');

    const say = values.json ? () => {} : (line: string) => console.log(line);
    say(`Scenario ${id}: ${scenario.title}`);
    const stage = await openStage(scenario, host, say);
    const interruption = interruptible();
    try {
      const progress = showProgress(values.json ? undefined : process.stdout);
      const result = await runDrill({
        stage,
        event,
        mode,
        person: person(answer, { tell: progress.say, link: values.json ? console.error : progress.say }),
        onEvent: progress.onEvent,
        signal: interruption.signal,
      });
      progress.end();
      const traffic = { before: stage.before, during: stage.during, after: await stage.after() };
      const approved = result.steps.some((step) => step.answer?.decision === "approve");
      const expected = expectedOutcome(scenario, mode, approved);
      console.log(values.json ? asJson(result, traffic, stage) : asText(result, traffic, stage, expected));
      return result.outcome === expected ? 0 : 1;
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
      console.error("\nInterrupted; nothing is left running.");
      return 130;
    } finally {
      interruption.end();
      await stage.close();
    }
  },
};

/** Ctrl-C ends the drill in good order, and a second one at once. */
function interruptible(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const interrupt = () => controller.abort(new Error("interrupted"));
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) process.once(name, interrupt);
  return {
    signal: controller.signal,
    end: () => {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}

const Hosts = z.enum(["recorded", "qemu"]);
const Answers = z.enum(["approve", "reject", "nobody", "wait"]);

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

/** A drill that nobody ends does not run for ever. */
const patienceMinutes = 60;

function person(
  answer: z.infer<typeof Answers>,
  say: { tell(text: string): void; link(text: string): void },
): DrillOptions["person"] {
  return async (question) => {
    if (answer !== "wait") {
      say.tell(`A person is asked for a decision; here the drill answers on the page: ${answer}`);
      return answer;
    }
    say.link(invitation(question));
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMinutes * 60_000);
    });
    await Promise.race([question.answered, tooLong]);
    clearTimeout(timer);
    return "nobody";
  };
}

function invitation({ link, incidentId, url }: Question): string {
  return `
You are asked for a decision. Open the page:

  ${link}

or decide in another terminal:

${terminalLines(url, incidentId)}

Time stands still meanwhile, for ${patienceMinutes} minutes at most.
`;
}

type Traffic = Record<"before" | "during" | "after", Stage["before"]>;

function asJson(
  { outcome, incident, diagnosis, plan, steps, timeline, messages, chat, page, record }: DrillResult,
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
    chat,
    page,
    record,
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
    ...(result.record === null
      ? []
      : ["", "The incident, as the store has it (UTC):", ...indent(timelineLines(result.record))]),
    "",
    ...(result.messages.length < 2
      ? []
      : [
          "People were told before, by mail and chat:",
          ...result.messages.slice(0, -1).map(({ subject }) => `  ${subject}`),
          "and at last:",
        ]),
    last === undefined
      ? `Nobody was told: ${result.reason ?? result.execution.cause ?? "nothing happened"}`
      : [rule, `Subject: ${last.subject}`, rule, last.message.trimEnd(), rule].join("\n"),
    result.outcome === expected
      ? `Ended as expected: ${expected}`
      : `Ended as ${result.outcome}, expected ${expected}`,
  ].join("\n");
}
