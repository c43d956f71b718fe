/** The world of scenarios: coherent when it is healthy, and patched as the scenario says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { root } from "../../build/layout.ts";
import { readScenario, Scenario, scenarioIds } from "../../local/scenario.ts";
import { seriesOf } from "../../local/stage.ts";
import {
  healthyWorld,
  natA,
  natInterfaceA,
  patchWorld,
  privateAcl,
  privateRoutesA,
  stagingOf,
  worldOf,
} from "../../local/world.ts";

const scenarioWith = (given: object) => ({
  ...z.parse(Scenario, {
    title: "t",
    description: "d",
    mode: "propose",
    expect: { outcome: "healthy", leading: null, contributing: [], fixes: [] },
    host: { memoryMiB: 1024 },
    ...given,
  }),
  id: "made-up",
  folder: "/nowhere",
});

/** Which field of each kind has the ID that it is kept by. */
const idFields = {
  vpcs: "VpcId",
  subnets: "SubnetId",
  networkAcls: "NetworkAclId",
  routeTables: "RouteTableId",
  securityGroupRules: "SecurityGroupRuleId",
  networkInterfaces: "NetworkInterfaceId",
  instances: "InstanceId",
  instanceStatuses: "InstanceId",
  instanceTypes: "InstanceType",
  vpcEndpoints: "VpcEndpointId",
  alarms: "AlarmName",
} as const;
type Kind = keyof typeof idFields;

describe("the healthy world", () => {
  const world = healthyWorld();

  test("names each thing by the ID that it has", () => {
    for (const kind of Object.keys(idFields) as Kind[]) {
      for (const [id, thing] of Object.entries(world[kind])) {
        expect((thing as Record<string, unknown>)[idFields[kind]], kind).toBe(id);
      }
    }
  });

  test("refers only to things that are there", () => {
    const interfaces = Object.values(world.networkInterfaces);
    for (const { SubnetId = "", Attachment } of interfaces) {
      expect(world.subnets).toHaveProperty(SubnetId);
      expect(world.instances).toHaveProperty(Attachment?.InstanceId ?? "");
    }
    for (const { Associations = [], Routes = [] } of Object.values(world.routeTables)) {
      for (const { SubnetId } of Associations) {
        if (SubnetId !== undefined) expect(world.subnets).toHaveProperty(SubnetId);
      }
      for (const { NetworkInterfaceId } of Routes) {
        if (NetworkInterfaceId !== undefined)
          expect(world.networkInterfaces).toHaveProperty(NetworkInterfaceId);
      }
    }
    for (const { InstanceType = "" } of Object.values(world.instances)) {
      expect(world.instanceTypes).toHaveProperty([InstanceType]);
    }
  });

  test("gives every subnet exactly one network ACL", () => {
    const associated = Object.values(world.networkAcls).flatMap(({ Associations = [] }) =>
      Associations.map(({ SubnetId }) => SubnetId),
    );
    expect(associated.toSorted()).toEqual(Object.keys(world.subnets).toSorted());
  });

  test("is a new one each time", () => {
    patchWorld(world, { networkInterfaces: { [natInterfaceA]: { SourceDestCheck: true } } });
    expect(healthyWorld().networkInterfaces[natInterfaceA]?.SourceDestCheck).toBe(false);
  });
});

describe("a scenario's world", () => {
  test("merges what it says by ID, replaces lists, and deletes what is null", () => {
    const world = worldOf(
      scenarioWith({
        world: {
          networkInterfaces: { [natInterfaceA]: { SourceDestCheck: true } },
          networkAcls: { [privateAcl]: { Entries: [] } },
          routeTables: { [privateRoutesA]: null },
          vpcEndpoints: { "vpce-1": { ServiceName: "com.amazonaws.eu-central-1.s3" } },
        },
      }),
    );
    expect(world.networkInterfaces[natInterfaceA]).toMatchObject({
      SourceDestCheck: true,
      PrivateIpAddress: "10.60.100.10",
    });
    expect(world.networkAcls[privateAcl]?.Entries).toEqual([]);
    expect(world.networkAcls[privateAcl]?.Associations).toHaveLength(2);
    expect(world.routeTables).not.toHaveProperty(privateRoutesA);
    expect(world.vpcEndpoints).toEqual({ "vpce-1": { ServiceName: "com.amazonaws.eu-central-1.s3" } });
  });

  test("refuses a kind of resource that there is not, since nothing would read it", () => {
    expect(() => worldOf(scenarioWith({ world: { networkAcl: {} } }))).toThrow(
      "the world has no networkAcl; it has vpcs, subnets,",
    );
  });

  test("has an instance type with the guest's memory, unless the scenario names one", () => {
    const typeFor = (memoryMiB: number, world = {}) =>
      worldOf(scenarioWith({ host: { memoryMiB }, world })).instances[natA]?.InstanceType;
    expect([512, 1024, 2048, 4096].map((memoryMiB) => typeFor(memoryMiB))).toEqual([
      "t3.nano",
      "t3.micro",
      "t3.small",
      "t3.medium",
    ]);
    expect(typeFor(1024, { instances: { [natA]: { InstanceType: "c8gn.medium" } } })).toBe("c8gn.medium");
  });

  test("has an agent where one answers, and a lost one where none does", () => {
    const silent = { memoryMiB: 1024, reachable: false, clients: { client1: "i-0c11e0000000000a1" } };
    expect(worldOf(scenarioWith({ host: silent })).agents).toMatchObject({
      [natA]: { PingStatus: "ConnectionLost" },
      "i-0c11e0000000000a1": { PingStatus: "Online" },
    });
    const { agents } = worldOf(scenarioWith({}));
    expect(agents[natA]).toEqual({ PingStatus: "Online", PlatformType: "Linux" });
    expect(agents).not.toHaveProperty("i-0c11e0000000000a1");
  });

  test("is the variant's own, with nothing of the scenario's", () => {
    const scenario = scenarioWith({
      world: { networkInterfaces: { [natInterfaceA]: { SourceDestCheck: true } } },
      environment: { COUNT: "10" },
      variants: { alike: { title: "alike", environment: { COUNT: "5" } } },
    });
    expect(worldOf(scenario, "alike").networkInterfaces[natInterfaceA]?.SourceDestCheck).toBe(false);
    expect(stagingOf(scenario, "alike").environment).toEqual({ COUNT: "5" });
    expect(() => worldOf(scenario, "none")).toThrow("made-up has no variant none");
  });

  test("has the NAT instance and the alarm of the events", () => {
    const event = readFileSync(join(root, "events", "alarm-conntrack-utilization.json"), "utf8");
    const world = worldOf(readScenario("healthy"));
    expect(event).toContain(natA);
    expect(Object.keys(world.alarms).some((name) => event.includes(`"${name}"`))).toBe(true);
  });
});

test.each(scenarioIds)("what %s says of AWS is about things that are there, or adds them whole", (id) => {
  const scenario = readScenario(id);
  for (const variant of [undefined, ...Object.keys(scenario.variants)]) {
    const before = healthyWorld();
    const after = worldOf(scenario, variant);
    for (const kind of Object.keys(idFields) as Kind[]) {
      for (const [key, thing] of Object.entries(after[kind])) {
        // A mistyped ID would add a thing of which nothing is said but what was meant for another.
        const idField = (thing as Record<string, unknown>)[idFields[kind]];
        if (!(key in before[kind])) expect(idField, `${variant} ${kind} ${key}`).toBe(key);
      }
    }
  }
});

test("a scenario's metrics end now, a minute apart, and are the NAT instance's unless it says whose", () => {
  const metrics = [
    { namespace: "AWS/EC2", name: "CPUCreditBalance", values: [3, 2, 0] },
    { namespace: "CWAgent", name: "x", dimensions: { interface: "ens5" }, values: [] },
  ];
  const before = Date.now();
  const [credits, other] = seriesOf(scenarioWith({ metrics }));
  expect(credits).toMatchObject({ metricName: "CPUCreditBalance", dimensions: { InstanceId: natA } });
  expect(credits?.points.map(({ value }) => value)).toEqual([3, 2, 0]);
  const ages = credits?.points.map(({ at }) => Math.round((before - at.getTime()) / 1000));
  expect(ages).toEqual([121, 61, 1]);
  expect(other).toMatchObject({ dimensions: { interface: "ens5" }, points: [] });
});
