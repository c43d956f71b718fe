/** What EC2 knows about an instance. */
import { DescribeInstancesCommand, EC2Client, type Instance } from "@aws-sdk/client-ec2";
import type { CloudEvidence } from "../core/evidence/cloud.ts";
import type { InstanceTags } from "../core/opening.ts";

const client = new EC2Client({ maxAttempts: 5 });

/** `undefined` when EC2 knows no such instance in this account and Region. */
export async function tagsOf(instanceId: string): Promise<InstanceTags | undefined> {
  const instance = await describe(instanceId);
  if (instance === undefined) return undefined;
  return Object.fromEntries((instance.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
}

export async function describeInstance(instanceId: string): Promise<CloudEvidence["instance"]> {
  const instance = await describe(instanceId);
  if (instance === undefined) return null;
  return {
    type: instance.InstanceType ?? "unknown",
    state: instance.State?.Name ?? "unknown",
    sourceDestCheck: instance.SourceDestCheck ?? null,
  };
}

async function describe(instanceId: string): Promise<Instance | undefined> {
  try {
    const { Reservations = [] } = await client.send(
      new DescribeInstancesCommand({ InstanceIds: [instanceId] }),
    );
    return Reservations[0]?.Instances?.[0];
  } catch (error) {
    if (error instanceof Error && error.name.startsWith("InvalidInstanceID.")) return undefined;
    throw error;
  }
}
