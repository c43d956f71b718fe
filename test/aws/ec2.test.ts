import { expect, test } from "vitest";
import {
  describeInstance,
  enrolledInterfaces,
  instancesWithAddresses,
  statusChecksOf,
} from "../../aws/ec2.ts";
import { pingStatus } from "../../aws/ssm.ts";
import { natA, natGroup, natInterfaceA, patchWorld, publicSubnetA, vpcId } from "../../local/world.ts";
import { aroundUs } from "./around.ts";

const around = aroundUs();
const secondInterface = "eni-0a1b2c3d4e5f67899";
const withSecondInterface = () =>
  patchWorld(around.world, {
    networkInterfaces: {
      [secondInterface]: {
        NetworkInterfaceId: secondInterface,
        SubnetId: publicSubnetA,
        VpcId: vpcId,
        SourceDestCheck: true,
        PrivateIpAddress: "10.60.100.20",
        PrivateIpAddresses: [
          { PrivateIpAddress: "10.60.100.21", Primary: false, Association: { PublicIp: "198.51.100.21" } },
          { PrivateIpAddress: "10.60.100.20", Primary: true },
        ],
        Attachment: { InstanceId: natA, DeviceIndex: 1 },
        Groups: [],
        ConnectionTrackingConfiguration: { TcpEstablishedTimeout: 350 },
      },
    },
  });

test("an instance is known with its place, its addresses and its group of instances", async () => {
  patchWorld(around.world, {
    instances: { [natA]: { Tags: [{ Key: "aws:autoscaling:groupName", Value: "nat-a" }] } },
  });
  expect(await describeInstance(natA)).toEqual({
    type: "t3.micro",
    state: "running",
    sourceDestCheck: false,
    vpcId,
    subnetId: publicSubnetA,
    availabilityZone: "eu-central-1a",
    privateAddress: "10.60.100.10",
    publicAddress: "198.51.100.10",
    autoScalingGroup: "nat-a",
    interfaces: [
      {
        id: natInterfaceA,
        deviceIndex: 0,
        subnetId: publicSubnetA,
        privateAddresses: ["10.60.100.10"],
        publicAddress: "198.51.100.10",
        sourceDestCheck: false,
        securityGroupIds: [natGroup],
        trackingTimeouts: null,
        enrolled: false,
      },
    ],
  });
});

test("a second interface has its own addresses, check and timeouts; a secondary address is not its public one", async () => {
  withSecondInterface();
  const instance = await describeInstance(natA);
  expect(instance?.sourceDestCheck).toBe(false);
  expect(instance?.interfaces.map(({ deviceIndex }) => deviceIndex)).toEqual([0, 1]);
  expect(instance?.interfaces[1]).toMatchObject({
    id: secondInterface,
    privateAddresses: ["10.60.100.20", "10.60.100.21"],
    publicAddress: null,
    sourceDestCheck: true,
    trackingTimeouts: { tcpEstablished: 350, udpStream: null, udp: null },
  });
});

test("timeouts that are described but not set are none", async () => {
  patchWorld(around.world, {
    networkInterfaces: { [natInterfaceA]: { ConnectionTrackingConfiguration: {} } },
  });
  expect((await describeInstance(natA))?.interfaces[0]?.trackingTimeouts).toBeNull();
});

test("only interfaces that carry the tag themselves are enrolled", async () => {
  withSecondInterface();
  expect(await enrolledInterfaces(natA)).toEqual([natInterfaceA]);
  patchWorld(around.world, {
    networkInterfaces: { [natInterfaceA]: { TagSet: [{ Key: "nat-medic:enabled", Value: "yes" }] } },
  });
  expect(await enrolledInterfaces(natA)).toEqual([]);
});

test("an instance that EC2 does not know is nothing, not an error", async () => {
  expect(await describeInstance("i-00000000000000001")).toBeNull();
});

test("a stopped instance still has status checks", async () => {
  patchWorld(around.world, {
    instanceStatuses: {
      [natA]: {
        InstanceState: { Code: 80, Name: "stopped" },
        SystemStatus: { Status: "not-applicable" },
        InstanceStatus: { Status: "not-applicable" },
      },
    },
  });
  expect(await statusChecksOf(natA)).toEqual({ system: "not-applicable", instance: "not-applicable" });
});

test("an agent is as Systems Manager says, and one it does not know is unregistered", async () => {
  expect(await pingStatus(natA)).toBe("ConnectionLost");
  expect(await pingStatus("i-00000000000000001")).toBe("unregistered");
});

test("running instances are found by any of their private addresses, in one VPC or in all", async () => {
  withSecondInterface();
  patchWorld(around.world, {
    instances: {
      "i-0c11e0000000000a2": { Platform: "windows" },
      "i-0c11e0000000000a3": { State: { Code: 80, Name: "stopped" } },
    },
  });
  const addresses = ["10.60.0.12", "10.60.0.13", "10.60.100.21", "10.60.0.77"];
  const found = [
    { address: "10.60.0.12", instanceId: "i-0c11e0000000000a2", platform: "windows" },
    { address: "10.60.100.21", instanceId: natA, platform: "linux" },
  ];
  expect(await instancesWithAddresses(addresses, vpcId)).toEqual(found);
  expect(await instancesWithAddresses(addresses, null)).toEqual(found);
  expect(await instancesWithAddresses(addresses, "vpc-00000000000000001")).toEqual([]);
});

test("no addresses are no question: EC2 would answer with everything", async () => {
  expect(await instancesWithAddresses([], vpcId)).toEqual([]);
  expect(around.requests()).toEqual([]);
});
