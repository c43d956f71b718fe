import { describe, expect, test } from "vitest";
import { sourcePortsExhausted as cause } from "../../../core/causes/source-ports-exhausted.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import type { SourceEvidence, SourceReading } from "../../../core/evidence/source.ts";
import { widenClientPorts } from "../../../core/fixes/widen-client-ports.ts";
import { sourcesWorthAsking } from "../../../core/sources.ts";
import { captured, evidenceOf } from "../captured.ts";

const healthy = captured("healthy");
const client = "10.60.0.11";

/** A NAT whose table has `space` entries to one destination and `source` of one client, of `all`. */
function nat(space: number, source: number, all = Math.max(space, source)): HostEvidence {
  const entries = {
    protocol: "tcp",
    natAddress: "10.61.0.1",
    address: "203.0.113.7",
    port: 443,
    entries: space,
  };
  return {
    ...healthy,
    conntrack: { ...healthy.conntrack, count: all },
    table: {
      ...(healthy.table as NonNullable<HostEvidence["table"]>),
      entries: all,
      complete: true,
      destinations: [entries],
      sources: [[client, source]],
    },
  };
}

const linux: SourceEvidence = {
  schema: "nat-medic/source-evidence/1",
  platform: "linux",
  takenAt: 1_795_244_993,
  portRange: [32_768, 60_999],
  reservedPorts: 0,
  reserved: "",
  timeWaitReuse: 2,
  timestamps: 1,
  listeners: [8080],
  established: 28_232,
  timeWait: 0,
  destinations: [{ address: "203.0.113.7", port: 443, established: 28_232, timeWait: 0 }],
  unread: [],
};
const holding = (established: number, timeWait = 0, more: Partial<SourceEvidence> = {}): SourceEvidence => ({
  ...linux,
  ...more,
  destinations: [{ address: "203.0.113.7", port: 443, established, timeWait }],
});
const windows: SourceEvidence = {
  ...linux,
  platform: "windows",
  portRange: [49_152, 65_535],
  reserved: null,
  timeWaitReuse: null,
  timestamps: null,
};
const says = (evidence: SourceEvidence, address = client): SourceReading => ({
  address,
  entries: 28_000,
  instanceId: "i-0c11e0000000000a1",
  reading: { status: "read", evidence },
});
const asked = (evidence: SourceEvidence, on = nat(28_000, 28_000, 30_000)) => ({
  ...evidenceOf(on),
  sources: [says(evidence)],
});

describe("by the client's own word", () => {
  test.each([
    ["all of its ports to one destination", holding(28_232), "critical"],
    ["95 % of them", holding(26_821), "critical"],
    ["a little less", holding(26_820), "warning"],
    ["80 % of them", holding(22_586), "warning"],
    ["ports that wait in TIME_WAIT count too", holding(2_000, 26_000), "critical"],
    [
      "reuse without timestamps frees none",
      holding(2_000, 26_000, { timeWaitReuse: 1, timestamps: 0 }),
      "critical",
    ],
    ["a range that is mostly set aside", holding(4_000, 0, { reservedPorts: 24_232 }), "critical"],
    [
      "Windows counts a port once, whatever it leads to",
      { ...windows, established: 12_000, timeWait: 4_000, destinations: [] },
      "critical",
    ],
  ])("%s", (_what, evidence, severity) => {
    expect(cause.judge(asked(evidence))).toMatchObject({ verdict: "present", confidence: 0.9, severity });
  });

  test.each([
    ["less than 80 %", holding(22_585)],
    ["as many connections on all 64,512 ports", holding(28_232, 0, { portRange: [1024, 65_535] })],
    ["TIME_WAIT on ports that may be used again", holding(2_000, 26_000, { timeWaitReuse: 1 })],
    [
      "as many over several destinations: each has the whole range to itself",
      {
        ...linux,
        destinations: [7, 8, 9].map((n) => ({
          address: `203.0.113.${n}`,
          port: 443,
          established: 9_410,
          timeWait: 0,
        })),
      },
    ],
    [
      "a Windows host with 13,000 of 16,384",
      { ...windows, established: 13_000, timeWait: 0, destinations: [] },
    ],
  ])("absent: %s", (_what, evidence) => {
    expect(cause.judge(asked(evidence)).verdict).toBe("absent");
  });

  test("the same number of ports is plenty for Linux and the end for Windows", () => {
    const on = nat(16_000, 16_000, 20_000);
    expect(cause.judge(asked(holding(16_000), on)).verdict).toBe("absent");
    expect(cause.judge(asked({ ...windows, established: 16_000, destinations: [] }, on)).verdict).toBe(
      "present",
    );
  });
});

describe("without the client's word", () => {
  test("a table without a crowded destination settles it", () => {
    expect(cause.judge(evidenceOf(healthy)).verdict).toBe("absent");
    expect(cause.judge(evidenceOf(nat(7_999, 7_999))).verdict).toBe("absent");
    expect(cause.judge(evidenceOf(nat(30_000, 7_000, 30_000))).verdict).toBe("absent");
  });
  test("a source that stands right at the end of a default range is a hypothesis", () => {
    for (const entries of [28_232, 16_384, 26_900])
      expect(cause.judge(evidenceOf(nat(entries, entries)))).toMatchObject({
        verdict: "present",
        confidence: 0.4,
        severity: "warning",
      });
  });
  test("any other number is unknown, and keeps no host from being healthy", () => {
    for (const on of [nat(20_000, 20_000), nat(40_000, 40_000), nat(28_232, 28_232, 60_000)])
      expect(cause.judge(evidenceOf(on))).toMatchObject({ verdict: "unknown", asked: false });
  });
  test("so is a client that could not be asked, with the reason", () => {
    const source: SourceReading = {
      address: client,
      entries: 20_000,
      instanceId: null,
      reading: { status: "unread", detail: "no instance has the address" },
    };
    expect(cause.judge({ ...evidenceOf(nat(20_000, 20_000)), sources: [source] })).toEqual({
      verdict: "unknown",
      missing: `how many ports ${client} has left: no instance has the address`,
      asked: false,
    });
  });
  test("a table that could not be read is missing", () => {
    expect(cause.judge(evidenceOf({ ...healthy, table: null }))).toEqual({
      verdict: "unknown",
      missing: "the connection table could not be read",
    });
  });
});

test("only sources that could be near their end are asked, three at most", () => {
  const reading = (on: HostEvidence) => ({ status: "read", evidence: on }) as const;
  expect(sourcesWorthAsking(reading(healthy))).toEqual([]);
  expect(sourcesWorthAsking(reading(nat(8_000, 8_000)))).toEqual([{ address: client, entries: 8_000 }]);
  const many = nat(50_000, 8_000);
  const table = many.table as NonNullable<HostEvidence["table"]>;
  const sources = [1, 2, 3, 4].map((n): [string, number] => [`10.60.0.1${n}`, 12_000]);
  expect(sourcesWorthAsking(reading({ ...many, table: { ...table, sources } }))).toHaveLength(3);
  expect(sourcesWorthAsking({ status: "unread", reason: "failed", detail: "" })).toEqual([]);
});

test("a sample is scaled to the whole table", () => {
  const on = nat(4_000, 4_000, 5_000);
  const table = on.table as NonNullable<HostEvidence["table"]>;
  const sampled = {
    ...on,
    conntrack: { ...on.conntrack, count: 10_000 },
    table: { ...table, complete: false },
  };
  expect(sourcesWorthAsking({ status: "read", evidence: sampled })).toEqual([
    { address: client, entries: 8_000 },
  ]);
});

describe("the fix", () => {
  const prepared = (evidence: SourceEvidence) => {
    const result = widenClientPorts.prepare(asked(evidence));
    if ("impossible" in result) throw new Error(result.impossible);
    return result;
  };

  test("on Linux gives all ports, spares what listens, reuses TIME_WAIT, and goes back to the old values", () => {
    const { commands, undo } = prepared({ ...linux, reserved: "9000-9010", listeners: [8080, 9005] });
    const [command = ""] = commands;
    expect(command).toContain("aws ssm send-command --instance-ids i-0c11e0000000000a1 ");
    expect(command).toContain("net.ipv4.ip_local_reserved_ports = 9000-9010,8080");
    expect(command).toContain("net.ipv4.ip_local_port_range = 1024 65535");
    expect(command).toContain("net.ipv4.tcp_tw_reuse = 1");
    expect(undo[0]).toContain("net.ipv4.ip_local_port_range=32768 60999");
    expect(undo[0]).toContain("net.ipv4.tcp_tw_reuse=2");
    expect(undo[0]).toContain("net.ipv4.ip_local_reserved_ports=9000-9010");
  });
  test("its parameters are one shell word that holds JSON", () => {
    const [command = ""] = prepared(linux).commands;
    const quoted = /--parameters '(.*)'$/.exec(command)?.[1]?.replaceAll(String.raw`'\''`, "'") ?? "";
    expect(JSON.parse(quoted).commands[1]).toBe("sysctl -p /etc/sysctl.d/99-zz-nat-medic-client-ports.conf");
  });
  test("on Windows by netsh, to stay", () => {
    const { commands, undo } = prepared({ ...windows, established: 16_000, destinations: [] });
    expect(commands[0]).toContain("set dynamicport tcp start=10000 num=55536 store=persistent");
    expect(undo[0]).toContain("set dynamicport tcp start=49152 num=16384 store=persistent");
    expect(commands[0]).toContain("AWS-RunPowerShellScript");
  });
  test("is not proposed where the range is the widest, or nobody could be asked", () => {
    const widest = holding(64_000, 0, { portRange: [1024, 65_535], timeWaitReuse: 1 });
    expect(widenClientPorts.prepare(asked(widest))).toHaveProperty("impossible");
    expect(widenClientPorts.prepare(evidenceOf(nat(28_232, 28_232)))).toHaveProperty("impossible");
  });
});
