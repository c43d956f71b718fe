import {
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeNetworkAclsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  EC2Client,
  type Filter,
  ModifyNetworkInterfaceAttributeCommand,
  paginateDescribeInstances,
  paginateDescribeInstanceTypes,
} from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ec2 } from "../../../local/endpoint/ec2.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import {
  healthyWorld,
  natA,
  natB,
  natGroup,
  natInterfaceA,
  patchWorld,
  privateSubnetA,
  publicAcl,
  publicSubnetA,
  vpcId,
  type World,
} from "../../../local/world.ts";
import { clientOptions } from "./clients.ts";

let world: World;
let endpoint: Endpoint;
let client: EC2Client;
beforeEach(async () => {
  world = healthyWorld();
  endpoint = await startEndpoint({ services: [ec2(world)] });
  client = new EC2Client(clientOptions(endpoint.url));
});
afterEach(() => endpoint.close());

const describe = async (...InstanceIds: string[]) => {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ InstanceIds }));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
};
const idsWith = async (...Filters: Filter[]) => {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId));
};

test("an instance comes back as it was given: nested lists, booleans, dates and markup", async () => {
  const LaunchTime = new Date("2026-01-02T03:04:05Z");
  patchWorld(world, { instances: { [natA]: { Tags: [{ Key: "name", Value: 'nat <&"' }] } } });
  world.instances[natA] = { ...world.instances[natA], LaunchTime };
  const [nat] = await describe(natA);
  expect(nat).toMatchObject({
    InstanceId: natA,
    InstanceType: "t3.micro",
    LaunchTime,
    State: { Code: 16, Name: "running" },
    Tags: [{ Key: "name", Value: 'nat <&"' }],
  });
});

test("an instance shows its interface, and of the first one its addresses, groups and check", async () => {
  const [nat] = await describe(natA);
  expect(nat).toMatchObject({
    SourceDestCheck: false,
    SubnetId: publicSubnetA,
    VpcId: vpcId,
    PrivateIpAddress: "10.60.100.10",
    PublicIpAddress: "198.51.100.10",
    SecurityGroups: [{ GroupId: natGroup }],
    NetworkInterfaces: [
      { NetworkInterfaceId: natInterfaceA, SourceDestCheck: false, Attachment: { DeviceIndex: 0 } },
    ],
  });
  expect(nat?.NetworkInterfaces?.[0]).not.toHaveProperty("TagSet");
});

test("all instances are described when none is named, in pages when these are asked for", async () => {
  const all = await idsWith();
  expect(all).toHaveLength(6);
  const paged: (string | undefined)[] = [];
  let pages = 0;
  for await (const { Reservations = [] } of paginateDescribeInstances({ client, pageSize: 5 }, {})) {
    pages += 1;
    paged.push(
      ...Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId)),
    );
  }
  expect(pages).toBe(2);
  expect(paged).toEqual(all);
});

test("instances are found by a private address, a tag, a VPC and wildcards, all of them at once", async () => {
  const address = "network-interface.addresses.private-ip-address";
  expect(await idsWith({ Name: address, Values: ["10.60.0.12", "10.60.0.99"] })).toEqual([
    "i-0c11e0000000000a2",
  ]);
  expect(await idsWith({ Name: "tag:nat-medic:enabled", Values: ["true"] })).toEqual([natA, natB]);
  expect(await idsWith({ Name: "private-ip-address", Values: ["10.60.0.1?"] })).toHaveLength(4);
  expect(
    await idsWith(
      { Name: "vpc-id", Values: ["vpc-*"] },
      { Name: "tag-key", Values: ["nat-medic:*"] },
      { Name: "subnet-id", Values: [publicSubnetA] },
    ),
  ).toEqual([natA]);
  expect(await idsWith({ Name: "vpc-id", Values: ["vpc-.*"] })).toEqual([]);
});

test("one instance that does not exist is named", async () => {
  await expect(describe("i-0123456789abcdef1")).rejects.toMatchObject({
    name: "InvalidInstanceID.NotFound",
    message: "The instance ID 'i-0123456789abcdef1' does not exist",
    $metadata: { httpStatusCode: 400 },
  });
});

test("several instances that do not exist are all named", async () => {
  await expect(describe(natA, "i-00000001", "i-00000002")).rejects.toThrow(
    "The instance IDs 'i-00000001, i-00000002' do not exist",
  );
});

test.each(["i-0", "i-0; rm -rf /", "i-0123456789ABCDEF0", "i-0123456789abcdef01", "vol-01234567"])(
  "%s is no instance ID",
  async (id) => {
    await expect(describe(id)).rejects.toMatchObject({
      name: "InvalidInstanceID.Malformed",
      message: `Invalid id: "${id}"`,
    });
  },
);

test("a filter that is not evaluated is refused by name rather than ignored", async () => {
  await expect(idsWith({ Name: "architecture", Values: ["arm64"] })).rejects.toThrow(
    "NotImplementedLocally: EC2.DescribeInstances: filter architecture",
  );
  await expect(
    client.send(new DescribeVpcsCommand({ Filters: [{ Name: "constructor", Values: ["x"] }] })),
  ).rejects.toThrow("filter constructor");
});

test("pages smaller than EC2 gives, and pages of named instances, are refused", async () => {
  await expect(client.send(new DescribeSubnetsCommand({ MaxResults: 4 }))).rejects.toMatchObject({
    name: "InvalidParameterValue",
  });
  await expect(
    client.send(new DescribeInstancesCommand({ InstanceIds: [natA], MaxResults: 5 })),
  ).rejects.toMatchObject({ name: "InvalidParameterCombination" });
});

test("the status of an instance that does not run is shown to whoever asks for all", async () => {
  patchWorld(world, { instanceStatuses: { [natB]: { InstanceState: { Code: 80, Name: "stopped" } } } });
  const statuses = async (IncludeAllInstances: boolean) => {
    const { InstanceStatuses = [] } = await client.send(
      new DescribeInstanceStatusCommand({ InstanceIds: [natA, natB], IncludeAllInstances }),
    );
    return InstanceStatuses.map(({ InstanceId }) => InstanceId);
  };
  expect(await statuses(false)).toEqual([natA]);
  expect(await statuses(true)).toEqual([natA, natB]);
});

test("the network is described with entries, associations and rules as the API has them", async () => {
  const { NetworkAcls } = await client.send(
    new DescribeNetworkAclsCommand({
      Filters: [{ Name: "association.subnet-id", Values: [publicSubnetA] }],
    }),
  );
  expect(NetworkAcls).toMatchObject([
    {
      NetworkAclId: publicAcl,
      Associations: [{ SubnetId: publicSubnetA }, {}],
      Entries: [
        { RuleNumber: 100, Egress: true, Protocol: "-1", RuleAction: "allow", CidrBlock: "0.0.0.0/0" },
        { RuleNumber: 32_767, RuleAction: "deny" },
        {},
        {},
      ],
    },
  ]);
  const { SecurityGroupRules } = await client.send(
    new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "group-id", Values: [natGroup] }] }),
  );
  expect(SecurityGroupRules).toMatchObject([
    { IsEgress: false, IpProtocol: "-1", FromPort: -1, ToPort: -1, CidrIpv4: "10.60.0.0/16" },
    { IsEgress: true, CidrIpv4: "0.0.0.0/0" },
  ]);
});

test("instance types come at most 100 a page, and one that does not exist is an error", async () => {
  for (let n = 0; n < 100; n += 1) world.instanceTypes[`fake.${n}`] = { CurrentGeneration: true };
  const sizes: number[] = [];
  for await (const { InstanceTypes = [] } of paginateDescribeInstanceTypes({ client }, {})) {
    sizes.push(InstanceTypes.length);
  }
  expect(sizes).toEqual([100, Object.keys(world.instanceTypes).length - 100]);
  const unknown = new DescribeInstanceTypesCommand({ InstanceTypes: ["t3.none" as "t3.nano"] });
  await expect(client.send(unknown)).rejects.toMatchObject({ name: "InvalidInstanceType" });
});

test("an interface's timeouts and check are changed, which every description shows", async () => {
  const modify = (given: object) =>
    client.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: natInterfaceA, ...given }));
  await modify({ ConnectionTrackingSpecification: { TcpEstablishedTimeout: 7440 } });
  await modify({ ConnectionTrackingSpecification: { UdpTimeout: 60 } });
  await modify({ SourceDestCheck: { Value: true } });
  const { NetworkInterfaces } = await client.send(
    new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [natInterfaceA] }),
  );
  const changed = {
    SourceDestCheck: true,
    ConnectionTrackingConfiguration: { TcpEstablishedTimeout: 7440, UdpTimeout: 60 },
  };
  expect(NetworkInterfaces).toMatchObject([changed]);
  const [nat] = await describe(natA);
  expect(nat).toMatchObject({ SourceDestCheck: true, NetworkInterfaces: [changed] });
  await expect(
    modify({ ConnectionTrackingSpecification: { TcpEstablishedTimeout: 59 } }),
  ).rejects.toMatchObject({ name: "InvalidParameterValue" });
  await expect(modify({ Description: { Value: "x" } })).rejects.toThrow("NotImplementedLocally");
  const unknown = modify({ NetworkInterfaceId: "eni-00000000000000001" });
  await expect(unknown).rejects.toMatchObject({ name: "InvalidNetworkInterfaceID.NotFound" });
});

test("a subnet that a scenario deletes is gone", async () => {
  patchWorld(world, { subnets: { [privateSubnetA]: null } });
  const { Subnets = [] } = await client.send(new DescribeSubnetsCommand({}));
  expect(Subnets.map(({ SubnetId }) => SubnetId)).not.toContain(privateSubnetA);
  expect(Subnets).toHaveLength(5);
});
