/** The one thing to do about a finding: by the fix that there is for it, so that nothing is said twice. */
import type { CauseId } from "../cause.ts";
import { causes } from "../causes.ts";
import type { FoundCause } from "../diagnosis.ts";
import type { Evidence } from "../evidence.ts";
import { fixes } from "../fixes.ts";
import type { Incident } from "../incident.ts";
import type { Plan } from "../plan.ts";
import { diagnoseCommand, whereByHand } from "../report/by-hand.ts";
import type { Finding } from "./finding.ts";

type Advice = Finding["advice"];

const anywhere = "from anywhere";

/** About a cause that holds now: what the plan proposes, through the incident that would do it. */
export function adviceOnCause({ id, advice }: FoundCause, { steps }: Plan, incident: Incident): Advice {
  const step = steps.find((each) => each.causes.includes(id));
  if (step === undefined) {
    const action = advice[0] ?? "Read what it means and what to look at";
    return { action, commands: [`nat-medic explain ${id}`], where: anywhere };
  }
  const isOurs = step.document !== null || step.cloudChange !== null;
  return isOurs
    ? {
        action: step.action,
        commands: [diagnoseCommand(incident, "approve")],
        where: `${anywhere}; you are asked before anything changes`,
      }
    : { action: step.action, commands: [diagnoseCommand(incident)], where: `${anywhere}, for the commands` };
}

/** Longer recipes are for the mail of an incident. */
const mostCommands = 4;

/** Before a cause holds no incident would act on it, so these are the commands themselves. */
export function adviceBefore(becomes: CauseId, evidence: Evidence): Advice {
  for (const id of causes.find((cause) => cause.id === becomes)?.fixes ?? []) {
    const prepared = fixes[id].prepare(asIfFull(evidence));
    if ("impossible" in prepared) continue;
    const { action, commands, cloudChange = null } = prepared;
    if (commands.length > mostCommands) break;
    const isOurs = fixes[id].document !== null || cloudChange !== null;
    return { action, commands, where: isOurs ? whereByHand({ cloudChange }) : "" };
  }
  return {
    action: "Read what can be done before it comes to that",
    commands: [`nat-medic explain ${becomes}`],
    where: anywhere,
  };
}

/** Whether the table could be larger on this host. */
export function canBeRaised(evidence: Evidence): boolean {
  return !("impossible" in fixes["raise-conntrack-max"].prepare(asIfFull(evidence)));
}

/** The day that is looked ahead to: the fix for a full table is made ready before the table is full. */
function asIfFull(evidence: Evidence): Evidence {
  const { host } = evidence;
  if (host.status === "unread") return evidence;
  const { conntrack } = host.evidence;
  return {
    ...evidence,
    host: {
      status: "read",
      evidence: { ...host.evidence, conntrack: { ...conntrack, count: conntrack.max } },
    },
  };
}
