/** `nat-medic triage`: how an event would be treated. */
import { parseArgs } from "node:util";
import { triage } from "../core/triage.ts";
import { type Command, UsageError } from "./command.ts";
import { readJson } from "./read-json.ts";

export const triageCommand: Command = {
  help: `Usage: nat-medic triage EVENT [--json]

Says how NAT Medic would treat an event: which instances it leads to, or why it is ignored.
EVENT is a file with the event as EventBridge delivers it, or - for standard input.

  --json   print {decision: "open"|"undo"|"ignore", instanceIds, reason}

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
    const { decision, instanceIds, reason } = triage(readJson(file), new Date().toISOString());
    if (values.json) console.log(JSON.stringify({ decision, instanceIds, reason }));
    else
      console.log(
        decision === "open"
          ? `open: ${instanceIds.join(", ")}\n  because ${reason}`
          : `${decision}: ${reason}`,
      );
    return 0;
  },
};
