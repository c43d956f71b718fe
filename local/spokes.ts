/**
 * Other accounts and Regions on the embedded AWS: each answers from a world of its own to whoever has assumed its role,
 * and to nobody else. As in AWS, credentials belong to an account; the Region is the one that a request is signed for.
 */
import { type Place, roleIn } from "../core/place.ts";
import type { Service } from "./endpoint/service.ts";
import { sts } from "./endpoint/sts.ts";
import type { Caller } from "./endpoint/wire.ts";

/** As the template gives it to functions, though there each has a role of its own. */
export const spokeRole = "arn:aws:iam::ACCOUNT:role/nat-medic-spoke-local-REGION";
export const spokeExternalId = "nat-medic";

export type Spokes = {
  sts: Service;
  /** Undefined: the caller is at home. None: there is nothing of ours where the caller is. */
  servicesFor(caller: Caller): Service[] | undefined;
};

/** `trusts`: false where no role lets us in. */
export function spokes(
  given: readonly { place: Place; trusts: boolean; services: Service[] }[],
  now: () => number,
): Spokes {
  const roles = Object.fromEntries(
    given
      .filter(({ trusts }) => trusts)
      .map(({ place }) => [roleIn(place, spokeRole), { externalId: spokeExternalId }]),
  );
  const { service, accountOf } = sts({ roles, now });
  return {
    sts: service,
    servicesFor: ({ accessKeyId, region }) => {
      const account = accountOf(accessKeyId);
      if (account === undefined) return undefined;
      const there = given.find(({ place }) => place.account === account && place.region === region);
      return there?.services ?? [];
    },
  };
}
