/** Credentials of a role in another account or Region. Loaded only when one is needed: most incidents are at home. */
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import type { Assumed, Role } from "./place.ts";

const client = new STSClient({ maxAttempts: 5 });

/**
 * For an hour: more is refused to who has assumed a role already, as every function has.
 * @throws Error that names the role when we may not assume it
 */
export async function assumeRole({ arn, externalId }: Role, session: string): Promise<Assumed> {
  try {
    const { Credentials } = await client.send(
      new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: session, ExternalId: externalId }),
    );
    return {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
      sessionToken: Credentials?.SessionToken ?? "",
      expiration: Credentials?.Expiration ?? new Date(),
    };
  } catch (cause) {
    if (!(cause instanceof Error && cause.name === "AccessDenied")) throw cause;
    // STS says no more than that, whichever of these it is.
    throw new Error(
      `${arn} cannot be assumed: the spoke stack is not deployed there, its role trusts another hub stack or external ID, or this stack does not name the account among its spokes`,
      { cause },
    );
  }
}
