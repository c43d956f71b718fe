/** conntrack-churn, conntrack-limit-masked, conntrack-timeouts-too-long, conntrack-heavy-hitter, container-table-full. */
import { describe, expect, test } from "vitest";
import { conntrackChurn } from "../../../core/causes/conntrack-churn.ts";
import { conntrackHeavyHitter } from "../../../core/causes/conntrack-heavy-hitter.ts";
import { conntrackLimitMasked } from "../../../core/causes/conntrack-limit-masked.ts";
import { conntrackTableFull } from "../../../core/causes/conntrack-table-full.ts";
import { conntrackTimeoutsTooLong } from "../../../core/causes/conntrack-timeouts-too-long.ts";
import { containerTableFull } from "../../../core/causes/container-table-full.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { captured, evidenceOf, withGrowth, withTable } from "../captured.ts";

const healthy = captured("healthy");
const quietLog = {
  tableFull: 0,
  tableFullLastAt: null,
  tableFullOtherNamespace: 0,
  tableFullOtherNamespaceLastAt: null,
  others: {},
};

/** A table of 10,000 with so many entries in each TCP state, all of them read. */
function inStates(tcpStates: Record<string, number>, timeouts: Record<string, number> = {}): HostEvidence {
  const entries = Object.values(tcpStates).reduce((sum, count) => sum + count, 0);
  const table = { ...healthy.table!, complete: true, entries, tcpStates, protocols: { tcp: entries } };
  const host = { ...healthy, table, timeouts: { ...healthy.timeouts, ...timeouts } };
  return withTable(host, { count: entries, max: 10_000, buckets: 10_000 });
}

describe("conntrack-churn", () => {
  const judge = (host: HostEvidence) => conntrackChurn.judge(evidenceOf(host));

  test("a scarce table that mostly remembers closed connections is it", () => {
    expect(judge(inStates({ ESTABLISHED: 500, TIME_WAIT: 7_000 }))).toMatchObject({
      verdict: "present",
      severity: "warning",
    });
  });
  test("from 70 % of the table in use, and 40 % of it over", () => {
    expect(judge(inStates({ ESTABLISHED: 4_200, TIME_WAIT: 2_800 }))).toMatchObject({ verdict: "present" });
    expect(judge(inStates({ ESTABLISHED: 4_201, TIME_WAIT: 2_800 }))).toMatchObject({ verdict: "absent" });
    expect(judge(inStates({ ESTABLISHED: 500, TIME_WAIT: 6_400 }))).toMatchObject({ verdict: "absent" });
  });
  test("established connections and unanswered ones are not", () => {
    expect(judge(inStates({ ESTABLISHED: 9_000 }))).toMatchObject({ verdict: "absent" });
    expect(judge(inStates({ ESTABLISHED: 500, SYN_SENT: 8_000 }))).toMatchObject({ verdict: "absent" });
  });
  test("what a raised time_wait adds is the timeout's fault, not the traffic's", () => {
    const host = inStates({ ESTABLISHED: 500, TIME_WAIT: 7_000 }, { tcp_timeout_time_wait: 480 });
    expect(judge(host)).toMatchObject({ verdict: "absent" });
    expect(conntrackTimeoutsTooLong.judge(evidenceOf(host))).toMatchObject({ verdict: "present" });
  });
  test("a table with room need not be readable, a scarce one must", () => {
    expect(judge({ ...inStates({ TIME_WAIT: 100 }), table: null })).toMatchObject({ verdict: "absent" });
    expect(judge({ ...inStates({ TIME_WAIT: 8_000 }), table: null })).toMatchObject({ verdict: "unknown" });
  });
  test("verify: room or a third fewer remains is better", () => {
    const before = inStates({ ESTABLISHED: 500, TIME_WAIT: 9_000 });
    const verdict = (after: HostEvidence) => conntrackChurn.verify?.(before, after).verdict;
    expect(verdict(withTable(before, { max: 40_000 }))).toBe("better");
    expect(verdict(inStates({ ESTABLISHED: 2_000, TIME_WAIT: 6_000 }))).toBe("better");
    expect(verdict(before)).toBe("unchanged");
  });
});

describe("conntrack-limit-masked", () => {
  const limit = withTable(healthy, { count: 8_190, max: 8_192 });
  const judge = (host: HostEvidence) => conntrackLimitMasked.judge(evidenceOf(host)).verdict;
  const full = (host: HostEvidence) => conntrackTableFull.judge(evidenceOf(host)).verdict;

  test("evictions without a drop are it, and then the table is not called full as well", () => {
    const host = withGrowth(limit, { early_drop: 40 });
    expect(conntrackLimitMasked.judge(evidenceOf(host))).toMatchObject({
      verdict: "present",
      confidence: 0.9,
      severity: "critical",
    });
    expect(full(host)).toBe("absent");
  });
  test("evictions and drops are a full table", () => {
    const host = withGrowth(limit, { early_drop: 40, drop: 3 });
    expect(judge(host)).toBe("absent");
    expect(full(host)).toBe("present");
  });
  test("the limit without evictions is a full table, and 75 % in use is nothing", () => {
    expect(judge(limit)).toBe("absent");
    expect(full(limit)).toBe("present");
    const busy = withTable(healthy, { count: 6_144, max: 8_192 });
    expect([judge(busy), full(busy)]).toEqual(["absent", "absent"]);
  });
  test("refused ports count in drop and hide nothing", () => {
    expect(judge(withGrowth(limit, { early_drop: 40, drop: 9, insert_failed: 9 }))).toBe("present");
  });
  test("counters that cannot be read are unknown", () => {
    expect(judge({ ...limit, counters: {} })).toBe("unknown");
  });
  test("verify: no eviction and room is better, no eviction at the limit is not", () => {
    const before = withGrowth(limit, { early_drop: 40 });
    const verdict = (after: HostEvidence) => conntrackLimitMasked.verify?.(before, after).verdict;
    expect(verdict(withTable(limit, { max: 65_536 }))).toBe("better");
    expect(verdict(limit)).toBe("unchanged");
    expect(verdict(withGrowth(limit, { early_drop: 100 }))).toBe("worse");
  });
});

describe("conntrack-timeouts-too-long", () => {
  const judge = (host: HostEvidence) => conntrackTimeoutsTooLong.judge(evidenceOf(host));

  test("a time_wait above the default is judged by what it keeps: a fifth of the table", () => {
    const at = (entries: number, seconds: number) =>
      judge(inStates({ ESTABLISHED: 100, TIME_WAIT: entries }, { tcp_timeout_time_wait: seconds })).verdict;
    expect(at(4_000, 240)).toBe("present");
    expect(at(3_999, 240)).toBe("absent");
    expect(at(9_000, 120)).toBe("absent");
  });
  test("a close_wait above the default is named, with the line that puts it back", () => {
    expect(
      judge(inStates({ ESTABLISHED: 100, CLOSE_WAIT: 5_000 }, { tcp_timeout_close_wait: 3_600 })),
    ).toMatchObject({
      verdict: "present",
      title: "Closed connections are remembered for too long",
      advice: [expect.stringContaining("sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close_wait=60")],
    });
    expect(judge(inStates({ CLOSE_WAIT: 5_000 }, { tcp_timeout_close_wait: 60 })).verdict).toBe("absent");
  });
  test("verify: at the default nothing is kept any more", () => {
    const before = inStates({ ESTABLISHED: 100, TIME_WAIT: 6_000 }, { tcp_timeout_time_wait: 480 });
    const after = { ...before, timeouts: { ...before.timeouts, tcp_timeout_time_wait: 120 } };
    expect(conntrackTimeoutsTooLong.verify?.(before, after).verdict).toBe("better");
    expect(conntrackTimeoutsTooLong.verify?.(before, before).verdict).toBe("unchanged");
  });
});

describe("conntrack-heavy-hitter", () => {
  const judge = (host: HostEvidence) => conntrackHeavyHitter.judge(evidenceOf(host));
  /** 9,000 of 10,000 entries, half of them without an answer, from one source to so many destinations. */
  function scan(destinations: number, { from = 4_500, protocol = "tcp" } = {}): HostEvidence {
    const host = inStates(
      protocol === "tcp" ? { ESTABLISHED: 4_500, SYN_SENT: 4_500 } : { ESTABLISHED: 4_500 },
    );
    const targets = Array.from({ length: Math.min(20, destinations) }, (_, n) => ({
      protocol,
      natAddress: "10.61.0.1",
      address: `198.51.100.${n + 1}`,
      port: 443,
      entries: Math.floor(4_500 / destinations),
    }));
    const table = {
      ...host.table!,
      entries: 9_000,
      unreplied: 4_500,
      sources: Array.from({ length: 4 }, (_, n): [string, number] => [`10.60.0.1${n + 1}`, 2_250]),
      unrepliedSources: [["10.60.0.11", from] as [string, number]],
      unansweredDestinations: protocol === "tcp" ? targets : [],
      destinations: targets,
    };
    return withTable({ ...host, table }, { count: 9_000 });
  }

  test("one source whose questions nobody answers, all over the place, scans", () => {
    expect(judge(scan(250))).toMatchObject({
      verdict: "present",
      confidence: 0.85,
      title: "One host scans or floods",
    });
    expect(judge(scan(250, { protocol: "udp" }))).toMatchObject({ title: "One host scans or floods" });
  });
  test("a server that is down is no scan, and neither are many who ask", () => {
    expect(judge(scan(1))).toMatchObject({ verdict: "absent" });
    expect(judge(scan(250, { from: 2_200 }))).toMatchObject({ verdict: "absent" });
  });
  test("in a table with room nobody is blamed", () => {
    expect(judge(withTable(scan(250), { max: 20_000 }))).toMatchObject({ verdict: "absent" });
  });
});

describe("container-table-full", () => {
  const judge = (host: HostEvidence) => containerTableFull.judge(evidenceOf(host)).verdict;
  const full = (host: HostEvidence) => conntrackTableFull.judge(evidenceOf(host)).verdict;
  const line = healthy.uptime - 2;
  const dropped = (host: HostEvidence, total: number) => ({
    ...host,
    counters: { ...host.counters, "conntrack.drop": [total, 0] as [number, number] },
  });

  test("a recent line that names another namespace is a container's", () => {
    const kernelLog = { ...quietLog, tableFullOtherNamespace: 12, tableFullOtherNamespaceLastAt: line };
    expect([judge({ ...healthy, kernelLog }), full({ ...healthy, kernelLog })]).toEqual([
      "present",
      "absent",
    ]);
  });
  test("an old one, or one without a time, is over", () => {
    const uptime = healthy.uptime + 1_000;
    const kernelLog = { ...quietLog, tableFullOtherNamespace: 12, tableFullOtherNamespaceLastAt: line };
    expect(judge({ ...healthy, uptime, kernelLog })).toBe("absent");
    expect(judge({ ...healthy, kernelLog: { ...quietLog, tableFullOtherNamespace: 12 } })).toBe("absent");
  });
  test("a line without a name is a container's when this table never dropped, and ours when it has", () => {
    const kernelLog = { ...quietLog, tableFull: 4, tableFullLastAt: line };
    const host = withTable({ ...healthy, kernelLog }, { count: 700, max: 1_000 - 1 });
    expect(judge(dropped(withTable(host, { count: 600 }), 0))).toBe("present");
    expect(judge(dropped(withTable(host, { count: 600 }), 5))).toBe("absent");
    // At 70 % and more the line is the NAT's own, if its table has ever dropped.
    expect([judge(dropped(host, 5)), full(dropped(host, 5))]).toEqual(["absent", "present"]);
    expect(full(dropped(host, 0))).toBe("absent");
  });
  test("a log that may not be read is not asked for", () => {
    expect(containerTableFull.judge(evidenceOf({ ...healthy, kernelLog: null }))).toMatchObject({
      verdict: "unknown",
      asked: false,
    });
  });
});
