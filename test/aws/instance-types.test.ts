/** The figures are EC2's own: see `local/world/instance-types.ts`. */
import { expect, test } from "vitest";
import { describeType, largerTypes } from "../../aws/instance-types.ts";
import type { InstanceType } from "../../core/evidence/cloud.ts";
import { patchWorld } from "../../local/world.ts";
import { aroundUs } from "./around.ts";

const around = aroundUs();
const typeOf = async (name: string): Promise<InstanceType> => {
  const type = await describeType(name);
  if (type === null) throw new Error(`no ${name}`);
  return type;
};
const largerThan = async (name: string) => largerTypes(await typeOf(name));
const namesOf = (types: InstanceType[]) => types.map(({ name }) => name);

test("a type is known with what limits a NAT instance", async () => {
  expect(await describeType("t3.micro")).toEqual({
    name: "t3.micro",
    architecture: "x86_64",
    currentGeneration: true,
    burstable: true,
    vCpus: 2,
    memoryMiB: 1024,
    baselineGbps: 0.064,
    peakGbps: 5,
    maximumInterfaces: 2,
    hypervisor: "nitro",
    defaultTcpEstablished: 432_000,
  });
  expect(await describeType("c8gn.medium")).toMatchObject({
    architecture: "arm64",
    defaultTcpEstablished: 350,
  });
});

test("a type that EC2 does not know is nothing, not an error", async () => {
  expect(await describeType("t9.none")).toBeNull();
});

test("a type of which EC2 says little is known as far as it goes", async () => {
  patchWorld(around.world, {
    instanceTypes: { "x9.odd": { InstanceType: "x9.odd", VCpuInfo: { DefaultVCpus: 2 } } },
  });
  expect(await describeType("x9.odd")).toMatchObject({
    baselineGbps: null,
    peakGbps: null,
    architecture: "unknown",
    hypervisor: "",
    defaultTcpEstablished: null,
  });
});

test("a t3.micro grows through its family, and to whatever has more bandwidth than all that is smaller", async () => {
  const larger = await largerThan("t3.micro");
  expect(namesOf(larger)).toEqual([
    "t3.small",
    "t3.medium",
    "c7i-flex.large",
    "c6i.large",
    "c8i.large",
    "c6in.large",
    "t3.large",
    "c6in.xlarge",
    "t3.xlarge",
    "c6in.2xlarge",
    "t3.2xlarge",
  ]);
});

test.each(["t3.nano", "t3.large", "t4g.nano", "c6gn.medium", "m5.large", "c7gn.xlarge"])(
  "what is larger than %s is of the same architecture and current, in nothing smaller, and never itself",
  async (name) => {
    const present = await typeOf(name);
    const larger = await largerTypes(present);
    expect(larger.length).toBeGreaterThan(0);
    expect(larger.length).toBeLessThanOrEqual(12);
    for (const type of larger) {
      expect(type.name).not.toBe(name);
      expect(type).toMatchObject({
        architecture: present.architecture,
        currentGeneration: true,
        hypervisor: "nitro",
      });
      expect(type.vCpus).toBeGreaterThanOrEqual(present.vCpus);
      expect(type.memoryMiB).toBeGreaterThanOrEqual(present.memoryMiB);
      expect(type.baselineGbps ?? 0).toBeGreaterThanOrEqual(present.baselineGbps ?? 0);
      expect(type.maximumInterfaces).toBeGreaterThanOrEqual(present.maximumInterfaces);
    }
  },
);

test("an old type grows into the current generation", async () => {
  expect(namesOf(await largerThan("c6gn.medium"))[0]).toBe("c7gn.medium");
  const former = namesOf(await largerThan("m5.large"));
  expect(former.filter((name) => /^(m5|m6i|c6gn)\./.test(name))).toEqual([]);
});

test("types with disks or accelerators, and bare metal, are no NAT instances", async () => {
  const wide = {
    ...around.world.instanceTypes["c6in.large"],
    NetworkInfo: { NetworkCards: [{ BaselineBandwidthInGbps: 99 }], MaximumNetworkInterfaces: 9 },
  };
  patchWorld(around.world, {
    instanceTypes: {
      "c6in.large": null,
      "x1.disk": { ...wide, InstanceType: "x1.disk", InstanceStorageSupported: true },
      "x1.metal": { ...wide, InstanceType: "x1.metal", BareMetal: true },
      "x1.inf": {
        ...wide,
        InstanceType: "x1.inf",
        InferenceAcceleratorInfo: { Accelerators: [{ Count: 1 }] },
      },
      "x1.wide": { ...wide, InstanceType: "x1.wide" },
    },
  });
  expect(namesOf(await largerThan("t3.micro")).filter((name) => name.startsWith("x1."))).toEqual(["x1.wide"]);
});

test("two questions are enough, since EC2 filters", async () => {
  await largerThan("t3.micro");
  const asked = around.requests().filter(({ operation }) => operation === "DescribeInstanceTypes");
  expect(asked).toHaveLength(2);
});
