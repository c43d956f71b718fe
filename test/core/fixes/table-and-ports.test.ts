/** shorten-conntrack-timeouts, limit-source-connections, spread-nat-addresses, bypass-conntrack: what they would do where. */
import { describe, expect, test } from "vitest";
import type { HostEvidence, NatRule } from "../../../core/evidence/host.ts";
import type { Prepared } from "../../../core/fix.ts";
import { bypassConntrack } from "../../../core/fixes/bypass-conntrack.ts";
import { limitSourceConnections } from "../../../core/fixes/limit-source-connections.ts";
import { randomizeSourcePorts } from "../../../core/fixes/randomize-source-ports.ts";
import { shortenConntrackTimeouts } from "../../../core/fixes/shorten-conntrack-timeouts.ts";
import { spreadNatAddresses } from "../../../core/fixes/spread-nat-addresses.ts";
import { captured, cloudOf, evidenceOf, withTable } from "../captured.ts";

const healthy = captured("healthy");
const done = (prepared: Prepared | { impossible: string }): Prepared => {
  if ("impossible" in prepared) throw new Error(prepared.impossible);
  return prepared;
};
const refused = (prepared: Prepared | { impossible: string }) =>
  "impossible" in prepared ? prepared.impossible : "done";
const noIdle = {
  under60: 0,
  under300: 0,
  under3600: 0,
  under7440: 0,
  under21600: 0,
  under86400: 0,
  over86400: 0,
  shortTimer: 0,
  staleTimer: 0,
};

/** A table of 10,000 with so many entries in each TCP state, the established ones idle for as long as said. */
function hostOf(
  tcpStates: Record<string, number>,
  { idle = {}, timeouts = {} }: { idle?: Partial<typeof noIdle>; timeouts?: Record<string, number> } = {},
): HostEvidence {
  const entries = Object.values(tcpStates).reduce((sum, count) => sum + count, 0);
  const establishedIdle = { ...noIdle, under60: tcpStates.ESTABLISHED ?? 0, ...idle };
  const table = { ...healthy.table!, complete: true, entries, tcpStates, establishedIdle, destinations: [] };
  const host = { ...healthy, table, timeouts: { ...healthy.timeouts, ...timeouts } };
  return withTable(host, { count: entries, max: 10_000, buckets: 10_000 });
}

describe("shorten-conntrack-timeouts chooses what to shorten", () => {
  const prepare = (host: HostEvidence) => shortenConntrackTimeouts.prepare(evidenceOf(host));

  test("dead connections: only the established timeout", () => {
    const host = hostOf({ ESTABLISHED: 6_000 }, { idle: { under60: 500, over86400: 5_500 } });
    expect(done(prepare(host)).parameters).toEqual({
      EstablishedSeconds: "86400",
      TimeWaitSeconds: "0",
      Retime: "yes",
    });
  });
  test("closed ones in a scarce table: only TIME_WAIT, and never below 60 s", () => {
    const { parameters, settings, undo } = done(prepare(hostOf({ ESTABLISHED: 500, TIME_WAIT: 7_000 })));
    expect(parameters).toEqual({ EstablishedSeconds: "0", TimeWaitSeconds: "60", Retime: "yes" });
    expect(settings).toEqual([
      { setting: "net.netfilter.nf_conntrack_tcp_timeout_time_wait", before: "120", after: "60" },
    ]);
    expect(undo).toEqual(["sysctl -w net.netfilter.nf_conntrack_tcp_timeout_time_wait=120"]);
    const at60 = hostOf({ ESTABLISHED: 500, TIME_WAIT: 7_000 }, { timeouts: { tcp_timeout_time_wait: 60 } });
    expect(prepare(at60)).toHaveProperty("impossible");
  });
  test("a raised TIME_WAIT in a table with room goes back to the default, and no further", () => {
    const host = hostOf({ ESTABLISHED: 500, TIME_WAIT: 3_000 }, { timeouts: { tcp_timeout_time_wait: 480 } });
    expect(done(prepare(host)).parameters).toMatchObject({ EstablishedSeconds: "0", TimeWaitSeconds: "120" });
  });
  test("both, when both are the matter", () => {
    const host = hostOf(
      { ESTABLISHED: 5_000, TIME_WAIT: 4_500 },
      { idle: { under60: 500, over86400: 4_500 } },
    );
    expect(done(prepare(host)).parameters).toMatchObject({
      EstablishedSeconds: "86400",
      TimeWaitSeconds: "60",
    });
  });
  test("neither, when the table is busy with what is alive", () => {
    expect(prepare(hostOf({ ESTABLISHED: 9_500 }))).toHaveProperty("impossible");
    expect(prepare(healthy)).toHaveProperty("impossible");
  });
  test("ports held by closed connections, in a table that has room", () => {
    const space = { protocol: "tcp", natAddress: "10.61.0.1", address: "10.61.0.2", port: 8080 };
    const held = (closed: number) => {
      const host = hostOf({ ESTABLISHED: 60_000 - closed, TIME_WAIT: closed });
      const table = { ...host.table!, destinations: [{ ...space, entries: 60_000 }] };
      return withTable({ ...host, table }, { max: 262_144 });
    };
    expect(done(prepare(held(50_000))).parameters).toMatchObject({ TimeWaitSeconds: "60" });
    expect(prepare(held(10_000))).toHaveProperty("impossible");
  });
});

describe("limit-source-connections", () => {
  const full = captured("conntrack-table-full");

  test("limits what a heavy host holds", () => {
    const { commands, undo } = done(limitSourceConnections.prepare(evidenceOf(full)));
    expect(commands[1]).toContain(
      "-I FORWARD -s 10.60.0.11 -p tcp --syn -m connlimit --connlimit-above 16384",
    );
    expect(undo).toEqual([commands[1]!.replace(" -I ", " -D ")]);
  });
  test("limits how fast a scan asks: a quarter of the table in the time of a SYN without an answer", () => {
    const table = {
      ...full.table!,
      unreplied: 5_000,
      tcpStates: { SYN_SENT: 5_000 },
      unrepliedSources: [["10.60.0.14", 5_000] as [string, number]],
      unansweredDestinations: [],
    };
    const { commands, undo } = done(limitSourceConnections.prepare(evidenceOf({ ...full, table })));
    expect(commands[1]).toContain("-s 10.60.0.14 -m conntrack --ctstate NEW -m hashlimit");
    expect(commands[1]).toContain("--hashlimit-above 136/second");
    expect(undo).toEqual([commands[1]!.replace(" -I ", " -D ")]);
  });
});

const rule: NatRule = {
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

function crowded(entries: number, natRule = rule): HostEvidence {
  const space = { protocol: "tcp", natAddress: "10.61.0.1", address: "10.61.0.2", port: 8080, entries };
  const table = {
    ...healthy.table!,
    complete: true,
    entries,
    sources: [["10.60.0.20", 300] as [string, number]],
    destinations: [space],
  };
  const rules = { readers: [], nat: [natRule], clampsMss: false, notrack: 0, stripsTimestamps: 0 };
  return withTable({ ...healthy, table, rules }, { count: entries, max: 262_144 });
}

describe("spread-nat-addresses", () => {
  const prepare = (host: HostEvidence) => spreadNatAddresses.prepare(evidenceOf(host));

  test("deals a full space out over three addresses, each below 45 %, and takes back what it made", () => {
    const { commands, undo } = done(prepare(crowded(64_512)));
    const rules = commands.filter((command) => command.startsWith("iptables "));
    expect(rules).toEqual([
      'iptables -t nat -I POSTROUTING 1 -s 10.60.0.0/16 -o wan0 -p tcp -d 10.61.0.2 --dport 8080 -m statistic --mode nth --every 3 --packet 0 -j SNAT --to-source "$new1"',
      'iptables -t nat -I POSTROUTING 2 -s 10.60.0.0/16 -o wan0 -p tcp -d 10.61.0.2 --dport 8080 -m statistic --mode nth --every 2 --packet 0 -j SNAT --to-source "$new2"',
    ]);
    for (const made of rules) expect(undo).toContain(made.replace(/-I POSTROUTING \d/, "-D POSTROUTING"));
    for (const n of [1, 2]) expect(undo).toContain(`ip address del "$new${n}/32" dev wan0`);
  });
  test("uses a table of its own where the rules are nft's", () => {
    const { commands, undo } = done(prepare(crowded(40_000, { ...rule, backend: "nft", specification: "" })));
    expect(commands.join("\n")).toContain("snat to numgen inc mod 2 map { 0 : 10.61.0.1, 1 : $new1 }");
    expect(undo).toContain("nft delete table ip nat_medic_spread");
  });
  test("is not for a destination with room, nor for ports that a rule makes few", () => {
    expect(refused(prepare(crowded(20_000)))).toContain("no destination");
    expect(refused(prepare(crowded(300, { ...rule, ports: [20_000, 20_299] })))).toContain("no destination");
    expect(refused(prepare({ ...crowded(64_512), table: null }))).toContain("unknown");
  });
});

describe("randomize-source-ports", () => {
  test("is not for ports that are used up", () => {
    const interfaces = [
      { name: "wan0", mtu: 1500, defaultRoute: true, driver: null, driverVersion: null, rxRing: null },
    ];
    const prepare = (entries: number) =>
      refused(randomizeSourcePorts.prepare(evidenceOf({ ...crowded(entries), interfaces })));
    expect(prepare(61_300)).toContain("used up");
    expect(prepare(61_200)).toBe("done");
  });
});

describe("bypass-conntrack", () => {
  /** 4,000 of 10,000 entries go from one private host to another under their own address. */
  function passing(natAddress: string, address: string): HostEvidence {
    const host = hostOf({ ESTABLISHED: 10_000 });
    const table = {
      ...host.table!,
      sources: [["10.60.0.20", 4_000] as [string, number], ["10.61.0.1", 20] as [string, number]],
      destinations: [{ protocol: "tcp", natAddress, address, port: 5432, entries: 4_000 }],
    };
    return { ...host, table };
  }
  const prepare = (host: HostEvidence, cloud = evidenceOf(host).cloud) =>
    bypassConntrack.prepare({ ...evidenceOf(host), cloud });

  test("takes untranslated traffic out in both directions, before routing", () => {
    const { commands, undo } = done(prepare(passing("10.60.0.20", "10.80.0.9")));
    const rules = commands.filter((command) => command.includes("-t raw"));
    expect(rules).toEqual([
      "iptables -t raw -A PREROUTING -s 10.60.0.20 -d 10.80.0.9 -p tcp --dport 5432 -j CT --notrack",
      "iptables -t raw -A PREROUTING -s 10.80.0.9 -d 10.60.0.20 -p tcp --sport 5432 -j CT --notrack",
    ]);
    expect(undo).toEqual(rules.map((made) => made.replace(" -A ", " -D ")));
  });
  test("refuses traffic that is translated: untracked, it would leave with a private address", () => {
    expect(refused(prepare(passing("10.61.0.1", "10.80.0.9")))).toContain("they would break");
  });
  test("refuses traffic to the internet, whatever its source looks like", () => {
    expect(refused(prepare(passing("10.60.0.20", "203.0.113.7")))).toContain("they would break");
  });
  test("counts the VPC's own blocks as inside", () => {
    const network = {
      vpcId: "vpc-1",
      cidrs: ["198.19.0.0/16"],
      subnets: [],
      acls: [],
      routeTables: [],
      securityGroupRules: [],
      gatewayEndpoints: [],
    };
    const host = passing("10.60.0.20", "198.19.0.9");
    expect(refused(prepare(host))).toContain("they would break");
    expect(refused(prepare(host, cloudOf({ network })))).toBe("done");
  });
  test("leaves a few entries alone", () => {
    const host = passing("10.60.0.20", "10.80.0.9");
    const destinations = host.table!.destinations.map((space) => ({ ...space, entries: 999 }));
    expect(prepare({ ...host, table: { ...host.table!, destinations } })).toHaveProperty("impossible");
  });
});
