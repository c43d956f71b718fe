/** `nat-medic show`: an incident as the store has it. */
import { parseArgs } from "node:util";
import type { IncidentRecord } from "../core/incident-record.ts";
import type { Command } from "./command.ts";
import { deployedHelp, deployedOptions, findIncident, incidentOf, onAws } from "./deployed.ts";
import { incidentText } from "./incident-text.ts";

export const show: Command = {
  help: `Usage: nat-medic show INCIDENT [--json] [--stack NAME] [--region REGION]

Shows an incident: what fails and why we think so, what was planned, who decided, every change with its old and new
values, whether it helped, and what happened when (UTC). It changes nothing.

  --json           print the incident as the store has it, without what a decision is made with
${deployedHelp}

Exit code: 0, or 2 when there is no such incident or AWS does not let us look.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { ...deployedOptions, json: { type: "boolean", default: false } },
    });
    const id = incidentOf(positionals);
    const record = await onAws(values, () => findIncident(values, id));
    console.log(values.json ? asJson(record) : incidentText(record, new Date().toISOString()));
    return 0;
  },
};

/** Made to be pasted into a ticket. */
function asJson({ requests, ...record }: IncidentRecord): string {
  const shown = requests.map(({ secretHash: _, taskToken: __, ...request }) => request);
  return JSON.stringify({ ...record, requests: shown });
}
