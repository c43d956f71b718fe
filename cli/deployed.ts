/** The deployed stack that a command works on, and what AWS's refusals mean to whoever typed the command. */
import * as z from "zod/mini";
import { readIncident } from "../aws/incident-store.ts";
import { IncidentId } from "../core/incident.ts";
import type { IncidentRecord } from "../core/incident-record.ts";
import { plainLine } from "../core/plain-text.ts";
import { UsageError } from "./command.ts";

/** For `parseArgs`. */
export const deployedOptions = {
  stack: { type: "string", default: "nat-medic" },
  region: { type: "string" },
} as const;

export const deployedHelp = `  --stack NAME     the CloudFormation stack (default nat-medic)
  --region REGION  default: AWS_REGION, AWS_DEFAULT_REGION or the profile's

Credentials and endpoint are found as every AWS SDK finds them (AWS_PROFILE, AWS_ENDPOINT_URL, ...).`;

export type Deployed = { stack: string; region?: string | undefined };

/** CloudFormation's rule for a stack's name. */
const stackName = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;

export function tableOf({ stack }: Deployed): string {
  if (!stackName.test(stack)) throw new UsageError("--stack takes the name of a CloudFormation stack");
  return `${stack}-incidents`;
}

/** The one incident that a command names. Throws `UsageError`. */
export function incidentOf(positionals: readonly string[]): string {
  const [id, ...others] = positionals;
  const parsed = z.safeParse(IncidentId, id);
  if (others.length > 0 || !parsed.success) {
    throw new UsageError("name one incident by its whole ID (inc-...), as every message about it does");
  }
  return parsed.data;
}

/** Throws `UsageError` when there is none. */
export async function findIncident(deployed: Deployed, id: string): Promise<IncidentRecord> {
  const table = tableOf(deployed);
  const record = await readIncident(table, id);
  if (record === undefined) {
    throw new UsageError(`${table} knows no incident ${id}: another --stack or --region?`);
  }
  return record;
}

/** Does what needs AWS. Refusals that a person can act upon become one line; anything else stays as it is. */
export async function onAws<Result>(deployed: Deployed, work: () => Promise<Result>): Promise<Result> {
  // The SDK itself does not read AWS_DEFAULT_REGION, which the AWS CLI does.
  const region = deployed.region ?? (process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION);
  if (region) process.env.AWS_REGION = region;
  // Set and empty, it would be taken for a region.
  else delete process.env.AWS_REGION;
  try {
    return await work();
  } catch (error) {
    const said = error instanceof Error ? explain(error, deployed) : undefined;
    throw said === undefined ? error : new UsageError(said, { cause: error });
  }
}

function explain(error: Error, deployed: Deployed): string | undefined {
  const where = process.env.AWS_REGION ?? "the profile's region";
  switch (error.name) {
    case "CredentialsProviderError":
    case "TokenProviderError":
      return `no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or log in first (aws sso login): ${plainLine(error.message, 120)}`;
    case "ExpiredTokenException":
    case "UnrecognizedClientException":
    case "InvalidSignatureException":
      return `AWS does not take these credentials (${error.name}): log in again, or set AWS_PROFILE`;
    case "AccessDenied":
    case "AccessDeniedException":
    case "UnauthorizedOperation":
      return `these credentials may not ${deniedAction(error.message)}`;
    case "ResourceNotFoundException":
      return `there is no table ${tableOf(deployed)} in ${where}: another --stack or --region?`;
    case "StateMachineDoesNotExist":
      return `the state machine of this incident does not exist any more in ${where}`;
    default:
  }
  if (error.message === "Region is missing") return "no AWS region: give --region, or set AWS_REGION";
  const code = "code" in error ? String(error.code) : "";
  if (
    ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"].includes(code) ||
    error.name === "TimeoutError"
  ) {
    const endpoint = process.env.AWS_ENDPOINT_URL;
    return `cannot reach AWS${endpoint === undefined ? ` in ${where}` : ` at ${endpoint} (AWS_ENDPOINT_URL)`}: ${code || error.name}`;
  }
  return undefined;
}

/** "... is not authorized to perform: dynamodb:Query on resource: arn:... because ..." */
function deniedAction(message: string): string {
  const [, action, resource] = /perform: (\S+)(?: on resource: (\S+))?/.exec(message) ?? [];
  if (action === undefined) return `do this: ${plainLine(message, 200)}`;
  return resource === undefined ? action : `${action} on ${resource}`;
}
