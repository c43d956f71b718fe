/** What would become of an event, in one or two plain sentences. */
import { placeText } from "../core/place.ts";
import { plainLine } from "../core/plain-text.ts";
import type { Selection } from "../core/triage/by-hand.ts";
import type { Triage } from "../core/triage.ts";

export function triageText(triaged: Triage): string {
  switch (triaged.decision) {
    case "open": {
      const { instanceIds, reason, place, quiet } = triaged;
      const where = place === null ? "" : ` (${placeText(place)})`;
      const what =
        instanceIds.length === 1
          ? `Opens an incident of ${instanceIds[0]}${where}`
          : `Starts one execution for each of ${instanceIds.length} instances${where}: ${instanceIds.join(", ")}`;
      const first = `${what}: ${reason}.`;
      if (quiet !== null) return `${first} ${sentence(quiet.reason)}`;
      return `${first} An instance without the tag is left alone, and one with an open incident joins it.`;
    }
    case "look-up":
      return `${sentence(triaged.reason)} What that leads to, only AWS knows.`;
    case "fleet":
      return `Starts the machine for many, which opens one incident for each of ${selected(triaged.selection)}.`;
    case "undo":
      return `Puts back what ${triaged.incidentId} changed${triaged.force ? ", also what somebody has changed since" : ""}.`;
    case "ignore": {
      const { reason, tell, cleared } = triaged;
      if (cleared !== undefined) {
        return `${sentence(reason)} A question that waits because of it, about ${cleared.instanceIds.join(", ")}, is withdrawn.`;
      }
      return `Ignored: ${reason}.${tell ? " People are told, since it was meant for NAT Medic." : ""}`;
    }
    default:
      return triaged satisfies never;
  }
}

function selected({ instanceIds, tag }: Selection): string {
  if (instanceIds !== undefined) return instanceIds.join(", ");
  return tag === undefined
    ? "the enrolled instances"
    : `the enrolled instances with the tag ${plainLine(`${tag.key}=${tag.value}`, 120)}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
