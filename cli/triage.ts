/** `nat-medic triage`: how an event would be treated, as far as it says itself: AWS is not asked. */
import { parseArgs } from "node:util";
import * as z from "zod/mini";
import { triage } from "../core/triage.ts";
import { type Command, UsageError } from "./command.ts";
import { readJson } from "./read-json.ts";
import { triageText } from "./triage-text.ts";

/** When the event happened: a mute that has ended since held then. */
function momentOf(event: unknown): string {
  const { time } = z.safeParse(z.object({ time: z.string() }), event).data ?? {};
  const at = new Date((time ?? "").replace(/\+0000$/, "Z"));
  return (Number.isNaN(at.getTime()) ? new Date() : at).toISOString();
}

export const triageCommand: Command = {
  help: `Usage: nat-medic triage EVENT [--json]

Says how NAT Medic would treat an event: which instances it leads to, what would be looked up first, or why it is
ignored. AWS is not asked.
EVENT is a file with the event as EventBridge, an alarm or a person gives it, or - for standard input.

  --json   print {decision: "open"|"look-up"|"fleet"|"undo"|"ignore", instanceIds, reason}, with look-up also
           the questions {alarms, contributors, groups, interfaces}

Exit code: 0, or 2 when the event cannot be read.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: "boolean" } },
    });
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0)
      throw new UsageError("name one event file, or - for standard input");
    const event = readJson(file);
    const triaged = triage(event, { now: momentOf(event), home: null });
    const { decision, instanceIds, reason } = triaged;
    const questions = decision === "look-up" ? { questions: triaged.questions } : {};
    console.log(
      values.json ? JSON.stringify({ decision, instanceIds, reason, ...questions }) : triageText(triaged),
    );
    return 0;
  },
};
