import { describe, expect, test } from "vitest";
import { networkAclBlocksEphemeralPorts as cause } from "../../../core/causes/network-acl-blocks-ephemeral-ports.ts";
import type { AclEntry, Network } from "../../../core/evidence/network.ts";
import type { Evidence } from "../../../core/evidence.ts";
import { openNetworkAcl } from "../../../core/fixes/open-network-acl.ts";
import { captured, evidenceOf } from "../captured.ts";
import {
  allow,
  deny,
  evidenceIn,
  healthyInstance,
  healthyNetwork,
  lastRules,
  natInterfaceA,
  openAcl,
  outbound,
  privateAcl,
  privateRoutesA,
  privateSubnetA,
  publicAcl,
  route,
  toNatA,
  withAcl,
  withRoutes,
} from "../vpc.ts";

const tcp = (number: number, from: number, to: number, changes: Partial<AclEntry> = {}) =>
  allow(number, { protocol: 6, ports: [from, to], ...changes });
const denyTcp = (number: number, from: number, to: number, changes: Partial<AclEntry> = {}) =>
  tcp(number, from, to, { action: "deny", ...changes });
const outAll = outbound(allow(100));
const only = (from: number, to: number) => [
  tcp(90, 443, 443, { cidr: "10.60.0.0/16" }),
  tcp(100, from, to),
  outAll,
  ...lastRules,
];

const judge = (evidence: Evidence) => cause.judge(evidence);
const inNat = (entries: readonly AclEntry[]) => evidenceIn(withAcl(healthyNetwork, publicAcl, entries));
const inPrivate = (entries: readonly AclEntry[]) => evidenceIn(withAcl(healthyNetwork, privateAcl, entries));
const fix = (evidence: Evidence) => openNetworkAcl.prepare(evidence);
const commandsOf = (evidence: Evidence) => {
  const prepared = fix(evidence);
  if ("impossible" in prepared) throw new Error(prepared.impossible);
  return prepared;
};

/** The heaviest client says which ports it uses. */
function withClients(
  evidence: Evidence,
  portRange: [number, number],
  platform: "linux" | "windows",
): Evidence {
  if (evidence.host.status === "unread" || evidence.host.evidence.table === null) throw new Error("no table");
  const { entries } = evidence.host.evidence.table;
  return {
    ...evidence,
    sources: [
      {
        address: "10.60.0.11",
        entries,
        instanceId: "i-0c11e0000000000a1",
        reading: {
          status: "read",
          evidence: {
            schema: "nat-medic/source-evidence/1",
            platform,
            takenAt: 1,
            portRange,
            reservedPorts: 0,
            reserved: "",
            listeners: [],
            timeWaitReuse: null,
            timestamps: null,
            established: 10,
            timeWait: 0,
            destinations: [],
            unread: [],
          },
        },
      },
    ],
  };
}

function withHostTable(evidence: Evidence, table: object, rules: object | null = null): Evidence {
  if (evidence.host.status === "unread" || evidence.host.evidence.table === null) throw new Error("no table");
  const host = evidence.host.evidence;
  return {
    ...evidence,
    host: {
      status: "read",
      evidence: { ...host, table: { ...host.table!, ...table }, ...(rules && { rules: rules as never }) },
    },
  };
}

const server = (protocol: "tcp" | "udp", address: string, port: number) => ({
  protocol,
  natAddress: "10.60.100.10",
  address,
  port,
  entries: 200,
});

describe("absent", () => {
  test("with the default ACLs, which allow everything", () => {
    expect(judge(evidenceIn(healthyNetwork)).verdict).toBe("absent");
  });

  test("with ACLs as AWS recommends: web out, 1024-65535 back, nothing else", () => {
    const publicRules = [
      tcp(100, 80, 80),
      tcp(110, 443, 443),
      tcp(140, 1024, 65_535),
      outbound(tcp(100, 80, 80)),
      outbound(tcp(110, 443, 443)),
      outbound(tcp(120, 1024, 65_535)),
      ...lastRules,
    ];
    const privateRules = [
      tcp(130, 1024, 65_535),
      outbound(tcp(100, 80, 80)),
      outbound(tcp(110, 443, 443)),
      ...lastRules,
    ];
    const network = withAcl(withAcl(healthyNetwork, publicAcl, publicRules), privateAcl, privateRules);
    const judgement = judge(evidenceIn(network));
    expect(judgement.verdict).toBe("absent");
    // Such ACLs pass no ICMP, which is worth a line and no finding.
    expect(JSON.stringify(judgement)).toContain("path MTU");
    expect(fix(evidenceIn(network))).toHaveProperty("impossible");
  });

  test("a deny of particular addresses is somebody's block list", () => {
    const blocked = [deny(50, { cidr: "203.0.113.0/24" }), outbound(deny(50, { cidr: "203.0.113.0/24" }))];
    const evidence = withHostTable(inNat([...blocked, ...openAcl]), {
      unansweredDestinations: [server("tcp", "203.0.113.7", 443)],
    });
    expect(judge(evidence).verdict).toBe("absent");
  });

  test("a deny of ports below 1024 takes no answer away", () => {
    expect(judge(inNat([denyTcp(50, 22, 22), denyTcp(60, 0, 1023), ...openAcl])).verdict).toBe("present");
    expect(judge(inNat([denyTcp(50, 22, 22), ...openAcl])).verdict).toBe("absent");
  });

  test("the ACL of a subnet that does not lead here is nobody's business", () => {
    const network: Network = {
      ...healthyNetwork,
      acls: [...healthyNetwork.acls, { id: "acl-1", entries: lastRules }],
      subnets: healthyNetwork.subnets.map((subnet) =>
        subnet.cidr === "10.60.8.0/24" ? { ...subnet, aclId: "acl-1" } : subnet,
      ),
    };
    expect(judge(evidenceIn(network)).verdict).toBe("absent");
  });

  test("UDP answers are not missed where UDP may not be asked for", () => {
    const evidence = withHostTable(
      inNat([
        tcp(90, 443, 443),
        tcp(100, 1024, 65_535),
        outbound(tcp(100, 443, 443)),
        outbound(tcp(110, 1024, 65_535)),
        ...lastRules,
      ]),
      { destinations: [server("udp", "17.253.14.125", 123)] },
    );
    expect(judge(evidence).verdict).toBe("absent");
  });
});

describe("on the way to the NAT, hop D", () => {
  test("a deny of 3389 is a warning with its share: one port of 64,512", () => {
    const judgement = judge(inNat([denyTcp(90, 3389, 3389), ...openAcl]));
    expect(judgement).toMatchObject({ verdict: "present", severity: "warning", confidence: 0.9 });
    const text = JSON.stringify(judgement);
    expect(text).toContain("inbound rule 90 denies it");
    expect(text).toContain("1 of 64,512 new connections");
  });

  test("only 32768-65535 spares the usual clients: a warning, half of the NAT's own ports", () => {
    const judgement = judge(inNat(only(32_768, 65_535)));
    expect(judgement).toMatchObject({ verdict: "present", severity: "warning" });
    expect(JSON.stringify(judgement)).toContain("49 % of new connections");
  });

  test("only 49152-65535 hits clients with Linux's range: critical, 58 %", () => {
    const judgement = judge(inNat(only(49_152, 65_535)));
    expect(judgement).toMatchObject({ verdict: "present", severity: "critical", confidence: 0.85 });
    expect(JSON.stringify(judgement)).toContain("58 % of new connections");
  });

  test("all denied is certain", () => {
    const judgement = judge(inNat([denyTcp(90, 1024, 65_535), ...openAcl]));
    expect(judgement).toMatchObject({ verdict: "present", severity: "critical", confidence: 0.99 });
    expect(JSON.stringify(judgement)).toContain("100 % of new connections");
  });

  test("ports that the NAT had to change are lost by its own range, whatever the clients use", () => {
    const linux = withClients(inNat(only(32_768, 65_535)), [32_768, 60_999], "linux");
    expect(judge(withHostTable(linux, { remapped: 0 }))).toMatchObject({ severity: "warning" });
    const { entries } = linux.sources[0]!;
    const crowded = judge(withHostTable(linux, { remapped: Math.round(entries / 10) }));
    expect(crowded).toMatchObject({ severity: "critical", confidence: 0.99 });
    // A tenth of the connections, and 49 % of the NAT's ports.
    expect(JSON.stringify(crowded)).toContain("4.9 % of new connections, with 10 % of the ports changed");
  });

  test("a random port by the NAT's rule makes the NAT's range count instead of the clients'", () => {
    const evidence = inNat(only(32_768, 65_535));
    const rules = {
      readers: ["nft"],
      nat: [
        {
          backend: "nft",
          action: "masquerade",
          source: null,
          destination: null,
          outInterface: null,
          protocol: null,
          addresses: null,
          ports: null,
          random: "fully",
          specification: "",
        },
      ],
      clampsMss: false,
      notrack: 0,
      stripsTimestamps: 0,
    };
    expect(judge(withHostTable(evidence, {}, rules))).toMatchObject({ severity: "critical" });
  });
});

describe("on the way to the clients, hops E and F", () => {
  test("clients with Windows' range are fine with 49152-65535, and clients with Linux's are not", () => {
    const evidence = inPrivate(only(49_152, 65_535));
    expect(judge(withClients(evidence, [49_152, 65_535], "windows")).verdict).toBe("absent");
    expect(judge(withClients(evidence, [32_768, 60_999], "linux"))).toMatchObject({
      verdict: "present",
      severity: "critical",
      confidence: 0.99,
    });
  });

  test("who was asked speaks for all only with half of the entries", () => {
    const evidence = withClients(inPrivate(only(49_152, 65_535)), [49_152, 65_535], "windows");
    const [source] = evidence.sources;
    const few = { ...evidence, sources: [{ ...source!, entries: 10 }] };
    expect(judge(few)).toMatchObject({ verdict: "present", severity: "critical", confidence: 0.85 });
  });

  test("a source's entries are of the whole table, also when only a part of it was read", () => {
    const evidence = withClients(inPrivate(only(49_152, 65_535)), [49_152, 65_535], "windows");
    const [source] = evidence.sources;
    if (evidence.host.status === "unread") throw new Error("unread");
    const host = evidence.host.evidence;
    const sampled: Evidence = {
      ...withHostTable(evidence, { complete: false }),
      sources: [{ ...source!, entries: host.table!.entries }],
    };
    if (sampled.host.status === "unread") throw new Error("unread");
    const conntrack = { ...host.conntrack, count: host.table!.entries * 4 };
    const larger: Evidence = {
      ...sampled,
      host: { status: "read", evidence: { ...sampled.host.evidence, conntrack } },
    };
    expect(judge(larger).verdict).toBe("present");
  });

  test("a range that only unusual clients leave is a weaker warning", () => {
    expect(judge(inPrivate(only(32_768, 65_535)))).toMatchObject({
      verdict: "present",
      severity: "warning",
      confidence: 0.6,
    });
  });

  test("answers that the NAT's subnet does not let out to the clients are seen on hop E", () => {
    const judgement = judge(
      inNat([allow(100), outbound(tcp(100, 443, 443)), outbound(tcp(110, 80, 80)), ...lastRules]),
    );
    expect(judgement).toMatchObject({ severity: "critical", confidence: 0.99 });
    const text = JSON.stringify(judgement);
    expect(text).toContain("hop E");
    expect(text).not.toContain("hop D");
    expect(text).toContain("to 10.60.0.0/24");
  });

  test("a client in the subnet of the NAT's inner interface meets no ACL on the way to it", () => {
    const inner = {
      ...healthyInstance.interfaces[0]!,
      id: "eni-0a1b2c3d4e5f60002",
      deviceIndex: 1,
      subnetId: privateSubnetA,
      publicAddress: null,
    };
    const network = withRoutes(healthyNetwork, privateRoutesA, [{ ...toNatA, targetId: inner.id }]);
    const instance = { ...healthyInstance, interfaces: [...healthyInstance.interfaces, inner] };
    const closed = withAcl(network, privateAcl, lastRules);
    expect(judge(evidenceIn(closed, { instance })).verdict).toBe("absent");
    expect(judge(evidenceIn(withAcl(healthyNetwork, privateAcl, lastRules))).verdict).toBe("present");
  });
});

describe("IPv6", () => {
  const v6 = withRoutes({ ...healthyNetwork, cidrs: ["10.60.0.0/16", "2a05:d014:1::/56"] }, privateRoutesA, [
    toNatA,
    route("::/0", { target: "network-interface", targetId: natInterfaceA }),
  ]);

  test("is looked at apart: rules for IPv4 let none of it through", () => {
    const judgement = judge(evidenceIn(v6));
    expect(judgement.verdict).toBe("present");
    const open = [allow(101, { cidr: "::/0" }), outbound(allow(101, { cidr: "::/0" }))];
    const opened = withAcl(withAcl(v6, publicAcl, [...openAcl, ...open]), privateAcl, [...openAcl, ...open]);
    expect(judge(evidenceIn(opened)).verdict).toBe("absent");
  });

  test("is opened with its own kind of block", () => {
    const open = [allow(101, { cidr: "::/0" }), outbound(allow(101, { cidr: "::/0" }))];
    const network = withAcl(withAcl(v6, privateAcl, [...openAcl, ...open]), publicAcl, [
      ...openAcl,
      ...open,
      denyTcp(90, 1024, 65_535, { cidr: "::/0" }),
    ]);
    expect(commandsOf(evidenceIn(network)).commands).toEqual([
      `aws ec2 create-network-acl-entry --network-acl-id ${publicAcl} --ingress --rule-number 89 --protocol 6 --port-range From=1024,To=65535 --ipv6-cidr-block ::/0 --rule-action allow`,
    ]);
  });
});

describe("requests", () => {
  const noHttps = [allow(100), outbound(tcp(100, 80, 80)), outbound(tcp(110, 1024, 65_535)), ...lastRules];

  test("HTTPS that is shut looks meant where other ports are in use: no finding", () => {
    const used = withHostTable(inNat(noHttps), { destinations: [server("tcp", "1.1.1.1", 80)] });
    expect(judge(used).verdict).toBe("absent");
  });

  test("HTTPS that is shut while nothing else is used is a hypothesis, and nothing is proposed", () => {
    const unused = withHostTable(inNat(noHttps), { destinations: [] });
    expect(judge(unused)).toMatchObject({ verdict: "present", severity: "warning", confidence: 0.4 });
    expect(fix(unused)).toHaveProperty("impossible");
  });

  test("HTTPS that clients try in vain is critical", () => {
    const evidence = withHostTable(inNat(noHttps), {
      unansweredDestinations: [server("tcp", "1.1.1.1", 443)],
    });
    expect(judge(evidence)).toMatchObject({ severity: "critical", confidence: 0.95 });
    expect(commandsOf(evidence).commands).toEqual([
      `aws ec2 create-network-acl-entry --network-acl-id ${publicAcl} --egress --rule-number 120 --protocol 6 --port-range From=443,To=443 --cidr-block 0.0.0.0/0 --rule-action allow`,
    ]);
  });

  test("a new ACL without rules in the NAT's subnet stops everything", () => {
    expect(judge(inNat(lastRules))).toMatchObject({ severity: "critical", confidence: 0.9 });
  });

  test("a private subnet that lets nothing out is most likely meant to", () => {
    expect(judge(inPrivate([allow(100), ...lastRules]))).toMatchObject({
      severity: "warning",
      confidence: 0.4,
    });
  });
});

test("a server whose answers are denied while it may be asked is named", () => {
  const evidence = withHostTable(inNat([denyTcp(50, 1024, 65_535, { cidr: "1.1.1.0/24" }), ...openAcl]), {
    unansweredDestinations: [server("tcp", "1.1.1.1", 443)],
  });
  const judgement = judge(evidence);
  expect(judgement).toMatchObject({ severity: "warning", confidence: 0.9 });
  expect(JSON.stringify(judgement)).toContain("from 1.1.1.1/32");
  expect(commandsOf(evidence).commands[0]).toContain("--rule-number 49 ");
  expect(judge(inNat([denyTcp(50, 1024, 65_535, { cidr: "1.1.1.0/24" }), ...openAcl])).verdict).toBe(
    "absent",
  );
});

describe("unknown", () => {
  test("without AWS, and it was not asked", () => {
    expect(judge(evidenceOf(captured("healthy")))).toMatchObject({ verdict: "unknown", asked: false });
  });

  test("when the VPC could not be read, with the reason", () => {
    const judgement = judge(evidenceIn(null, { unread: ["DescribeNetworkAcls: UnauthorizedOperation"] }));
    expect(judgement).toEqual({
      verdict: "unknown",
      missing: "the VPC could not be read from EC2: DescribeNetworkAcls: UnauthorizedOperation",
    });
  });

  test("when a subnet's ACL is not among those read", () => {
    const acls = healthyNetwork.acls.filter(({ id }) => id !== privateAcl);
    expect(judge(evidenceIn({ ...healthyNetwork, acls }))).toMatchObject({
      verdict: "unknown",
      missing: expect.stringContaining(privateSubnetA),
    });
  });
});

describe("the proposal", () => {
  test("is an entry before the one that denies, and its exact undo", () => {
    const { commands, undo } = commandsOf(inNat([denyTcp(90, 3389, 3389), ...openAcl]));
    expect(commands).toEqual([
      `aws ec2 create-network-acl-entry --network-acl-id ${publicAcl} --ingress --rule-number 89 --protocol 6 --port-range From=3389,To=3389 --cidr-block 0.0.0.0/0 --rule-action allow`,
    ]);
    expect(undo).toEqual([
      `aws ec2 delete-network-acl-entry --network-acl-id ${publicAcl} --ingress --rule-number 89`,
    ]);
  });

  test("takes the nearest free number", () => {
    const taken = [88, 89].map((number) => allow(number, { cidr: "10.0.0.0/8" }));
    const { commands } = commandsOf(inNat([...taken, denyTcp(90, 3389, 3389), ...openAcl]));
    expect(commands[0]).toContain("--rule-number 87 ");
  });

  test("comes after the last rule where only the default denies", () => {
    const { commands } = commandsOf(inNat(only(49_152, 65_535)));
    expect(commands).toEqual([
      `aws ec2 create-network-acl-entry --network-acl-id ${publicAcl} --ingress --rule-number 110 --protocol 6 --port-range From=1024,To=49151 --cidr-block 0.0.0.0/0 --rule-action allow`,
    ]);
  });

  test("opens every hop that needs it, with a number of its own each", () => {
    const network = withAcl(
      withAcl(healthyNetwork, publicAcl, [
        denyTcp(90, 40_000, 40_009),
        denyTcp(95, 50_000, 50_009),
        ...openAcl,
      ]),
      privateAcl,
      only(49_152, 65_535),
    );
    const { commands, undo } = commandsOf(evidenceIn(network));
    expect(commands.map((command) => /acl-id (\S+) .*number (\d+)/.exec(command)!.slice(1))).toEqual(
      expect.arrayContaining([
        [publicAcl, "89"],
        [publicAcl, "94"],
        [privateAcl, "110"],
      ]),
    );
    expect(undo).toHaveLength(commands.length);
  });

  test("one ACL on both subnets is opened once", () => {
    const shared: Network = {
      ...healthyNetwork,
      acls: [{ id: publicAcl, entries: [denyTcp(90, 40_000, 40_000), ...openAcl] }],
      subnets: healthyNetwork.subnets.map((subnet) => ({ ...subnet, aclId: publicAcl })),
    };
    expect(commandsOf(evidenceIn(shared)).commands).toHaveLength(1);
  });

  test("says when no number is free", () => {
    expect(fix(inNat([denyTcp(1, 3389, 3389), ...openAcl]))).toEqual({
      impossible: expect.stringContaining("no rule number is free before inbound rule 1"),
    });
  });

  test("says when the quota is reached", () => {
    const many = Array.from({ length: 19 }, (_, index) => allow(200 + index, { cidr: `10.${index}.0.0/16` }));
    const tight = [...many, denyTcp(90, 3389, 3389), ...openAcl];
    expect(commandsOf(inNat(tight)).action).toContain("more than the 20 rules");
    expect(commandsOf(inNat([denyTcp(90, 3389, 3389), ...openAcl])).action).not.toContain("Mind");
  });

  test("what it adds makes the cause absent", () => {
    const entries = [denyTcp(90, 3389, 3389), denyTcp(95, 40_000, 41_000), ...openAcl];
    const { commands } = commandsOf(inNat(entries));
    const added = commands.map((command) => {
      const [, number, from, to] = /rule-number (\d+) .*From=(\d+),To=(\d+)/.exec(command)!;
      return tcp(Number(number), Number(from), Number(to));
    });
    expect(judge(inNat([...entries, ...added])).verdict).toBe("absent");
  });
});
