/** change-instance-type, untrack-security-group-rules and add-vpc-endpoint: what is proposed against a limit of EC2. */
import { describe, expect, test } from "vitest";
import type { InstanceType } from "../../../core/evidence/cloud.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { addVpcEndpoint } from "../../../core/fixes/add-vpc-endpoint.ts";
import { changeInstanceType } from "../../../core/fixes/change-instance-type.ts";
import { untrackSecurityGroupRules } from "../../../core/fixes/untrack-security-group-rules.ts";
import { figures, shortages, typeWithout } from "../../../core/instance-type.ts";
import { captured, cloudOf, evidenceOf } from "../captured.ts";

const healthy = captured("healthy");
const exceeding = (...allowances: string[]): HostEvidence => ({
  ...healthy,
  counters: {
    ...healthy.counters,
    ...Object.fromEntries(
      allowances.map((name) => [`ens5.${name}_allowance_exceeded`, [900, 300] as [number, number]]),
    ),
  },
});
/** Figures of DescribeInstanceTypes. */
const t3 = (size: string, memoryMiB: number, baselineGbps: number, vCpus = 2): InstanceType => ({
  name: `t3.${size}`,
  architecture: "x86_64",
  currentGeneration: true,
  burstable: true,
  vCpus,
  memoryMiB,
  baselineGbps,
  peakGbps: 5,
  maximumInterfaces: 2,
  hypervisor: "nitro",
  defaultTcpEstablished: 432_000,
});
const micro = t3("micro", 1024, 0.064);
const c8i: InstanceType = {
  ...t3("", 4096, 0.937),
  name: "c8i.large",
  burstable: false,
  peakGbps: 12.5,
  defaultTcpEstablished: 350,
};
const larger = [t3("small", 2048, 0.128), t3("medium", 4096, 0.256), c8i, t3("large", 8192, 0.512)];
const card = {
  id: "eni-0a1b2c3d4e5f67890",
  deviceIndex: 0,
  subnetId: "subnet-1",
  privateAddresses: ["10.60.100.10"],
  publicAddress: "198.51.100.10",
  sourceDestCheck: false,
  securityGroupIds: ["sg-0a1b2c3d4e5f67890"],
  trackingTimeouts: null,
  enrolled: true,
};
const instance = {
  type: "t3.micro",
  state: "running",
  sourceDestCheck: false,
  availabilityZone: "eu-central-1a",
  interfaces: [card],
};
const rule = { groupId: "sg-0a1b2c3d4e5f67890", protocol: null, ports: null, peer: null };
const network = {
  vpcId: "vpc-0a1b2c3d4e5f60001",
  cidrs: ["10.60.0.0/16"],
  subnets: [],
  acls: [],
  routeTables: [
    {
      id: "rtb-0a1b2c3d4e5f60000",
      routes: [
        {
          destination: "0.0.0.0/0",
          target: "network-interface",
          targetId: card.id,
          instanceId: null,
          blackhole: false,
        },
      ],
    },
  ],
  securityGroupRules: [
    { ...rule, egress: false, cidr: "10.60.0.0/16" },
    { ...rule, egress: true, cidr: "0.0.0.0/0" },
  ],
  gatewayEndpoints: [],
};
const cloud = (more: object = {}) =>
  cloudOf({ instance, type: micro, largerTypes: larger, network, ...more });
const evidence = (host: HostEvidence, more: object = {}) => ({ ...evidenceOf(host), cloud: cloud(more) });
const perMinute = (name: string, value: number) => ({
  [`AWS/EC2/${name}`]: {
    name: `AWS/EC2/${name}`,
    points: [0, 60, 120].map((offset) => ({ at: 1_795_000_000 + offset, value })),
  },
});

describe("the type without the limit", () => {
  const chosen = (host: HostEvidence, more: object = {}) => {
    const found = typeWithout(shortages(host, cloud(more)), cloud(more));
    return "impossible" in found ? found.impossible : found.chosen.name;
  };
  test("is the smallest with twice the baseline", () => {
    expect(chosen(exceeding("bw_out"))).toBe("t3.small");
    expect(chosen(exceeding("pps"))).toBe("t3.small");
  });
  test("carries what CloudWatch saw, and a quarter more", () => {
    // 0.2 Gbit/s in the busier direction for a minute are 1.5 GB.
    const metrics = { ...perMinute("NetworkIn", 1.5e9), ...perMinute("NetworkOut", 1e8) };
    expect(chosen(exceeding("bw_in"), { metrics })).toBe("t3.medium");
    expect(chosen(exceeding("bw_in"), { metrics: perMinute("NetworkIn", 1.6e9) })).toBe("c8i.large");
  });
  test("is no burstable one for who ran out of CPU credits", () => {
    const metrics = {
      "AWS/EC2/CPUCreditBalance": {
        name: "AWS/EC2/CPUCreditBalance",
        points: [0, 300, 600, 900, 1200].map((offset) => ({ at: 1_795_000_000 + offset, value: 0 })),
      },
    };
    expect(shortages(healthy, cloud({ metrics }))).toEqual(["cpu"]);
    expect(chosen(healthy, { metrics })).toBe("c8i.large");
  });
  test("is none when nothing is short, when none is large enough, and when EC2 says nothing", () => {
    expect(chosen(healthy)).toContain("no limit of the type is reached");
    expect(chosen(exceeding("bw_out"), { largerTypes: [] })).toContain("several NAT instances");
    expect(chosen(exceeding("bw_out"), { type: null })).toContain("did not say");
  });
  test("is never of another architecture or a former generation", () => {
    const wrong = [
      { ...larger[0], architecture: "arm64" },
      { ...larger[1], currentGeneration: false },
    ];
    expect(chosen(exceeding("bw_out"), { largerTypes: wrong })).toContain("several NAT instances");
  });
  test("is told with its figures, and with what reaches the internet of them", () => {
    expect(figures(micro)).toBe(
      "t3.micro (2 vCPUs with credits, 1 GiB, 0.064 Gbit/s for good, 5 Gbit/s for a while)",
    );
    expect(figures(c8i)).toContain("5 Gbit/s to the internet");
  });
});

describe("change-instance-type", () => {
  const prepare = (more: object = {}) => changeInstanceType.prepare(evidence(exceeding("bw_out"), more));
  test("stops, changes and starts the instance that the interface belongs to, and back", () => {
    const prepared = prepare();
    expect(prepared).toMatchObject({
      settings: [{ setting: "instance type", before: "t3.micro", after: "t3.small" }],
    });
    expect(JSON.stringify(prepared)).toContain(`--network-interface-ids ${card.id}`);
    expect(JSON.stringify(prepared)).toContain("--instance-type Value=t3.small");
  });
  test("says when the new type forgets idle connections sooner", () => {
    const prepared = prepare({ largerTypes: [c8i] });
    expect(JSON.stringify(prepared)).toContain("forgets idle connections after 350 s");
    expect(JSON.stringify(prepare())).not.toContain("forgets idle connections");
  });
  test("leaves an instance of an Auto Scaling group to its launch template", () => {
    const prepared = prepare({ instance: { ...instance, autoScalingGroup: "nat-a" } });
    expect(JSON.stringify(prepared)).toContain("start-instance-refresh --auto-scaling-group-name nat-a");
    expect(JSON.stringify(prepared)).not.toContain("stop-instances");
  });
});

describe("untrack-security-group-rules", () => {
  const prepare = (host: HostEvidence, more: object = {}) =>
    untrackSecurityGroupRules.prepare(evidence(host, more));
  const text = (prepared: ReturnType<typeof prepare>) => JSON.stringify(prepared);
  test("closes the host before it opens the group, and only in the direction that is narrow", () => {
    const prepared = prepare(exceeding("conntrack"));
    if ("impossible" in prepared) throw new Error(prepared.impossible);
    const drop = prepared.commands.findIndex((command) => command.includes("--ctstate NEW -j DROP"));
    const open = prepared.commands.findIndex((command) =>
      command.includes("authorize-security-group-ingress"),
    );
    expect(drop).toBeGreaterThan(0);
    expect(open).toBeGreaterThan(drop);
    expect(text(prepared)).toContain("-s 10.60.0.0/16 -j RETURN");
    expect(text(prepared)).not.toContain("authorize-security-group-egress");
    expect(prepared.undo[0]).toContain("revoke-security-group-ingress");
  });
  test("is impossible when nothing is short, when the rules track nothing, and when they are unknown", () => {
    expect(prepare(healthy)).toHaveProperty("impossible");
    expect(prepare(exceeding("conntrack"), { network: null })).toHaveProperty("impossible");
    const securityGroupRules = network.securityGroupRules.map((each) => ({ ...each, cidr: "0.0.0.0/0" }));
    expect(prepare(exceeding("conntrack"), { network: { ...network, securityGroupRules } })).toHaveProperty(
      "impossible",
    );
  });
});

describe("add-vpc-endpoint", () => {
  const to = (address: string, entries: number): HostEvidence => {
    const { table } = healthy;
    if (table === null) throw new Error("the captured host has a table");
    const destination = { protocol: "tcp", natAddress: "10.60.100.10", address, port: 443, entries };
    return {
      ...healthy,
      conntrack: { ...healthy.conntrack, count: 4000 },
      table: { ...table, entries: 4000, complete: true, destinations: [destination] },
    };
  };
  const prepare = (host: HostEvidence, more: object = {}) => addVpcEndpoint.prepare(evidence(host, more));
  test("adds the one that is missing to the route tables that lead to this NAT", () => {
    expect(prepare(to("52.216.8.11", 900))).toMatchObject({
      action: "Add a gateway endpoint for S3 (23 % of the connections) to the VPC",
      commands: [
        "aws ec2 create-vpc-endpoint --vpc-id vpc-0a1b2c3d4e5f60001 --vpc-endpoint-type Gateway --service-name com.amazonaws.eu-central-1.s3 --route-table-ids rtb-0a1b2c3d4e5f60000",
      ],
    });
    expect(prepare(to("52.119.232.4", 900))).toMatchObject({ action: expect.stringContaining("DynamoDB") });
  });
  test("is impossible for other destinations, for few connections, and where it is there already", () => {
    expect(prepare(to("93.184.216.34", 900))).toHaveProperty("impossible");
    expect(prepare(to("52.216.8.11", 399))).toHaveProperty("impossible");
    const gatewayEndpoints = ["com.amazonaws.eu-central-1.s3"];
    expect(prepare(to("52.216.8.11", 900), { network: { ...network, gatewayEndpoints } })).toHaveProperty(
      "impossible",
    );
  });
});
