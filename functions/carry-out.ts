/** The one way to carry out a step: on the host by its document, or through EC2. */
import { runDocument } from "../aws/ssm.ts";
import { setTrackingTimeouts, trackingTimeouts, trackingTimeoutsOnceSet } from "../aws/tracking-timeouts.ts";
import type { ChangeResult, HostChange } from "../core/change.ts";
import { decideCloudChange, reportCloudChange } from "../core/cloud-change.ts";
import { changeCommand, changeResult } from "../core/command.ts";
import type { CloudChange, FixId } from "../core/fix.ts";
import type { Incident } from "../core/incident.ts";
import type { PlanStep } from "../core/plan.ts";

/** `forced`: an undo also puts back what somebody else has changed since. */
export async function carryOut(
  action: HostChange["action"],
  incident: Incident,
  planned: PlanStep,
  { forced = false }: { forced?: boolean } = {},
): Promise<ChangeResult> {
  const { cloudChange, fix } = planned;
  if (cloudChange !== null) return throughEc2(action, fix, cloudChange, forced);
  return changeResult(await runDocument(changeCommand(action, incident, planned, { forced })));
}

async function throughEc2(
  action: HostChange["action"],
  fix: FixId,
  change: CloudChange,
  forced: boolean,
): Promise<ChangeResult> {
  const { networkInterfaceId } = change;
  const request = { action, fix, change, forced };
  const decided = decideCloudChange(request, await trackingTimeouts(networkInterfaceId));
  if ("told" in decided) return { status: "told", change: decided.told };
  const refusal = await setTrackingTimeouts(networkInterfaceId, decided.set);
  const present = await trackingTimeoutsOnceSet(networkInterfaceId, decided.set);
  return { status: "told", change: reportCloudChange(request, decided.set, { present, refusal }) };
}
