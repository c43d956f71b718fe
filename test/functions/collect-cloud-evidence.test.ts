/** The handler against the embedded AWS: everything is asked, and what fails spoils nothing else. */
import { CloudWatchClient, DeleteAlarmsCommand, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import { expect, test } from "vitest";
import { fleetAlarms, queryOf } from "../../core/alarms/fleet.ts";
import { CloudEvidence } from "../../core/evidence/cloud.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import {
  dataSubnetA,
  natA,
  natGroup,
  natInterfaceA,
  patchWorld,
  privateRoutesA,
  publicRoutes,
  vpcId,
} from "../../local/world.ts";
import { aroundUs } from "../aws/around.ts";

const around = aroundUs();
process.env.NAT_MEDIC_ALARM_PREFIX = "nat-medic-";
const incident = {
  id: "inc-20261120-collect",
  instanceId: natA,
  mode: "propose",
  modeReason: "the stack's mode",
  trigger: { kind: "manual", at: "2026-11-20T03:12:44Z" },
  openedAt: "2026-11-20T03:12:44Z",
  automaticChangesLeft: 3,
};
const collect = async (given: object = {}): Promise<CloudEvidence> => {
  const { handler } = await import("../../functions/collect-cloud-evidence/handler.ts");
  const context = { functionName: "collect-cloud-evidence", awsRequestId: "1" };
  return CloudEvidence.parse(
    await handler({ incident: { ...incident, ...given } } as never, context as never),
  );
};
const denied = (...operations: string[]) => {
  around.fault = (_, operation) =>
    operations.includes(operation)
      ? new AwsError("UnauthorizedOperation", "You are not authorized.", { status: 403 })
      : undefined;
};

test("a healthy world is read whole", async () => {
  const cloud = await collect();
  expect(cloud).toMatchObject({
    asked: true,
    instance: { type: "t3.micro", interfaces: [{ id: natInterfaceA, enrolled: true }] },
    statusChecks: { system: "ok", instance: "ok" },
    agent: { ping: "ConnectionLost" },
    type: { name: "t3.micro", baselineGbps: 0.064 },
    network: { vpcId, securityGroupRules: [{ groupId: natGroup }, { egress: true }] },
    metric: { name: "NatMedic/ConntrackUtilization", points: [] },
    utilizationAlarms: ["nat-a-conntrack-utilization"],
    unread: [],
  });
  expect(cloud.network?.subnets).toHaveLength(6);
  expect(cloud.largerTypes[0]?.name).toBe("t3.small");
  expect(Object.keys(cloud.metrics)).toHaveLength(8);
});

test("the alarm's own metric is read beside the watched ones", async () => {
  const dimensions = { InstanceId: natA, interface: "ens5" };
  around.series.push({
    namespace: "CWAgent",
    metricName: "ethtool_pps_allowance_exceeded",
    dimensions,
    points: [{ at: new Date(Date.now() - 90_000), value: 12 }],
  });
  const metric = { namespace: "CWAgent", name: "ethtool_pps_allowance_exceeded", dimensions };
  const trigger = { kind: "alarm", alarmName: "a", metric, reason: "r", at: "2026-11-20T03:12:44Z" };
  const cloud = await collect({ trigger });
  expect(cloud.metric).toMatchObject({
    name: "CWAgent/ethtool_pps_allowance_exceeded",
    points: [{ value: 12 }],
  });
});

test.each([
  ["DescribeInstanceStatus", "statusChecks", "DescribeInstanceStatus: UnauthorizedOperation"],
  ["DescribeInstanceInformation", "agent", "DescribeInstanceInformation: UnauthorizedOperation"],
  ["DescribeInstanceTypes", "type", "DescribeInstanceTypes: UnauthorizedOperation"],
  ["DescribeSubnets", "network", "the VPC: DescribeSubnets: UnauthorizedOperation"],
  ["DescribeSecurityGroupRules", "network", "the VPC: DescribeSecurityGroupRules: UnauthorizedOperation"],
  ["DescribeAlarmsForMetric", "utilizationAlarms", "DescribeAlarmsForMetric: UnauthorizedOperation"],
] as const)("without %s there is no %s, and all the rest", async (operation, field, line) => {
  const whole = await collect();
  denied(operation);
  const cloud = await collect();
  expect(cloud[field]).toBeNull();
  expect(cloud.unread).toEqual([line]);
  const types = operation === "DescribeInstanceTypes" ? { largerTypes: [] } : {};
  expect(cloud).toEqual({ ...whole, [field]: null, unread: [line], ...types });
});

test("how long an instance has been silent is asked when its alarm of silence went off", async () => {
  const dimensions = { InstanceId: natA };
  around.series.push({
    namespace: "NatMedic",
    metricName: "ConntrackUtilization",
    dimensions,
    points: [{ at: new Date(Date.now() - 600_000), value: 12 }],
  });
  const metric = { namespace: "NatMedic", name: "ConntrackUtilization", dimensions };
  const trigger = (alarmName: string) => ({
    trigger: { kind: "alarm", alarmName, metric, reason: "r", at: "2026-11-20T03:12:44Z" },
  });
  const { silentSeconds } = await collect(trigger(`nat-medic-silent-${natA}`));
  // A minute begins before what was measured in it.
  expect(silentSeconds).toBeGreaterThanOrEqual(600);
  expect(silentSeconds).toBeLessThan(675);
  expect((await collect(trigger("nat-medic-fleet-drops"))).silentSeconds).toBeNull();
});

test("an alarm on the table's utilisation is proof that one is there: AWS is not asked for others", async () => {
  denied("DescribeAlarmsForMetric", "DescribeAlarms");
  const metric = { namespace: "NatMedic", name: "ConntrackUtilization", dimensions: { InstanceId: natA } };
  const rang = (alarmName: string) => ({
    trigger: { kind: "alarm", alarmName, metric, reason: "r", at: "2026-11-20T03:12:44Z" },
  });
  expect(await collect(rang("theirs"))).toMatchObject({ utilizationAlarms: ["theirs"], unread: [] });
  // An alarm of silence does not look at what the metric says.
  expect((await collect(rang(`nat-medic-silent-${natA}`))).utilizationAlarms).toBeNull();
});

test("the fleet's alarm on a filling table counts as one on this instance", async () => {
  const [filling] = fleetAlarms;
  if (filling === undefined) throw new Error("no such alarm");
  const name = `nat-medic-fleet-${filling.what}`;
  const client = new CloudWatchClient({});
  await client.send(
    new PutMetricAlarmCommand({
      AlarmName: name,
      Metrics: [{ Id: "q1", Expression: queryOf(filling), Period: 60 }],
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      Threshold: 80,
      EvaluationPeriods: 5,
      DatapointsToAlarm: 2,
    }),
  );
  expect((await collect()).utilizationAlarms).toEqual(["nat-a-conntrack-utilization", name]);
  await client.send(new DeleteAlarmsCommand({ AlarmNames: [name] }));
});

test("without tags of interfaces none counts as ours", async () => {
  denied("DescribeNetworkInterfaces");
  const cloud = await collect();
  expect(cloud.instance?.interfaces[0]?.enrolled).toBe(false);
  expect(cloud.unread).toEqual(["DescribeNetworkInterfaces: UnauthorizedOperation"]);
});

test("without metrics there is none, named twice since it was asked twice", async () => {
  denied("GetMetricData");
  const cloud = await collect();
  expect(cloud).toMatchObject({ metric: null, metrics: {} });
  expect(cloud.unread).toEqual([
    "GetMetricData of the alarm: UnauthorizedOperation",
    "GetMetricData: UnauthorizedOperation",
  ]);
});

test("where the instance itself cannot be read, what hangs on it is not asked", async () => {
  denied("DescribeInstances");
  const cloud = await collect();
  expect(cloud).toMatchObject({ instance: null, type: null, network: null, statusChecks: { system: "ok" } });
  expect(cloud.unread).toEqual(["DescribeInstances: UnauthorizedOperation"]);
  expect(around.requests().map(({ operation }) => operation)).not.toContain("DescribeSubnets");
});

test("a VPC of 100 subnets, 100 route tables and 20 ACLs of 40 rules stays far below what a state carries", async () => {
  fillVpc({ subnets: 100, acls: 20, routesPerTable: 50 });
  for (const { stat: _, ...metric } of (await import("../../core/evidence/cloud.ts")).watchedMetrics) {
    const points = Array.from({ length: 180 }, (_, n) => ({
      at: new Date(Date.now() - n * 60_000),
      value: 1_234_567_890 + n,
    }));
    around.series.push({
      namespace: metric.namespace,
      metricName: metric.name,
      dimensions: { InstanceId: natA },
      points,
    });
  }
  const cloud = await collect();
  expect(cloud.network?.acls.flatMap(({ entries }) => entries).length).toBeGreaterThan(500);
  expect(Object.values(cloud.metrics)[0]?.points.length).toBeGreaterThan(175);
  expect(JSON.stringify(cloud).length).toBeLessThan(175_000);
  expect(cloud.network?.subnets.slice(0, 2).map(({ routeTableId }) => routeTableId)).toEqual([
    publicRoutes,
    privateRoutesA,
  ]);
  expect(cloud.unread).toEqual([expect.stringMatching(/^the VPC: \d+ of 106 subnets were left out$/)]);
});

function fillVpc({
  subnets,
  acls,
  routesPerTable,
}: {
  subnets: number;
  acls: number;
  routesPerTable: number;
}) {
  const id = (prefix: string, n: number) => `${prefix}-${String(n).padStart(17, "0")}`;
  for (let n = 0; n < subnets; n += 1) {
    around.world.subnets[id("subnet", n)] = {
      SubnetId: id("subnet", n),
      VpcId: vpcId,
      CidrBlock: `10.60.${n + 100}.0/24`,
      AvailabilityZone: "eu-central-1a",
    };
    around.world.routeTables[id("rtb", n)] = {
      RouteTableId: id("rtb", n),
      VpcId: vpcId,
      Associations: [{ SubnetId: id("subnet", n) }],
      Routes: [
        { DestinationCidrBlock: "10.60.0.0/16", GatewayId: "local", State: "active" },
        { DestinationCidrBlock: "0.0.0.0/0", NatGatewayId: "nat-00000000000000001", State: "active" },
        ...Array.from({ length: routesPerTable - 2 }, (_, m) => ({
          DestinationCidrBlock: `172.16.${m}.0/24`,
          TransitGatewayId: "tgw-00000000000000001",
          State: "active" as const,
        })),
      ],
    };
  }
  for (let n = 0; n < acls; n += 1) {
    around.world.networkAcls[id("acl", n)] = {
      NetworkAclId: id("acl", n),
      VpcId: vpcId,
      Associations: Array.from({ length: subnets / acls }, (_, m) => ({
        SubnetId: id("subnet", (n * subnets) / acls + m),
      })),
      Entries: Array.from({ length: 40 }, (_, m) => ({
        RuleNumber: 100 + m,
        Egress: m % 2 === 0,
        Protocol: "6",
        RuleAction: "allow" as const,
        CidrBlock: `10.60.${m}.0/24`,
        PortRange: { From: 1024, To: 65_535 },
      })),
    };
  }
  patchWorld(around.world, {
    networkAcls: { "acl-0a1b2c3d4e5f60008": { Associations: [{ SubnetId: dataSubnetA }] } },
  });
}
