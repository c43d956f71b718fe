/** ena-bandwidth-exceeded, ena-pps-exceeded, ena-conntrack-exceeded, ena-linklocal-exceeded, ena-fragments-exceeded. */
import { describe, expect, test } from "vitest";
import type { Cause } from "../../../core/cause.ts";
import { enaBandwidthExceeded } from "../../../core/causes/ena-bandwidth-exceeded.ts";
import { enaConntrackExceeded } from "../../../core/causes/ena-conntrack-exceeded.ts";
import { enaFragmentsExceeded } from "../../../core/causes/ena-fragments-exceeded.ts";
import { enaLinklocalExceeded } from "../../../core/causes/ena-linklocal-exceeded.ts";
import { enaPpsExceeded } from "../../../core/causes/ena-pps-exceeded.ts";
import { diagnose } from "../../../core/diagnosis.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { noProbes } from "../../../core/evidence/probe.ts";
import { byHand, captured, cloudOf, evidenceOf } from "../captured.ts";

const healthy = captured("healthy");
type Counters = HostEvidence["counters"];
const zero: Counters = {
  "ens5.bw_in_allowance_exceeded": [0, 0],
  "ens5.bw_out_allowance_exceeded": [0, 0],
  "ens5.pps_allowance_exceeded": [0, 0],
  "ens5.conntrack_allowance_exceeded": [0, 0],
  "ens5.linklocal_allowance_exceeded": [0, 0],
  "ens5.conntrack_allowance_available": [136_812, 0],
};
/** The captured host with an ENA card. */
const card = (counters: Counters): HostEvidence => ({
  ...healthy,
  counters: { ...healthy.counters, ...zero, ...counters },
});
const judge = (cause: Cause, counters: Counters, cloud: object = {}) =>
  cause.judge({ ...evidenceOf(card(counters)), cloud: cloudOf(cloud) });
/** A cumulative metric of the CloudWatch agent, a point a minute, the last one now. */
const history = (counter: string, values: number[]) => ({
  name: `CWAgent/ethtool_${counter}`,
  points: values.map((value, index) => ({ at: 1_795_000_000 + 60 * index, value })),
});
const perMinute = (name: string, values: number[]) => ({
  [`AWS/EC2/${name}`]: {
    name: `AWS/EC2/${name}`,
    points: values.map((value, index) => ({ at: 1_795_000_000 + 60 * index, value })),
  },
});
const t3micro = {
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
};

const growing: [Cause, string, number][] = [
  [enaBandwidthExceeded, "bw_in_allowance_exceeded", 0.9],
  [enaBandwidthExceeded, "bw_out_allowance_exceeded", 0.9],
  [enaPpsExceeded, "pps_allowance_exceeded", 0.9],
  [enaLinklocalExceeded, "linklocal_allowance_exceeded", 0.95],
];

describe.each(growing)("$id by %s", (cause, counter, confidence) => {
  test("is present and critical when many packets are held back now", () => {
    expect(judge(cause, { [`ens5.${counter}`]: [5000, 250] })).toMatchObject({
      verdict: "present",
      severity: "critical",
      confidence,
    });
  });
  test("is only a warning when a few packets had to wait", () => {
    expect(judge(cause, { [`ens5.${counter}`]: [5000, 9] })).toMatchObject({
      verdict: "present",
      severity: "warning",
    });
  });
  test("is absent while a large counter stands still, and says how large it is", () => {
    const judged = judge(cause, { [`ens5.${counter}`]: [5_000_000, 0] });
    expect(judged.verdict).toBe("absent");
    expect(JSON.stringify(judged)).toContain("5,000,000 since the driver was loaded");
  });
  test("is a warning when the alarm's own metric grew within the hour and nothing grows now", () => {
    const cloud = { metric: history(counter, [100, 100, 4100, 4100]) };
    expect(judge(cause, { [`ens5.${counter}`]: [4100, 0] }, cloud)).toMatchObject({
      verdict: "present",
      severity: "warning",
    });
  });
  test("is absent when the alarm's metric has stood still for an hour", () => {
    const cloud = { metric: history(counter, [100, ...Array<number>(90).fill(4100)]) };
    expect(judge(cause, { [`ens5.${counter}`]: [4100, 0] }, cloud).verdict).toBe("absent");
  });
  test("adds up the cards, and a driver that was reset meanwhile is no growth", () => {
    const reset = { [`ens5.${counter}`]: [10, -4000] as [number, number] };
    expect(judge(cause, reset).verdict).toBe("absent");
    const both = {
      [`ens5.${counter}`]: [30, 30] as [number, number],
      [`ens6.${counter}`]: [30, 30] as [number, number],
    };
    expect(judge(cause, both)).toMatchObject({ verdict: "present", severity: "critical" });
  });
  test("is not asked where no card counts it", () => {
    expect(cause.judge(evidenceOf(healthy))).toMatchObject({ verdict: "unknown", asked: false });
  });
  test("is unknown when the host could not be read", () => {
    const host = { status: "unread", reason: "failed", detail: "no shell" } as const;
    const judged = cause.judge({ ...evidenceOf(healthy), host });
    expect(judged).toEqual({ verdict: "unknown", missing: "the host could not be read: no shell" });
  });
});

test("a share of a thousandth of what is forwarded is where a burst becomes a trouble", () => {
  const busy = { "ip.ForwDatagrams": [900_000, 100_000] as [number, number] };
  const seen = (packets: number) =>
    judge(enaPpsExceeded, { ...busy, "ens5.pps_allowance_exceeded": [packets, packets] });
  expect(seen(99)).toMatchObject({ severity: "warning" });
  expect(seen(100)).toMatchObject({ severity: "critical" });
});

describe("ena-bandwidth-exceeded where the driver does not count", () => {
  const without = (cloud: object) =>
    enaBandwidthExceeded.judge({ ...evidenceOf(healthy), cloud: cloudOf({ type: t3micro, ...cloud }) });
  // 5 Gbit/s for a minute are 37.5 GB.
  test("is a warning at the type's highest throughput in one direction", () => {
    const cloud = {
      metrics: { ...perMinute("NetworkIn", [1e9, 36e9]), ...perMinute("NetworkOut", [1e9, 2e9]) },
    };
    expect(without(cloud)).toMatchObject({ verdict: "present", confidence: 0.6, severity: "warning" });
  });
  test("does not add up the directions, since each has the whole bandwidth", () => {
    const cloud = { metrics: { ...perMinute("NetworkIn", [19e9]), ...perMinute("NetworkOut", [19e9]) } };
    expect(without(cloud).verdict).toBe("unknown");
  });
  test("is absent far below the baseline", () => {
    // 0.064 Gbit/s for a minute are 480 MB.
    const cloud = {
      metrics: { ...perMinute("NetworkIn", [3e8, 3e8]), ...perMinute("NetworkOut", [3e8, 3e8]) },
    };
    expect(without(cloud).verdict).toBe("absent");
  });
  test("takes points of five minutes for what they are", () => {
    const points = [0, 300, 600].map((offset) => ({ at: 1_795_000_000 + offset, value: 1.5e9 }));
    const metrics = { "AWS/EC2/NetworkIn": { name: "AWS/EC2/NetworkIn", points } };
    expect(without({ metrics }).verdict).toBe("absent");
  });
});

describe("ena-fragments-exceeded", () => {
  const fragments = (perSecond: number): Counters => {
    const made = Math.round(perSecond * healthy.window);
    return { "ip.FragCreates": [made, made] };
  };
  const dropping: Counters = { "ens5.pps_allowance_exceeded": [3000, 1500] };

  test("leads, and the packets are not blamed, when as many fragments leave as the cap allows", () => {
    const counters = { ...dropping, ...fragments(1024) };
    expect(judge(enaFragmentsExceeded, counters)).toMatchObject({
      verdict: "present",
      confidence: 0.8,
      severity: "critical",
    });
    expect(judge(enaPpsExceeded, counters).verdict).toBe("absent");
    const { causes } = diagnose(evidenceOf(card(counters)), byHand);
    expect(causes[0]?.id).toBe("ena-fragments-exceeded");
  });
  test("is absent, and the packets are to blame, when few fragments leave", () => {
    const counters = { ...dropping, ...fragments(800) };
    expect(judge(enaFragmentsExceeded, counters).verdict).toBe("absent");
    expect(judge(enaPpsExceeded, counters).verdict).toBe("present");
  });
  test("is absent while nothing is dropped, however many fragments leave", () => {
    expect(judge(enaFragmentsExceeded, fragments(5000)).verdict).toBe("absent");
  });
  test("advises to clamp the MSS only when a capture shows that TCP is cut up", () => {
    const advice = (tcp: number) => {
      const fragmentCapture = {
        schema: "nat-medic/fragment-capture/1" as const,
        status: "done" as const,
        reason: "",
        seconds: 10,
        fragments: 100,
        tcp,
        limited: false,
        senders: [],
      };
      const evidence = {
        ...evidenceOf(card({ ...dropping, ...fragments(1200) })),
        probes: { ...noProbes, fragments: fragmentCapture },
      };
      return JSON.stringify(enaFragmentsExceeded.judge(evidence));
    };
    expect(advice(90)).toContain("clamp the MSS");
    expect(advice(10)).not.toContain("clamp the MSS");
  });
});

describe("ena-conntrack-exceeded", () => {
  test("is critical as soon as one connection is refused", () => {
    expect(judge(enaConntrackExceeded, { "ens5.conntrack_allowance_exceeded": [1, 1] })).toMatchObject({
      verdict: "present",
      confidence: 0.97,
      severity: "critical",
    });
  });
  test("is a warning when the alarm's metric grew and nothing is refused now", () => {
    const metric = history("conntrack_allowance_exceeded", [0, 300]);
    expect(judge(enaConntrackExceeded, {}, { metric })).toMatchObject({
      verdict: "present",
      severity: "warning",
    });
  });
  test("is a warning when less than a tenth of what must be in use and free is left", () => {
    // Two flows for each of the kernel's entries.
    const inUse = 2 * (healthy.conntrack.count ?? 0);
    const left = (available: number) =>
      judge(enaConntrackExceeded, { "ens5.conntrack_allowance_available": [available, 0] });
    expect(left(Math.floor(inUse / 9) - 2)).toMatchObject({
      verdict: "present",
      confidence: 0.7,
      severity: "warning",
    });
    expect(left(Math.ceil(inUse / 9) + 2).verdict).toBe("absent");
  });
  test("is surer of it by the most that was ever free", () => {
    const metrics = {
      "CWAgent/ethtool_conntrack_allowance_available": history(
        "conntrack_allowance_available",
        [130_000, 12_000],
      ),
    };
    const left = (available: number) =>
      judge(enaConntrackExceeded, { "ens5.conntrack_allowance_available": [available, 0] }, { metrics });
    expect(left(12_000)).toMatchObject({ verdict: "present", confidence: 0.9, severity: "warning" });
    expect(left(13_500).verdict).toBe("absent");
  });
  test("does not take the kernel's entries for used room where the rules leave TCP untracked", () => {
    const rule = { groupId: "sg-1", protocol: null, ports: null, cidr: "0.0.0.0/0", peer: null };
    const network = {
      vpcId: "vpc-1",
      cidrs: ["10.60.0.0/16"],
      subnets: [],
      acls: [],
      routeTables: [],
      securityGroupRules: [
        { ...rule, egress: false },
        { ...rule, egress: true },
      ],
      gatewayEndpoints: [],
    };
    const low = { "ens5.conntrack_allowance_available": [100, 0] as [number, number] };
    expect(judge(enaConntrackExceeded, low).verdict).toBe("present");
    expect(judge(enaConntrackExceeded, low, { network }).verdict).toBe("absent");
  });
  test("looks unlike a full table of the kernel, which moves counters of the host", () => {
    const full = evidenceOf(captured("conntrack-table-full"));
    expect(enaConntrackExceeded.judge(full)).toMatchObject({ verdict: "unknown", asked: false });
  });
  test("is verified by its own counter: better when it stands still, worse when it grows faster", () => {
    const refusing = (growth: number, available = 0) =>
      card({
        "ens5.conntrack_allowance_exceeded": [9000, growth],
        "ens5.conntrack_allowance_available": [available, 0],
      });
    const verify = (before: HostEvidence, after: HostEvidence) =>
      enaConntrackExceeded.verify?.(before, after).verdict;
    expect(verify(refusing(100), refusing(0, 900))).toBe("better");
    expect(verify(refusing(100), refusing(80))).toBe("unchanged");
    expect(verify(refusing(100), refusing(300))).toBe("worse");
    expect(verify(refusing(0, 500), refusing(0, 400))).toBe("unchanged");
    expect(verify(refusing(0, 500), refusing(0, 20_000))).toBe("better");
    expect(verify(refusing(100), healthy)).toBe("unknown");
  });
});

test("a healthy host with an ENA card has none of these causes", () => {
  for (const cause of [
    enaBandwidthExceeded,
    enaConntrackExceeded,
    enaFragmentsExceeded,
    enaLinklocalExceeded,
    enaPpsExceeded,
  ])
    expect(judge(cause, {}).verdict, cause.id).toBe("absent");
});
