import { describe, expect, test } from "vitest";
import { likely } from "../../core/cause.ts";
import { causes } from "../../core/causes.ts";
import { diagnose } from "../../core/diagnosis.ts";
import type { HostEvidence } from "../../core/evidence/host.ts";
import { publishedMetrics } from "../../core/metrics.ts";
import { byHand, captured, evidenceOf, withGrowth, withTable } from "./captured.ts";

const found = (host: HostEvidence) => diagnose(evidenceOf(host), byHand).causes.map(({ id }) => id);
const full = captured("conntrack-table-full");
const healthy = captured("healthy");

test("a healthy host is called healthy, says what was ruled out, and what nobody could be asked for", () => {
  const diagnosis = diagnose(evidenceOf(healthy), byHand);
  expect(diagnosis.status).toBe("healthy");
  expect(diagnosis.unknown).toEqual([]);
  expect(diagnosis.ruledOut.length + diagnosis.unasked.length).toBe(causes.length);
  expect(diagnosis.unasked.map(({ subject }) => subject)).toContain("network-acl-blocks-ephemeral-ports");
});

test("a host where nothing is found is not called healthy to somebody whose connections fail", () => {
  expect(diagnose(evidenceOf(healthy), { kind: "manual", at: byHand.at, complaint: true }).status).toBe(
    "not-the-nat",
  );
});

test("SYNs without an answer, on a host that drops nothing, are no fault of the NAT", () => {
  const unanswered = { SYN_SENT: 600, ESTABLISHED: 1_200 };
  const table = { ...healthy.table!, tcpStates: unanswered, protocols: { tcp: 1_800 } };
  expect(diagnose(evidenceOf({ ...healthy, table }), byHand).status).toBe("not-the-nat");
  const few = { ...table, tcpStates: { SYN_SENT: 40, ESTABLISHED: 1_760 } };
  expect(diagnose(evidenceOf({ ...healthy, table: few }), byHand).status).toBe("healthy");
});

test("what fails now leads, then the registry's order, and a hypothesis comes last", () => {
  const { causes: found } = diagnose(evidenceOf(full), byHand);
  const standing = found.map(({ severity, confidence }) =>
    confidence < likely ? 2 : severity === "critical" ? 0 : 1,
  );
  expect(standing).toEqual([...standing].sort());
  expect(found[0]?.severity).toBe("critical");
});

describe("what looks like a full table and is not", () => {
  const busy = withTable(full, { max: full.conntrack.max! * 2 });
  const quiet = withGrowth(
    {
      ...busy,
      kernelLog: {
        tableFull: 0,
        tableFullLastAt: null,
        tableFullOtherNamespace: 0,
        tableFullOtherNamespaceLastAt: null,
        others: {},
      },
    },
    { drop: 0 },
  );

  test("drops that count as failed inserts too are clashes or exhausted ports", () => {
    expect(found(withGrowth(quiet, { drop: 300, insert_failed: 300 }))).not.toContain("conntrack-table-full");
    expect(found(withGrowth(quiet, { drop: 301, insert_failed: 300 }))).toContain("conntrack-table-full");
  });

  test("chains that are too long fail inserts without a drop and do not hide a drop", () => {
    const host = withGrowth(quiet, { drop: 0, insert_failed: 40, chain_too_long: 40 });
    expect(found(host)).toEqual(expect.arrayContaining(["conntrack-hash-undersized"]));
    expect(found(host)).not.toContain("conntrack-table-full");
    expect(found(withGrowth(quiet, { drop: 5, insert_failed: 40, chain_too_long: 40 }))).toContain(
      "conntrack-table-full",
    );
  });

  test("a container's table full in its own namespace is not the NAT's", () => {
    const kernelLog = {
      tableFull: 0,
      tableFullLastAt: null,
      tableFullOtherNamespace: 12,
      tableFullOtherNamespaceLastAt: null,
      others: {},
    };
    expect(found({ ...healthy, kernelLog })).toEqual([]);
  });

  test("a log line from long ago says nothing about a table that has room", () => {
    const kernelLog = {
      tableFull: 10,
      tableFullLastAt: healthy.uptime - 5,
      tableFullOtherNamespace: 0,
      tableFullOtherNamespaceLastAt: null,
      others: {},
    };
    // A table that was full once has dropped, and the counter never goes back.
    const counters = { ...healthy.counters, "conntrack.drop": [40, 0] as [number, number] };
    expect(found(withTable({ ...healthy, kernelLog, counters }, { count: 10 }))).toEqual([]);
  });

  test("a table at 95 % is called nearly full, not full", () => {
    const host = withTable(quiet, { count: 9_500, max: 10_000, buckets: 10_000 });
    const [first] = diagnose(evidenceOf(host), byHand).causes;
    expect(first).toMatchObject({
      id: "conntrack-table-full",
      severity: "warning",
      title: expect.stringContaining("nearly"),
    });
  });
});

describe("hosts that look heavy and are not", () => {
  test("four hosts with a quarter each are a busy network", () => {
    const table = {
      ...full.table!,
      sources: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map((ip): [string, number] => [ip, 2_000]),
    };
    expect(found({ ...full, table })).not.toContain("conntrack-heavy-hitter");
  });

  test("the first of many in a table with room harms nobody", () => {
    expect(found(withTable(full, { max: 1_000_000, buckets: 1_000_000 }))).not.toContain(
      "conntrack-heavy-hitter",
    );
  });
});

test("what was read of a large table is scaled to the whole, and said to be a sample", () => {
  const table = { ...full.table!, complete: false };
  const host = withTable({ ...full, table }, { count: table.entries * 100, max: table.entries * 100 });
  const heavy = diagnose(evidenceOf(host), byHand).causes.find(({ id }) => id === "conntrack-heavy-hitter");
  const [, heaviest] = heavy!.evidence;
  expect(heaviest?.observed).toContain(
    `with ${(table.sources[0]![1] * 100).toLocaleString("en-US")} entries`,
  );
  expect(heaviest?.observed).toMatch(/by a sample of 8,\d{3} of 8\d\d,\d{3} entries, \+-1\.1 %/);
});

describe("what could not be read is unknown, never healthy", () => {
  test("an unread host leaves every cause unknown", () => {
    const host = { status: "unread", reason: "unreachable", detail: "no agent" } as const;
    const diagnosis = diagnose({ ...evidenceOf(healthy), host }, byHand);
    expect(diagnosis.status).toBe("undetermined");
    expect(diagnosis.unknown.length + diagnosis.unasked.length).toBe(causes.length);
    expect(diagnosis.ruledOut).toEqual([]);
  });

  test("without the table its idle connections are unknown", () => {
    const { status, unknown } = diagnose(evidenceOf({ ...healthy, table: null }), byHand);
    expect(status).toBe("undetermined");
    expect(unknown.map(({ subject }) => subject)).toContain("conntrack-timeouts-too-long");
  });

  test("a full table with an unreadable heaviest source still leads, and says what it does not know", () => {
    const { causes: named, unknown } = diagnose(evidenceOf({ ...full, table: null }), byHand);
    expect(named[0]?.id).toBe("conntrack-table-full");
    expect(unknown.map(({ subject }) => subject)).toContain("conntrack-heavy-hitter");
  });

  test("a kernel without connection tracking does no NAT and is not healthy", () => {
    const host = withTable(healthy, { loaded: false, count: null, max: null, buckets: null });
    expect(diagnose(evidenceOf(host), byHand).status).toBe("undetermined");
  });

  test.each([
    ...Object.keys(publishedMetrics).map((name) => ["NatMedic", name]),
    ["fck-nat", "ethtool_conntrack_allowance_exceeded"],
    ["alterNAT", "ethtool_pps_allowance_exceeded"],
    ["CWAgent/System", "aggregate_bw_out_allowance_exceeded"],
    ["AWS/EC2", "StatusCheckFailed_System"],
  ])("an alarm on %s %s of a host where nothing is found is answered with healthy", (namespace, name) => {
    const metric = {
      namespace: namespace ?? "",
      name: name ?? "",
      dimensions: { AutoScalingGroupName: "nat" },
    };
    const trigger = { kind: "alarm", alarmName: "a", metric, reason: "", at: byHand.at } as const;
    expect(diagnose(evidenceOf(healthy), trigger)).toMatchObject({ status: "healthy", unknown: [] });
  });

  test("silence of a host that can be read is not answered with healthy, and of one that cannot needs no other word", () => {
    const metric = { namespace: "NatMedic", name: "ConntrackUtilization", dimensions: {} };
    const trigger = {
      kind: "alarm",
      alarmName: "a",
      metric,
      reason: "",
      at: byHand.at,
      silent: true,
    } as const;
    const { status, unknown } = diagnose(evidenceOf(healthy), trigger);
    expect(status).toBe("undetermined");
    expect(unknown).toMatchObject([{ missing: expect.stringContaining("publishes nothing") }]);
    const unread = {
      ...evidenceOf(healthy),
      host: { status: "unread", reason: "unreachable", detail: "no agent" } as const,
    };
    expect(
      diagnose(unread, trigger)
        .unknown.map(({ missing }) => missing)
        .join(),
    ).not.toContain("publishes nothing");
  });

  test("an alarm that no cause explains is not answered with healthy, and says which counters moved", () => {
    const metric = { namespace: "CWAgent", name: "mem_used_percent", dimensions: {} };
    const trigger = {
      kind: "alarm",
      alarmName: "memory",
      metric,
      reason: "",
      at: "2026-11-20T03:12:44Z",
    } as const;
    const moved = {
      ...healthy,
      counters: { ...healthy.counters, "ip.OutDiscards": [900, 1] as [number, number] },
    };
    const diagnosis = diagnose(evidenceOf(moved), trigger);
    expect(diagnosis.status).toBe("undetermined");
    expect(diagnosis.moved.map(({ signal }) => signal)).toContain("ip.OutDiscards");
  });
});
