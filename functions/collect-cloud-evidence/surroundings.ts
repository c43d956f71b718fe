/** The instance, its type and its VPC: what can only be asked for when the instance is known. */
import { describeInstance, enrolledInterfaces } from "../../aws/ec2.ts";
import { describeType, largerTypes } from "../../aws/instance-types.ts";
import { describeNetwork } from "../../aws/network.ts";
import type { CloudEvidence, CloudInstance, InstanceType } from "../../core/evidence/cloud.ts";
import type { Network } from "../../core/evidence/network.ts";
import { fitNetwork } from "../../core/evidence/network-size.ts";
import type { Asking } from "./asking.ts";

type Surroundings = Pick<CloudEvidence, "instance" | "type" | "largerTypes" | "network">;
type Asks = Pick<Asking, "ask" | "leftOut">;

export async function surroundings(instanceId: string, asks: Asks): Promise<Surroundings> {
  const [instance, enrolled] = await Promise.all([
    asks.ask("DescribeInstances", describeInstance(instanceId)),
    asks.ask("DescribeNetworkInterfaces", enrolledInterfaces(instanceId)),
  ]);
  if (instance === null) return { instance, type: null, largerTypes: [], network: null };
  const [types, network] = await Promise.all([typesOf(instance, asks), networkOf(instance, asks)]);
  const interfaces = instance.interfaces.map((each) => ({
    ...each,
    enrolled: enrolled?.includes(each.id) ?? false,
  }));
  return { instance: { ...instance, interfaces }, ...types, network };
}

async function typesOf(
  instance: CloudInstance,
  { ask }: Asks,
): Promise<{ type: InstanceType | null; largerTypes: InstanceType[] }> {
  const type = await ask("DescribeInstanceTypes", describeType(instance.type));
  const larger = type === null ? null : await ask("DescribeInstanceTypes, larger", largerTypes(type));
  return { type, largerTypes: larger ?? [] };
}

async function networkOf(
  { vpcId, interfaces }: CloudInstance,
  { ask, leftOut }: Asks,
): Promise<Network | null> {
  if (vpcId === null) return null;
  const groups = [...new Set(interfaces.flatMap(({ securityGroupIds }) => securityGroupIds))];
  const described = await ask("the VPC", describeNetwork(vpcId, groups));
  if (described === null) return null;
  const fitted = fitNetwork(described, interfaces);
  for (const line of fitted.leftOut) leftOut(line);
  return fitted.network;
}
