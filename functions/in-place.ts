/** Work in another account or Region, by the role that this function has there. */
import { actIn } from "../aws/place.ts";
import { type Place, roleIn } from "../core/place.ts";
import { environment } from "./environment.ts";

/** `place`: null for the stack's own. `session`: how CloudTrail there calls it; the incident's ID where there is one. */
export function inPlace<Result>(place: Place | null, work: () => Result, session = "nat-medic"): Result {
  if (place === null) return actIn(null, work);
  const role = () => {
    const { role: pattern, externalId } = environment.spoke();
    return { arn: roleIn(place, pattern), externalId };
  };
  return actIn({ place, session, role }, work);
}
