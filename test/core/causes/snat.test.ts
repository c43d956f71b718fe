/** snat-ports-exhausted, snat-port-collisions, snat-range-too-small: against each other and against what looks alike. */
import { describe, expect, test } from "vitest";
import { snatPortCollisions } from "../../../core/causes/snat-port-collisions.ts";
import { snatPortsExhausted } from "../../../core/causes/snat-ports-exhausted.ts";
import { snatRangeTooSmall } from "../../../core/causes/snat-range-too-small.ts";
import type { HostEvidence, NatRule } from "../../../core/evidence/host.ts";
import { captured, evidenceOf, withGrowth, withTable } from "../captured.ts";

const healthy = captured("healthy");
const masquerade: NatRule = {
  backend: "iptables-nft",
  action: "masquerade",
  source: "10.60.0.0/16",
  destination: null,
  outInterface: "wan0",
  protocol: null,
  addresses: null,
  ports: null,
  random: "no",
  specification: "POSTROUTING -s 10.60.0.0/16 -o wan0 -j MASQUERADE",
};
const rulesOf = (...nat: NatRule[]) => ({
  readers: ["iptables-nft" as const],
  nat,
  clampsMss: false,
  notrack: 0,
  stripsTimestamps: 0,
});

/** A host whose busiest space holds so many entries, all of them read, with so many refused in the window. */
function host(entries: number, refused = 0, { rule = masquerade, remapped = 50 } = {}): HostEvidence {
  const table = {
    ...healthy.table!,
    complete: true,
    entries,
    remapped,
    sources: [["10.60.0.20", 300] as [string, number]],
    destinations: [
      { protocol: "tcp", natAddress: "10.61.0.1", address: "10.61.0.2", port: 8080, entries },
      { protocol: "udp", natAddress: "10.61.0.1", address: "10.61.0.3", port: 53, entries: 10 },
    ],
  };
  const sized = withTable(
    { ...healthy, table, rules: rulesOf(rule) },
    { count: entries, max: 262_144, buckets: 262_144 },
  );
  return withGrowth(sized, { drop: refused, insert_failed: refused, found: refused * 249 });
}
const exhausted = (evidence: HostEvidence) => snatPortsExhausted.judge(evidenceOf(evidence));
const collisions = (evidence: HostEvidence) => snatPortCollisions.judge(evidenceOf(evidence));
const tooSmall = (evidence: HostEvidence) => snatRangeTooSmall.judge(evidenceOf(evidence));

describe("snat-ports-exhausted", () => {
  test("every port taken and connections refused is as sure as it gets", () => {
    expect(exhausted(host(64_512, 300))).toMatchObject({
      verdict: "present",
      confidence: 0.97,
      severity: "critical",
    });
  });
  test("every port taken is critical even while nobody tries", () => {
    expect(exhausted(host(64_000))).toMatchObject({
      verdict: "present",
      confidence: 0.85,
      severity: "critical",
    });
  });
  test("from 45 % it is running out, below it is nothing", () => {
    expect(exhausted(host(29_031))).toMatchObject({
      verdict: "present",
      severity: "warning",
      title: expect.stringContaining("running out"),
    });
    expect(exhausted(host(29_030))).toMatchObject({ verdict: "absent" });
  });
  test("with random ports it is running out from 80 % only", () => {
    const rule = { ...masquerade, random: "fully" as const };
    expect(exhausted(host(51_000, 0, { rule }))).toMatchObject({ verdict: "absent" });
    expect(exhausted(host(52_000, 0, { rule }))).toMatchObject({ verdict: "present", severity: "warning" });
  });
  test("random ports that fail at 85 % are used up, kept ones collide and leave it a warning", () => {
    const rule = { ...masquerade, random: "fully" as const };
    expect(exhausted(host(55_000, 20, { rule }))).toMatchObject({
      verdict: "present",
      severity: "critical",
      confidence: 0.8,
    });
    expect(exhausted(host(55_000, 20))).toMatchObject({ verdict: "present", severity: "warning" });
    expect(exhausted({ ...host(55_000, 20), rules: null })).toMatchObject({
      severity: "critical",
      confidence: 0.6,
      title: expect.stringContaining("run short"),
    });
  });
  test("a table too small for it is absent without being read", () => {
    expect(exhausted({ ...healthy, table: null })).toMatchObject({ verdict: "absent" });
  });
  test("a large table that cannot be read is unknown", () => {
    expect(exhausted({ ...host(64_512, 300), table: null })).toMatchObject({ verdict: "unknown" });
  });
  test("a hundred thousand entries to many destinations are no destination's ports", () => {
    const busy = host(100_000);
    const destinations = busy.table!.destinations.map((space) => ({ ...space, entries: 400 }));
    expect(exhausted({ ...busy, table: { ...busy.table!, destinations } })).toMatchObject({
      verdict: "absent",
    });
  });
  test("the ports of one host that is not translated are its own matter", () => {
    const busy = host(60_000, 10);
    const sources: [string, number][] = [["10.61.0.1", 60_000]];
    expect(exhausted({ ...busy, table: { ...busy.table!, sources } })).toMatchObject({ verdict: "absent" });
  });
  test("an estimate from a small sample says less", () => {
    const full = host(64_512, 300);
    const table = {
      ...full.table!,
      complete: false,
      entries: 300,
      destinations: [{ ...full.table!.destinations[0]!, entries: 300 }],
    };
    expect(exhausted({ ...full, table })).toMatchObject({ verdict: "present", confidence: 0.8 });
  });
  test("a full table and long chains are not it", () => {
    const roomy = host(20_000);
    expect(exhausted(withGrowth(roomy, { drop: 300, insert_failed: 0 }))).toMatchObject({
      verdict: "absent",
    });
    expect(exhausted(withGrowth(roomy, { insert_failed: 40, chain_too_long: 40 }))).toMatchObject({
      verdict: "absent",
    });
  });
  test("verify: quiet and below 45 % is better, quiet with a tenth of the ports free again too", () => {
    const before = host(64_512, 300);
    expect(snatPortsExhausted.verify?.(before, host(20_000)).verdict).toBe("better");
    expect(snatPortsExhausted.verify?.(before, host(55_000)).verdict).toBe("better");
    expect(snatPortsExhausted.verify?.(before, host(64_000)).verdict).toBe("unchanged");
    expect(snatPortsExhausted.verify?.(before, host(64_512, 900)).verdict).toBe("worse");
  });
  test("verify: a warning is answered by random ports, which fail from 90 % only", () => {
    const rule = { ...masquerade, random: "fully" as const };
    expect(snatPortsExhausted.verify?.(host(40_000), host(40_000, 0, { rule })).verdict).toBe("better");
    expect(snatPortsExhausted.verify?.(host(40_000), host(40_000)).verdict).toBe("unchanged");
  });
});

describe("snat-port-collisions", () => {
  test("connections refused at 62 % under a rule that keeps ports are collisions", () => {
    expect(collisions(host(40_000, 12))).toMatchObject({ verdict: "present", severity: "critical" });
  });
  test("between one client's range and used-up ports, and only when something fails", () => {
    expect(collisions(host(26_000, 12))).toMatchObject({ verdict: "present" });
    expect(collisions(host(25_000, 12))).toMatchObject({ verdict: "absent" });
    expect(collisions(host(61_200, 12))).toMatchObject({ verdict: "present" });
    expect(collisions(host(61_300, 12))).toMatchObject({ verdict: "absent" });
    expect(collisions(host(40_000, 0))).toMatchObject({ verdict: "absent" });
  });
  test("under a rule that chooses at random it is the block of old ports, which dissolves", () => {
    expect(collisions(host(40_000, 12, { rule: { ...masquerade, random: "fully" } }))).toMatchObject({
      verdict: "present",
      confidence: 0.7,
      title: expect.stringContaining("from before"),
    });
    expect(collisions(host(40_000, 0, { rule: { ...masquerade, random: "fully" } }))).toMatchObject({
      verdict: "absent",
    });
  });
  test("where no port was ever changed it is something else", () => {
    expect(collisions(host(40_000, 12, { remapped: 0 }))).toMatchObject({ verdict: "absent" });
  });
  test("a full table's drops are not collisions", () => {
    expect(collisions(withGrowth(host(40_000), { drop: 12 }))).toMatchObject({ verdict: "absent" });
  });
  test("without the rules or the table it is unknown while something fails, and absent while nothing does", () => {
    expect(collisions({ ...host(40_000, 12), rules: null })).toMatchObject({ verdict: "unknown" });
    expect(collisions({ ...host(40_000, 12), table: null })).toMatchObject({ verdict: "unknown" });
    expect(collisions({ ...host(40_000, 0), rules: null, table: null })).toMatchObject({ verdict: "absent" });
    expect(collisions({ ...host(40_000, 0), counters: {} })).toMatchObject({ verdict: "unknown" });
  });
  test("verify: quiet is better, twice as many is worse", () => {
    const before = host(40_000, 12);
    expect(snatPortCollisions.verify?.(before, host(40_000, 0)).verdict).toBe("better");
    expect(snatPortCollisions.verify?.(before, host(40_000, 12)).verdict).toBe("unchanged");
    expect(snatPortCollisions.verify?.(before, host(40_000, 30)).verdict).toBe("worse");
  });
  test("verify: a rule made random is better unless twice as many fail: the old block goes with its connections", () => {
    const before = host(40_000, 12);
    const rule = { ...masquerade, random: "fully" as const };
    expect(snatPortCollisions.verify?.(before, host(40_000, 14, { rule })).verdict).toBe("better");
    expect(snatPortCollisions.verify?.(before, host(40_000, 30, { rule })).verdict).toBe("worse");
    expect(snatPortCollisions.verify?.(host(40_000, 12, { rule }), host(40_000, 12, { rule })).verdict).toBe(
      "unchanged",
    );
  });
});

describe("snat-range-too-small", () => {
  const few = { ...masquerade, protocol: "tcp", ports: [20_000, 20_299] as [number, number] };

  test("a range that is full and refuses is it, and not the other two", () => {
    const full = host(300, 20, { rule: few });
    expect(tooSmall(full)).toMatchObject({ verdict: "present", confidence: 0.98, severity: "critical" });
    expect(exhausted(full)).toMatchObject({ verdict: "absent" });
    expect(collisions(full)).toMatchObject({ verdict: "absent" });
  });
  test("from 45 % of the range it is a warning, from 95 % critical without a loss", () => {
    expect(tooSmall(host(134, 0, { rule: few }))).toMatchObject({ verdict: "absent" });
    expect(tooSmall(host(135, 0, { rule: few }))).toMatchObject({ verdict: "present", severity: "warning" });
    expect(tooSmall(host(285, 0, { rule: few }))).toMatchObject({ verdict: "present", severity: "critical" });
  });
  test("a range of more than half of the ports is none of it, and its ports run out like all others", () => {
    const wide = { ...few, ports: [1_024, 49_151] as [number, number] };
    expect(tooSmall(host(300, 20, { rule: wide }))).toMatchObject({ verdict: "absent" });
    expect(exhausted(host(48_000, 20, { rule: wide }))).toMatchObject({
      verdict: "present",
      confidence: 0.97,
    });
  });
  test("a rule that cannot have made the space is not blamed for it", () => {
    expect(tooSmall(host(5_000, 20, { rule: few }))).toMatchObject({ verdict: "absent" });
    expect(tooSmall(host(300, 20, { rule: { ...few, protocol: "udp" } }))).toMatchObject({
      verdict: "absent",
    });
    expect(tooSmall(host(300, 20, { rule: { ...few, destination: "192.0.2.0/24" } }))).toMatchObject({
      verdict: "absent",
    });
    expect(tooSmall(host(300, 20, { rule: { ...few, source: "172.17.0.0/16" } }))).toMatchObject({
      verdict: "absent",
    });
    const snat = {
      ...few,
      action: "snat" as const,
      addresses: ["10.61.0.7", "10.61.0.9"] as [string, string],
    };
    expect(tooSmall(host(300, 20, { rule: snat }))).toMatchObject({ verdict: "absent" });
  });
  test("without the rules it is unknown while connections are refused", () => {
    expect(tooSmall({ ...host(300, 20), rules: null })).toMatchObject({ verdict: "unknown" });
    expect(tooSmall({ ...host(300, 0), rules: null })).toMatchObject({ verdict: "absent" });
    expect(tooSmall({ ...host(300, 20, { rule: few }), table: null })).toMatchObject({ verdict: "unknown" });
  });
  test("verify: a rule without a range and nobody refused is better", () => {
    const before = host(300, 20, { rule: few });
    expect(snatRangeTooSmall.verify?.(before, host(320, 0)).verdict).toBe("better");
    expect(snatRangeTooSmall.verify?.(before, before).verdict).toBe("unchanged");
    expect(snatRangeTooSmall.verify?.(before, host(300, 60, { rule: few })).verdict).toBe("worse");
  });
});
