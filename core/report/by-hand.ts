/** Commands that a person may copy. Nothing from a host, an event or a person gets into one without a pattern. */
import type { HostChange } from "../change.ts";
import type { Incident } from "../incident.ts";
import type { Mode } from "../mode.ts";
import type { Place } from "../place.ts";
import type { PlanStep } from "../plan.ts";

/** A step through our own document, from any terminal with AWS credentials: the host keeps it under the incident. */
export function sendCommand(
  { document, parameters }: PlanStep,
  { instanceId, id, place }: Pick<Incident, "instanceId" | "id" | "place">,
  action: "apply" | "undo",
): string {
  const pairs = Object.entries({ Action: action, IncidentId: id, ...parameters });
  // The short form would take a comma or an equals sign for its own.
  const isPlain = pairs.every(([, value]) => /^[A-Za-z0-9._-]+$/.test(value));
  const given = isPlain
    ? pairs.map(([name, value]) => `${name}=${value}`).join(",")
    : shellWord(JSON.stringify(Object.fromEntries(pairs.map(([name, value]) => [name, [value]]))));
  const region = place === null ? "" : ` --region ${place.region}`;
  return `aws ssm send-command${region} --instance-ids ${instanceId} --document-name NatMedic-${document} --parameters ${given}`;
}

/** Through our own command line. `mode`: how far it may go; without it, as stack and instance say. */
export function diagnoseCommand({ instanceId, place }: Located, mode?: Mode): string {
  const there = place === null ? "" : ` --place ${place.account}/${place.region}`;
  return `nat-medic diagnose --instance ${instanceId}${there}${mode === undefined ? "" : ` --mode ${mode}`}`;
}

/** Of the AWS CLI, with credentials of the instance's own account. */
export const regionOption = ({ place }: Located) => (place === null ? "" : ` --region ${place.region}`);

type Located = { instanceId: string; place: Place | null };

/** Where a step's commands are typed. */
export const whereByHand = ({ cloudChange }: Pick<PlanStep, "cloudChange">) =>
  cloudChange === null ? "as root on the instance" : "with the AWS CLI, from anywhere";

/** The files that hold nothing but our settings; any other that we wrote to was there before us. */
const fileOfOurs =
  /^\/etc\/((sysctl|modprobe|modules-load)\.d\/[a-z0-9-]*nat-medic[a-z0-9-]*\.conf|nat-medic\/rules-[a-z0-9-]+\.sh|systemd\/system\/([a-z.-]+\.d\/)?nat-medic-rules\.(service|conf))$/;

/** How to take back by hand what was made to last. */
export function removeFiles({ files }: HostChange): string[] {
  const written = files.filter(({ action }) => action === "written").map(({ path }) => path);
  const ours = written.filter((path) => fileOfOurs.test(path));
  return [
    ...(ours.length === 0 ? [] : [`rm ${ours.join(" ")}`]),
    ...(written.includes(fckNat) ? [`edit ${fckNat}: put the old values back`] : []),
  ];
}

const fckNat = "/etc/fck-nat.conf";

/** An argument as a POSIX shell takes it. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_/+=.:,@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
