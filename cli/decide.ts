/** `nat-medic approve` and `nat-medic reject`: what the page's buttons do, with AWS rights instead of a link. */
import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { type Decided, type DecisionRequest, deciderOf, stateOf } from "../core/decision.ts";
import type { IncidentRecord } from "../core/incident-record.ts";
import { inWords } from "../core/timeline.ts";
import { moment } from "../core/wording.ts";
import { type Answered, answerRequest } from "../functions/answer-request.ts";
import type { Command } from "./command.ts";
import {
  type Deployed,
  deployedHelp,
  deployedOptions,
  findIncident,
  incidentOf,
  onAws,
  tableOf,
} from "./deployed.ts";

type Decision = "approve" | "reject";

export const approve = decisionCommand("approve", "Lets NAT Medic make the changes that it asks about");
export const reject = decisionCommand("reject", "Tells NAT Medic not to make the changes that it asks about");

function decisionCommand(decision: Decision, what: string): Command {
  return {
    help: `Usage: nat-medic ${decision} INCIDENT [--note TEXT] [--stack NAME] [--region REGION]

${what}: the same as ${decision === "approve" ? "Approve" : "Reject"} on the page, without its link.
It needs the rights dynamodb:Query, GetItem and UpdateItem on the incident store, and states:SendTaskSuccess. Your
user name on this machine is recorded with the decision.

  --note TEXT      a word to the others; it is recorded and shown as plain text
${deployedHelp}

Exit code: 0 when this is the decision now, 1 when it is not (decided otherwise, lapsed, nothing to decide), 2 for a
mistake or when AWS does not let us.
`,
    async run(args) {
      const { values, positionals } = parseArgs({
        args,
        allowPositionals: true,
        options: { ...deployedOptions, note: { type: "string", default: "" } },
      });
      const id = incidentOf(positionals);
      const { said, counts } = await onAws(values, () => decide(values, id, decision, values.note));
      if (counts) console.log(said);
      else console.error(said);
      return counts ? 0 : 1;
    },
  };
}

/** `counts`: whether this is what holds now, by this answer or by one before. */
type Told = { said: string; counts: boolean };

async function decide(deployed: Deployed, id: string, decision: Decision, note: string): Promise<Told> {
  const record = await findIncident(deployed, id);
  const at = new Date().toISOString();
  const request = questionOf(record, at);
  if (request === undefined) return { said: nothingAsked(record), counts: false };
  if (record.status === "closed" && request.decided === null) {
    const said = `${id} was closed ${moment(record.closing?.at ?? "")} without a decision (${record.closing?.outcome}); nothing waits for one`;
    return { said, counts: false };
  }
  const mine: Decided = {
    decision,
    by: deciderOf({ name: userName(), place: `nat-medic ${decision}` }),
    note,
    at,
  };
  const answered = await answerRequest(tableOf(deployed), id, request, mine, at);
  const standing = (await findIncident(deployed, id)).requests.find(
    ({ secretHash }) => secretHash === request.secretHash,
  );
  return tell({ record, request, answered, mine, standing: standing?.decided ?? null });
}

/** The newest that waits; else what became of the newest that people were asked. */
function questionOf({ requests }: IncidentRecord, now: string): DecisionRequest | undefined {
  return (
    requests.findLast((request) => stateOf(request, now) === "waiting") ??
    requests.findLast(({ decided }) => decided?.decision !== "withdrawn") ??
    requests.at(-1)
  );
}

type Outcome = {
  record: IncidentRecord;
  request: DecisionRequest;
  answered: Answered;
  mine: Decided;
  standing: Decided | null;
};

function tell({ record, request, answered, mine, standing }: Outcome): Told {
  const { id, instanceId } = record.incident;
  const follow = `nat-medic show ${id} tells how it goes.`;
  const counts = standing?.decision === mine.decision && answered !== "too-late";
  if (standing === null || standing.decision === "nobody") {
    const said = `Nobody decided about ${id} until ${moment(request.expiresAt)}, so nothing is changed.`;
    return { said: `${said} To be asked again, start a diagnosis by hand.`, counts: false };
  }
  if (standing.decision === "withdrawn") {
    return { said: `There is nothing to decide about ${id} any more: ${inWords(standing)}.`, counts: false };
  }
  const isMine = standing.at === mine.at && standing.by === mine.by;
  if (!isMine) {
    const when = standing.at === "" ? "" : ` (${moment(standing.at)})`;
    return { said: `${id} was decided before: ${inWords(standing)}${when}. ${follow}`, counts };
  }
  if (answered === "too-late") {
    return { said: `Recorded, but the execution of ${id} waited for it no more. ${follow}`, counts };
  }
  const plan = record.findings?.plan.steps.filter(({ fix }) => request.fixes.includes(fix)) ?? [];
  const changes = plan.map(({ action }) => `  ${action}`);
  const opening = mine.decision === "approve" ? "Approved" : "Rejected, nothing of this is changed";
  return { said: [`${opening} on ${instanceId}:`, ...changes, follow].join("\n"), counts };
}

function nothingAsked({ incident: { id }, status, closing }: IncidentRecord): string {
  return status === "open"
    ? `${id} asks nothing yet; nat-medic show ${id} tells how far it is.`
    : `There is nothing to decide about ${id}: it was closed ${moment(closing?.at ?? "")} (${closing?.outcome}) and asked nothing.`;
}

/** Containers often run as a user whom nobody gave a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? "";
  }
}
