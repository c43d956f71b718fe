/** Where in AWS an instance is. Null wherever a place is optional: the stack's own account and Region. */
import * as z from "zod/mini";

export const Place = z.strictObject({
  /** Twelve digits. */
  account: z.string().check(z.regex(/^[0-9]{12}$/)),
  region: z.string().check(z.regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/)),
});
export type Place = z.infer<typeof Place>;

/** `pattern`: the ARN of a role with ACCOUNT and REGION in it, as the template gives it to each function. */
export function roleIn({ account, region }: Place, pattern: string): string {
  return pattern.replace("ACCOUNT", account).replace("REGION", region);
}

/** Of a resource of ours, as of an execution; null when its ARN has no account or Region. */
export function placeOfArn(arn: string): Place | null {
  const [, , , region, account] = arn.split(":");
  return z.safeParse(Place, { account, region }).data ?? null;
}

/** For people: nothing at home, since most stacks know no other place. */
export function placeText(place: Place | null): string {
  return place === null ? "" : `account ${place.account}, ${place.region}`;
}

/** An instance as people find it, short enough for a subject. */
export function instanceName({ instanceId, place }: { instanceId: string; place: Place | null }): string {
  return place === null ? instanceId : `${instanceId} (${place.account} ${place.region})`;
}
