import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { HostEvidence } from "../../core/evidence/host.ts";
import { spliceScript } from "../../host/documents.ts";
import {
  awks,
  captured,
  type FolderHost,
  folderHost,
  hostFolder,
  installed,
  isRoot,
  networkNamespace,
  shells,
} from "./folder-host.ts";

let host: FolderHost;
beforeEach(() => {
  host = folderHost();
});
afterEach(() => host.remove());

const spliced = () => spliceScript(join(hostFolder, "collect-host-evidence.sh"));
const quick = { SSM_SampleSeconds: "0" };

function collect(on: FolderHost, environment: Record<string, string> = {}, shell?: string) {
  const ran = on.run("collect-host-evidence.sh", { ...quick, ...environment }, shell);
  expect(ran.stderr).toBe("");
  expect(ran.exitCode).toBe(0);
  expect(ran.stdout.endsWith("}\n")).toBe(true);
  expect(ran.stdout.trimEnd()).not.toContain("\n");
  return HostEvidence.parse(JSON.parse(ran.stdout));
}

function table(evidence: HostEvidence) {
  expect(evidence.table, evidence.unread.join("; ")).not.toBeNull();
  return evidence.table as NonNullable<HostEvidence["table"]>;
}

describe.each(shells)("under %s", (shell) => {
  it.each(awks)("reads the captured table with %s", (awk) => {
    host.remove();
    host = folderHost({ awk });
    host.conntrackPrints(captured("conntrack-L.txt"));
    expect(table(collect(host, {}, shell))).toEqual({
      reader: "conntrack",
      seconds: 0,
      entries: 12,
      complete: true,
      protocols: { tcp: 8, udp: 1, icmp: 1, gre: 1, unknown: 1 },
      tcpStates: { ESTABLISHED: 5, SYN_SENT: 2, TIME_WAIT: 1 },
      unreplied: 5,
      assured: 6,
      offloaded: 0,
      establishedIdle: {
        under60: 4,
        under300: 0,
        under3600: 1,
        under7440: 0,
        under21600: 0,
        under86400: 0,
        over86400: 0,
        shortTimer: 0,
        staleTimer: 0,
      },
      sources: [
        ["10.60.0.2", 10],
        ["203.0.113.2", 1],
        ["fd00:60::2", 1],
      ],
      unrepliedSources: [["10.60.0.2", 5]],
      // The entry behind the DNAT rule answers from 10.60.0.2: its other side is no NAT address of ours.
      natAddresses: [["203.0.113.1", 7]],
      destinations: [
        { protocol: "tcp", natAddress: "203.0.113.1", address: "203.0.113.2", port: 8080, entries: 3 },
        { protocol: "gre", natAddress: "10.60.0.2", address: "203.0.113.7", port: 0, entries: 1 },
        { protocol: "icmp", natAddress: "203.0.113.1", address: "203.0.113.2", port: 0, entries: 1 },
        { protocol: "tcp", natAddress: "10.60.0.2", address: "203.0.113.8", port: 2, entries: 1 },
        { protocol: "tcp", natAddress: "203.0.113.1", address: "203.0.113.2", port: 8081, entries: 1 },
        { protocol: "tcp", natAddress: "203.0.113.1", address: "203.0.113.99", port: 443, entries: 1 },
        { protocol: "tcp", natAddress: "203.0.113.2", address: "10.60.0.2", port: 22, entries: 1 },
        { protocol: "tcp", natAddress: "fd00:60::2", address: "2001:db8::2", port: 443, entries: 1 },
        { protocol: "udp", natAddress: "203.0.113.1", address: "203.0.113.2", port: 5353, entries: 1 },
        { protocol: "unknown", natAddress: "10.60.0.2", address: "203.0.113.9", port: 0, entries: 1 },
      ],
      // What was asked of 203.0.113.99 was never answered; of 10.60.0.2's own, nothing was translated.
      unansweredDestinations: [
        { protocol: "tcp", natAddress: "10.60.0.2", address: "203.0.113.8", port: 2, entries: 1 },
        { protocol: "tcp", natAddress: "203.0.113.1", address: "203.0.113.99", port: 443, entries: 1 },
      ],
      unansweredLately: null,
      remapped: 0,
      undercount: 0,
    });
  });

  it.each(awks)("survives hostile lines with %s", (awk) => {
    host.remove();
    host = folderHost({ awk });
    host.conntrackPrints(
      [
        'tcp 6 10 EST"ABL src=<script>alert(1)</script> dst=1.1.1.1 src=1.1.1.1 dst="}],"table":{} [ASSURED]',
        "\u001b[31mtcp\u001b[0m 6 99999999999999999999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=99999999 dport=1",
        `tcp 6 10 ${"A".repeat(500)} src=${"1".repeat(300)} dst=1.1.1.1 src=1.1.1.1 dst=1.1.1.1`,
        "src= dst= src= dst=",
        "tcp 6 10 ESTABLISHED src=10.0.0.1",
        "",
        ...Array.from(
          { length: 50 },
          (_, n) => `p${n}\\"& 250 10 STATE${n} src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1`,
        ),
        ...Array.from(
          { length: 50 },
          (_, n) => `tcp 6 10 STATE_${n} src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1`,
        ),
      ].join("\n"),
    );
    const evidence = collect(host, {}, shell);
    expect(table(evidence).entries).toBeGreaterThanOrEqual(103);
    expect(Object.keys(table(evidence).protocols).length).toBeLessThanOrEqual(16);
    expect(Object.keys(table(evidence).tcpStates).length).toBeLessThanOrEqual(16);
    expect(evidence.unread).toContainEqual(
      expect.stringMatching(/^table: \d lines of an unknown form were skipped$/),
    );
  });
});

describe("the table", () => {
  const comparable = (read: NonNullable<HostEvidence["table"]>) => ({ ...read, reader: "", seconds: 0 });

  it.each(["conntrack-L-extended.txt", "ctnetlink.txt"])(
    "is the same from %s as from conntrack -L",
    (dump) => {
      host.conntrackPrints(captured("conntrack-L.txt"));
      const expected = comparable(table(collect(host)));
      host.conntrackPrints(captured(dump));
      expect(comparable(table(collect(host)))).toEqual(expected);
    },
  );

  it("is the same from /proc, which writes IPv6 addresses out", () => {
    host.conntrackPrints(captured("conntrack-L.txt"));
    const expected = comparable(table(collect(host)));
    host.tool("conntrack", "exit 1");
    host.write("proc/net/nf_conntrack", captured("proc.txt"));
    const read = table(collect(host));
    expect(read.reader).toBe("proc");
    const compressed = JSON.stringify(comparable(read))
      .replaceAll("fd00:0060:0000:0000:0000:0000:0000:0002", "fd00:60::2")
      .replaceAll("2001:0db8:0000:0000:0000:0000:0000:0002", "2001:db8::2");
    expect(JSON.parse(compressed)).toEqual(expected);
  });

  it.each(["offload-conntrack-L.txt", "offload-proc.txt"])(
    "knows offloaded entries, which have no timer: %s",
    (dump) => {
      host.conntrackPrints(captured(dump));
      const read = table(collect(host));
      expect(read).toMatchObject({ entries: 4, offloaded: 3, assured: 1, tcpStates: { CLOSE: 1 } });
      expect(Object.values(read.establishedIdle).every((entries) => entries === 0)).toBe(true);
    },
  );

  it("sorts established entries by idleness, and tells timers that say nothing about it", () => {
    const remaining = [
      432_000, 431_941, 431_940, 431_700, 428_400, 424_560, 410_400, 345_600, 301, 300, 1, 432_001,
    ];
    host.conntrackPrints(
      remaining
        .map(
          (left, n) =>
            `tcp 6 ${left} ESTABLISHED src=10.0.0.1 dst=1.1.1.1 sport=${n} dport=1 src=1.1.1.1 dst=9.9.9.9 sport=1 dport=${n} [ASSURED] use=1\n`,
        )
        .join(""),
    );
    expect(table(collect(host)).establishedIdle).toEqual({
      under60: 2,
      under300: 1,
      under3600: 1,
      under7440: 1,
      under21600: 1,
      under86400: 1,
      over86400: 2,
      shortTimer: 2,
      staleTimer: 1,
    });
  });

  it("is empty, not unknown, when the reader says so", () => {
    host.conntrackPrints("");
    host.setting("nf_conntrack_count", 0);
    const evidence = collect(host);
    expect(table(evidence)).toMatchObject({ entries: 0, complete: true, sources: [], destinations: [] });
    expect(evidence.unread).toEqual([]);
  });

  it("is a sample when it is longer than the limit, and complete when it just fits", () => {
    host.conntrackPrints(captured("conntrack-L.txt"));
    expect(table(collect(host, { SSM_DumpEntries: "5" }))).toMatchObject({ entries: 5, complete: false });
    expect(table(collect(host, { SSM_DumpEntries: "12" }))).toMatchObject({ entries: 12, complete: true });
  });

  it("says so when the reader breaks off, or lists less than the kernel counts", () => {
    host.conntrackPrints(captured("conntrack-L.txt"), 1);
    expect(table(collect(host))).toMatchObject({ entries: 12, complete: false });
    host.conntrackPrints(captured("conntrack-L.txt"));
    host.setting("nf_conntrack_count", 5000);
    expect(collect(host).unread).toContain("table: 12 of 5000 entries were listed");
  });

  it("is unknown when every reader fails, and the reason is told", () => {
    host.conntrackPrints("", 1);
    const evidence = collect(host);
    expect(evidence.table).toBeNull();
    expect(evidence.unread).toContainEqual(expect.stringMatching(/^table: failed by conntrack/));
  });

  it("is not read through /proc when it is large, which would take minutes below 6.18", () => {
    host.write("proc/net/nf_conntrack", captured("proc.txt"));
    host.setting("nf_conntrack_count", 20_001);
    const evidence = collect(host);
    expect(evidence.table).toBeNull();
    expect(evidence.unread).toContain("table: no conntrack, no python3, and not by /proc");
  });

  it("is read through /proc rather than have the kernel load a module", () => {
    host.tool("conntrack", `touch ${host.base}/loaded`);
    host.tool("uname", "echo 6.1.0");
    host.write("lib/modules/6.1.0/kernel/net/netfilter/nf_conntrack_netlink.ko", "");
    host.write("proc/net/nf_conntrack", captured("proc.txt"));
    expect(table(collect(host)).reader).toBe("proc");
    host.write("sys/module/nf_conntrack_netlink/refcnt", 0);
    host.conntrackPrints(captured("conntrack-L.txt"));
    expect(table(collect(host)).reader).toBe("conntrack");
  });

  it("tells which SYNs of the last seconds are without an answer, by the timer that each of them starts", () => {
    host.setting("nf_conntrack_tcp_timeout_syn_sent", 120);
    host.conntrackPrints(captured("conntrack-L.txt"));
    // The other one, to 203.0.113.8, has 48 s left.
    expect(table(collect(host)).unansweredLately).toEqual([
      { protocol: "tcp", natAddress: "203.0.113.1", address: "203.0.113.99", port: 443, entries: 1 },
    ]);
  });

  it("tells where connections are tried in vain, and how many had to take another port than their own", () => {
    const entry = (protocol: string, state: string, port: number, natPort: number, mark = "[ASSURED] ") =>
      `${protocol} 6 100 ${state} src=10.0.0.1 dst=192.0.2.1 sport=${port} dport=443 src=192.0.2.1 dst=198.51.100.1 sport=443 dport=${natPort} ${mark}use=1\n`;
    const syn = (port: number) =>
      `tcp 6 100 SYN_SENT src=10.0.0.1 dst=192.0.2.1 sport=${port} dport=443 [UNREPLIED] src=192.0.2.1 dst=198.51.100.1 sport=443 dport=${port} use=1\n`;
    host.conntrackPrints(
      [
        entry("tcp", "ESTABLISHED", 2000, 2000),
        entry("tcp", "ESTABLISHED", 2001, 40_001),
        entry("udp", "", 2002, 40_002),
        // A ping has no ports, and an own connection of the host no other address.
        "icmp 1 29 src=10.0.0.1 dst=192.0.2.1 type=8 code=0 id=1 src=192.0.2.1 dst=198.51.100.1 type=0 code=0 id=2 use=1\n",
        "tcp 6 100 SYN_SENT src=198.51.100.1 dst=192.0.2.9 sport=1 dport=22 [UNREPLIED] src=192.0.2.9 dst=198.51.100.1 sport=22 dport=1 use=1\n",
        syn(3000),
        syn(3001),
      ].join(""),
    );
    expect(table(collect(host))).toMatchObject({
      remapped: 2,
      unansweredDestinations: [
        { protocol: "tcp", natAddress: "198.51.100.1", address: "192.0.2.1", port: 443, entries: 2 },
        { protocol: "tcp", natAddress: "198.51.100.1", address: "192.0.2.9", port: 22, entries: 1 },
      ],
    });
  });

  it("keeps the heavy ones in bounded memory, and says how far off a count can be", () => {
    const line = (source: string, port: number) =>
      `tcp 6 100 SYN_SENT src=${source} dst=192.0.2.1 sport=${port} dport=443 [UNREPLIED] src=192.0.2.1 dst=198.51.100.1 sport=443 dport=${port} use=1\n`;
    let dump = "";
    for (let n = 0; n < 30_000; n++) {
      dump += line(n % 3 === 0 ? "10.0.0.1" : `10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`, n);
    }
    host.conntrackPrints(dump);
    const evidence = collect(host);
    const [heaviest] = table(evidence).sources;
    expect(heaviest?.[0]).toBe("10.0.0.1");
    expect(heaviest?.[1]).toBeLessThanOrEqual(10_000);
    expect(heaviest?.[1]).toBeGreaterThanOrEqual(10_000 - table(evidence).undercount);
    expect(table(evidence).undercount).toBeLessThanOrEqual(Math.ceil(30_000 / 2048));
    expect(table(evidence).destinations).toEqual([
      { protocol: "tcp", natAddress: "198.51.100.1", address: "192.0.2.1", port: 443, entries: 30_000 },
    ]);
  });
});

describe("the counters", () => {
  const columns =
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart";
  const row = (values: Record<string, number>, names = columns) =>
    names
      .split(/ +/)
      .map((name) => (values[name] ?? 0).toString(16).padStart(8, "0"))
      .join(" ");
  /** The dump is taken between the two samples, so it is where the counters move. */
  function countersMoveTo(text: string) {
    host.write("later", text);
    host.tool("conntrack", `/bin/cp ${host.at("later")} ${host.at("proc/net/stat/nf_conntrack")}`);
  }

  it("are summed over the processors by the names of their columns", () => {
    host.write(
      "proc/net/stat/nf_conntrack",
      `${columns}\n${row({ drop: 10, found: 1 })}\n${row({ drop: 5 })}\n`,
    );
    countersMoveTo(
      `${columns}\n${row({ drop: 25, found: 1, clashres: 2, chainlength: 3 })}\n${row({ drop: 6, insert_failed: 255 })}\n`,
    );
    expect(collect(host).counters).toMatchObject({
      "conntrack.drop": [31, 16],
      "conntrack.found": [1, 0],
      "conntrack.clash_resolved": [2, 2],
      "conntrack.chain_too_long": [3, 3],
      "conntrack.insert_failed": [255, 255],
      "conntrack.early_drop": [0, 0],
      "conntrack.invalid": [0, 0],
      "conntrack.insert": [0, 0],
      "conntrack.search_restart": [0, 0],
      "softnet.processed": [10, 0],
      "softnet.squeezed": [1, 0],
    });
  });

  it("go round at 32 bits", () => {
    host.write(
      "proc/net/stat/nf_conntrack",
      `${columns}\n${row({ found: 0xfffffff0 })}\n${row({ found: 7 })}\n`,
    );
    countersMoveTo(`${columns}\n${row({ found: 0x10 })}\n${row({ found: 7 })}\n`);
    expect(collect(host).counters["conntrack.found"]).toEqual([0x17, 0x20]);
  });

  it("do not take the dead eighth column of kernels before 5.15 for long chains", () => {
    const old =
      "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart";
    host.write(
      "proc/net/stat/nf_conntrack",
      `${old}\n${row({ delete_list: 9, searched: 9, drop: 4 }, old)}\n`,
    );
    const { counters } = collect(host);
    expect(counters["conntrack.drop"]).toEqual([4, 0]);
    expect(counters).not.toHaveProperty(["conntrack.chain_too_long"]);
    expect(counters).not.toHaveProperty(["conntrack.clash_resolved"]);
  });

  it("come from conntrack -S where /proc does not have them", () => {
    host.write("proc/net/stat/nf_conntrack", "");
    spawnSync("rm", [host.at("proc/net/stat/nf_conntrack")]);
    host.write("S", captured("conntrack-S.txt"));
    host.tool("conntrack", `[ "$1" != -S ] || /bin/cat ${host.at("S")}`);
    expect(collect(host).counters).toMatchObject({
      "conntrack.insert": [4, 0],
      "conntrack.drop": [0, 0],
      "conntrack.chain_too_long": [0, 0],
      "conntrack.clash_resolved": [0, 0],
    });
    host.tool("conntrack", "exit 1");
    const blind = collect(host);
    expect(blind.counters).not.toHaveProperty(["conntrack.drop"]);
    expect(blind.unread).toContain("counters: no statistics of connection tracking");
  });

  it("include those of the network cards and leave out zeros elsewhere", () => {
    for (const card of ["ens5", "docker0", "lo"]) {
      for (const counter of ["rx_dropped", "tx_dropped"])
        host.write(`sys/class/net/${card}/statistics/${counter}`, 0);
    }
    host.write("sys/class/net/ens5/device/vendor", "0x1d0f\n");
    host.write("sys/class/net/ens5/statistics/rx_dropped", 17);
    host.write(
      "proc/net/snmp",
      "Ip: Forwarding ForwDatagrams InDiscards ReasmFails FragFails\nIp: 1 4500 0 0 3\nTcp: AttemptFails OutRsts\nTcp: 0 2\n",
    );
    host.write("proc/net/netstat", "TcpExt: SyncookiesSent IPReversePathFilter\nTcpExt: 4 6\n");
    host.tool(
      "ethtool",
      'printf "NIC statistics:\\n     tx_timeout: 0\\n     bw_in_allowance_exceeded: 5\\n     conntrack_allowance_exceeded: 0\\n     conntrack_allowance_available: 136812\\n     queue_0_tx_cnt: 9\\n"',
    );
    host.conntrackPrints("");
    const { counters, unread } = collect(host);
    expect(
      Object.fromEntries(Object.entries(counters).filter(([name]) => !/^(conntrack|cpu|softnet)/.test(name))),
    ).toEqual({
      "ens5.bw_in_allowance_exceeded": [5, 0],
      "ens5.conntrack_allowance_exceeded": [0, 0],
      "ens5.conntrack_allowance_available": [136_812, 0],
      "ens5.rx_dropped": [17, 0],
      "ip.ForwDatagrams": [4500, 0],
      "ip.FragFails": [3, 0],
      // A zero that clears its cause of suspicion.
      "ip.ReasmFails": [0, 0],
      "tcp.OutRsts": [2, 0],
      "tcpext.IPReversePathFilter": [6, 0],
    });
    expect(unread).not.toContainEqual(expect.stringMatching(/ethtool/));
  });
});

describe("the settings", () => {
  beforeEach(() => host.conntrackPrints(""));

  it("are numbers by the names of sysctl; what this kernel lacks or words otherwise is left out", () => {
    host.write("proc/sys/net/ipv4/ip_forward", 1);
    host.write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
    host.write("proc/sys/net/ipv4/tcp_timestamps", "<b>1</b>\n");
    host.write("proc/sys/net/ipv4/neigh/default/gc_thresh3", "99999999999999999999\n");
    host.write("proc/sys/net/ipv4/ipfrag_time", "");
    host.setting("nf_conntrack_tcp_loose", 0);
    host.write("sys/class/net/ens5.100/mtu", 1500);
    host.write("proc/sys/net/ipv4/conf/ens5.100/rp_filter", 2);
    expect(collect(host).parameters).toEqual({
      "net.ipv4.ip_forward": [1],
      "net.ipv4.ip_local_port_range": [32_768, 60_999],
      "net.netfilter.nf_conntrack_tcp_loose": [0],
      "net.ipv4.conf.ens5.100.rp_filter": [2],
    });
  });

  it("have what is so at this moment beside them", () => {
    host.write(
      "proc/net/sockstat",
      "sockets: used 24\nTCP: inuse 5 orphan 1 tw 7 alloc 8 mem 1\nUDP: inuse 2 mem 0\nFRAG: inuse 3 memory 4194000\n",
    );
    host.write(
      "proc/net/stat/arp_cache",
      "entries  allocs   destroys table_fulls\n000003ff 00000001 00000000 0000000a\n000003ff 00000001 00000000 00000001\n",
    );
    const { gauges, counters } = collect(host);
    expect(gauges).toEqual({
      "tcp.inuse": 5,
      "tcp.orphan": 1,
      "tcp.tw": 7,
      "frag.inuse": 3,
      "frag.memory": 4_194_000,
      "arp.entries": 1023,
    });
    expect(counters["arp.table_fulls"]).toEqual([11, 0]);
  });
});

describe("the interfaces", () => {
  const routes = (...lines: string[]) =>
    host.write(
      "proc/net/route",
      `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n${lines.join("\n")}\n`,
    );
  const card = (name: string, mtu = 9001) => {
    host.write(`sys/class/net/${name}/device/vendor`, "0x1d0f\n");
    host.write(`sys/class/net/${name}/mtu`, mtu);
  };
  beforeEach(() => host.conntrackPrints(""));

  it("are the cards with their driver and receive ring, and which the default route leaves by", () => {
    card("ens5");
    card("ens6", 1500);
    routes(
      "ens6\t00000000\t0102000A\t0003\t0\t0\t1002\t00000000\t0\t0\t0",
      "ens5\t00000000\t0101000A\t0003\t0\t0\t512\t00000000\t0\t0\t0",
      "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0",
      "ens6\t0001000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    );
    // As the driver of EC2's cards answers.
    host.tool(
      "ethtool",
      `[ "$2" = ens5 ] || exit 75
case $1 in
-i) printf 'driver: ena\nversion: 2.13.0g\nfirmware-version: \nexpansion-rom-version: \nbus-info: 0000:00:05.0\n' ;;
-g) printf 'Ring parameters for ens5:\nPre-set maximums:\nRX:\t\t16384\nRX Mini:\tn/a\nRX Jumbo:\tn/a\nTX:\t\t1024\nCurrent hardware settings:\nRX:\t\t1024\nRX Mini:\tn/a\nRX Jumbo:\tn/a\nTX:\t\t1024\n' ;;
esac`,
    );
    expect(collect(host).interfaces).toEqual([
      {
        name: "ens5",
        mtu: 9001,
        defaultRoute: true,
        driver: "ena",
        driverVersion: "2.13.0g",
        rxRing: [1024, 16_384],
      },
      { name: "ens6", mtu: 1500, defaultRoute: false, driver: null, driverVersion: null, rxRing: null },
    ]);
  });

  it("include the one that the default route leaves by, whatever it is", () => {
    card("ens5");
    host.write("sys/class/net/wg0/mtu", 1420);
    host.write("sys/class/net/wg1/mtu", 1420);
    routes("wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0");
    expect(collect(host).interfaces?.map(({ name, defaultRoute }) => [name, defaultRoute])).toEqual([
      ["wg0", true],
      ["ens5", false],
    ]);
  });

  it("are those that forward where there is no card: no port of a bridge, nothing with a name of its own making", () => {
    for (const name of ["client1", "client2", "client3", "client4", "lan0", "wan0", "lo", "docker0", "x<b>"])
      host.write(`sys/class/net/${name}/mtu`, 1500);
    for (const name of ["client1", "client2", "client3", "client4"])
      host.write(`sys/class/net/${name}/master/ifindex`, 5);
    host.write("sys/class/net/wan0/statistics/rx_dropped", 3);
    const { interfaces, counters } = collect(host);
    expect(interfaces?.map(({ name }) => name)).toEqual(["lan0", "wan0"]);
    expect(counters["wan0.rx_dropped"]).toEqual([3, 0]);
  });

  it("have what their queues count added up", () => {
    card("ens5");
    host.tool(
      "ethtool",
      `[ "$1" != -S ] || printf 'NIC statistics:\n     total_resets: 2\n     queue_0_rx_empty_rx_ring: 5\n     queue_1_rx_empty_rx_ring: 7\n     queue_0_tx_queue_stop: 1\n     queue_1_tx_queue_stop: 0\n     queue_0_rx_refil_partial: 9\n'`,
    );
    expect(collect(host).counters).toMatchObject({
      "ens5.total_resets": [2, 0],
      "ens5.rx_empty_rx_ring": [12, 0],
      "ens5.tx_queue_stop": [1, 0],
    });
  });

  it("stay inert whatever ethtool prints", () => {
    card("ens5");
    host.tool(
      "ethtool",
      `printf 'driver: "}],"x":[{"\nversion: <script>alert(1)</script> $(reboot)%s\nmtu: 1\nPre-set maximums:\nRX: 99999999999999999999\nCurrent hardware settings:\nRX: "\n     bw_in_allowance_exceeded: 1e9\n' "$(printf '%0200d' 0)"`,
    );
    const [read] = collect(host).interfaces ?? [];
    expect(read).toMatchObject({ name: "ens5", driver: expect.stringMatching(/^_+/), rxRing: null });
    expect(read?.driverVersion?.length).toBeLessThanOrEqual(40);
  });
});

describe("the rules", () => {
  const rules = (evidence: HostEvidence) => {
    expect(evidence.rules, evidence.unread.join("; ")).not.toBeNull();
    return evidence.rules as NonNullable<HostEvidence["rules"]>;
  };
  const any = { destination: null, outInterface: null, protocol: null, addresses: null, ports: null };
  const prints = (tool: string, text: string, exitCode = 0) => {
    host.write(`../${tool}.txt`, text);
    host.tool(
      tool,
      `[ "$1" != --version ] || { echo "iptables v1.8.9 (nf_tables)"; exit; }\n/bin/cat ${host.base}/${tool}.txt\nexit ${exitCode}`,
    );
  };
  const wan0 = () => host.write("sys/class/net/wan0/mtu", 1500);
  beforeEach(() => {
    host.conntrackPrints("");
    host.write("sys/module/nf_tables/refcnt", 1);
  });

  describe.each(awks)("read with %s", (awk) => {
    beforeEach(() => {
      host.remove();
      host = folderHost({ awk });
      host.conntrackPrints("");
      host.write("sys/module/nf_tables/refcnt", 1);
      wan0();
    });

    it("of iptables on nft are told once, in their order, with what leads to them", () => {
      prints("iptables-save", captured("iptables-nft-save.txt"));
      prints("iptables", "");
      prints("nft", captured("nft-of-iptables.txt"));
      expect(rules(collect(host))).toEqual({
        readers: ["iptables-nft", "nft"],
        nat: [
          {
            ...any,
            backend: "iptables-nft",
            action: "masquerade",
            source: "10.60.0.0/16",
            outInterface: "wan0",
            random: "no",
            specification: "POSTROUTING -s 10.60.0.0/16 -o wan0 -j MASQUERADE",
          },
          {
            backend: "iptables-nft",
            action: "snat",
            source: "10.0.0.0/8",
            destination: "1.2.3.4/32",
            outInterface: "wan0",
            protocol: "tcp",
            addresses: ["10.61.0.1", "10.61.0.3"],
            ports: [1024, 2047],
            random: "random",
            specification:
              "TONET -d 1.2.3.4/32 -p tcp -j SNAT --to-source 10.61.0.1-10.61.0.3:1024-2047 --random",
          },
          {
            ...any,
            backend: "iptables-nft",
            action: "masquerade",
            source: "10.0.0.0/8",
            outInterface: "wan0",
            protocol: "udp",
            ports: [5000, 6000],
            random: "no",
            // Its comment could not be pasted as it is.
            specification: "",
          },
          {
            ...any,
            backend: "iptables-nft",
            action: "masquerade",
            source: "10.0.0.0/8",
            outInterface: "wan0",
            random: "fully",
            specification: "TONET -j MASQUERADE --random-fully",
          },
          // A chain of nft's own in the same table, of which iptables tells nothing.
          {
            ...any,
            backend: "nft",
            action: "masquerade",
            source: "10.77.0.0/16",
            outInterface: "wan0",
            random: "no",
            specification: "",
          },
        ],
        clampsMss: true,
        notrack: 2,
        stripsTimestamps: 1,
      });
    });

    it("of iptables are read from nft where only that is installed", () => {
      prints("nft", captured("nft-of-iptables.txt"));
      const read = rules(collect(host));
      expect(read).toMatchObject({ readers: ["nft"], clampsMss: true, notrack: 2 });
      expect(read.nat.map(({ backend, source, random }) => [backend, source, random])).toEqual([
        ["nft", "10.60.0.0/16", "no"],
        ["nft", "10.0.0.0/8", "random"],
        ["nft", "10.0.0.0/8", "no"],
        ["nft", "10.0.0.0/8", "fully"],
        ["nft", "10.77.0.0/16", "no"],
      ]);
    });

    it("of nft are read with lists, maps, prefixes and chains", () => {
      prints("nft", captured("nft.txt"));
      const read = rules(collect(host));
      expect(read).toMatchObject({ readers: ["nft"], clampsMss: true, notrack: 1, stripsTimestamps: 1 });
      const fromList = (source: string | null) => [
        "masquerade",
        source,
        null,
        "wan0",
        null,
        null,
        null,
        "fully",
      ];
      expect(
        read.nat.map((rule) => [
          rule.action,
          rule.source,
          rule.destination,
          rule.outInterface,
          rule.protocol,
          rule.addresses,
          rule.ports,
          rule.random,
        ]),
      ).toEqual([
        fromList("10.60.0.0/16"),
        fromList("10.70.0.0/16"),
        // A range is no network: any, rather than too little.
        fromList(null),
        fromList("10.90.0.0/15"),
        fromList("10.93.0.0/16"),
        fromList("172.16.0.0/12"),
        fromList("192.168.0.0/16"),
        ["masquerade", null, null, "wan0", "tcp", null, [2000, 3000], "random"],
        ["snat", "10.1.0.0/16", null, "wan0", "udp", ["10.61.0.1", "10.61.0.3"], [1024, 2047], "random"],
        ["snat", "10.2.0.0/16", null, "wan0", null, null, null, "no"],
        ["snat", "10.3.0.0/16", null, null, null, null, null, "no"],
        ["masquerade", null, null, null, "tcp", null, [2000, 3000], "random"],
      ]);
    });

    it("of iptables-legacy are read table by table, and only from tables that are there", () => {
      spawnSync("rm", ["-r", host.at("sys/module/nf_tables")]);
      host.write("proc/net/ip_tables_names", "mangle\nnat\nfilter\n");
      host.write("save", captured("iptables-legacy-save.txt"));
      // One table at a time, as the tool prints it.
      host.tool(
        "iptables-legacy-save",
        `echo "$2" >> ${host.base}/asked\n/bin/sed -n "/^\\*$2/,/^COMMIT/p" ${host.at("save")}`,
      );
      expect(rules(collect(host))).toEqual({
        readers: ["iptables-legacy"],
        nat: [
          {
            ...any,
            backend: "iptables-legacy",
            action: "masquerade",
            source: "10.60.0.0/16",
            outInterface: "wan0",
            random: "fully",
            specification: "POSTROUTING -s 10.60.0.0/16 -o wan0 -j MASQUERADE --random-fully",
          },
        ],
        clampsMss: true,
        notrack: 0,
        stripsTimestamps: 0,
      });
      expect(host.read("../asked")).toBe("mangle\nnat\n");
    });

    it("stay inert and bounded whatever they say", () => {
      prints(
        "iptables-nft-save",
        [
          "*nat",
          "#reader nft extra",
          '-A POSTROUTING -s "}],"x":[{" -o <b>$(reboot)</b> -p `id` -j MASQUERADE --to-ports 99999-1',
          `-A POSTROUTING -s ${"1".repeat(60)} -o ${"w".repeat(300)} -j SNAT --to-source 1.2.3.4;reboot:1-2-3`,
          "-A POSTROUTING -j LOOP",
          "-A LOOP -j LOOP",
          "-A LOOP -j BACK",
          "-A BACK -j LOOP",
          "-A POSTROUTING",
          "-A",
          ...Array.from({ length: 60 }, (_, n) => `-A POSTROUTING -s 10.${n}.0.0/16 -o wan0 -j MASQUERADE`),
        ].join("\n"),
      );
      const evidence = collect(host);
      const { nat } = rules(evidence);
      expect(nat.length).toBeGreaterThan(10);
      expect(nat.length).toBeLessThanOrEqual(20);
      expect(nat[0]).toMatchObject({ source: null, protocol: null, ports: null, specification: "" });
      expect(nat[1]).toMatchObject({ source: null, addresses: null, specification: "" });
      expect(evidence.unread).toContainEqual(
        expect.stringMatching(/^rules: \d+ more that rewrite the source are not listed$/),
      );
    });
  });

  it("are none where no packet filter is loaded, and nothing is asked", () => {
    spawnSync("rm", ["-r", host.at("sys/module/nf_tables")]);
    for (const tool of ["iptables", "iptables-save", "iptables-legacy-save", "nft"])
      host.tool(tool, `touch ${host.base}/asked`);
    expect(collect(host).rules).toEqual({
      readers: [],
      nat: [],
      clampsMss: false,
      notrack: 0,
      stripsTimestamps: 0,
    });
    expect(host.exists("../asked")).toBe(false);
  });

  it("are none, not unknown, where the packet filter has none", () => {
    prints("nft", "");
    const evidence = collect(host);
    expect(evidence.rules).toMatchObject({ readers: ["nft"], nat: [] });
    expect(evidence.unread).toEqual([]);
  });

  it("are unknown where what is loaded cannot be asked, or breaks off", () => {
    const reason = /^rules: neither iptables-nft nor nft lists them/;
    let evidence = collect(host);
    expect(evidence.rules).toBeNull();
    expect(evidence.unread).toContainEqual(expect.stringMatching(reason));
    prints("nft", captured("nft.txt"), 1);
    evidence = collect(host);
    expect(evidence.rules).toBeNull();
    expect(evidence.unread).toContainEqual(expect.stringMatching(reason));
    prints("nft", captured("nft.txt"));
    host.write("proc/net/ip_tables_names", "nat\n");
    evidence = collect(host);
    expect(evidence.rules).toBeNull();
    expect(evidence.unread).toContainEqual(
      expect.stringMatching(/^rules: those of iptables-legacy could not/),
    );
  });

  it("are unknown where there is no nft to list its own, and iptables has none", () => {
    prints("iptables-nft-save", "*nat\nCOMMIT\n");
    expect(rules(collect(host))).toMatchObject({ readers: ["iptables-nft"], nat: [] });
    host.write("sys/module/nft_masq/refcnt", 1);
    const evidence = collect(host);
    expect(evidence.rules).toBeNull();
    expect(evidence.unread).toContainEqual(expect.stringMatching(/^rules: no nft to list its own/));
    prints("iptables-nft-save", "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n");
    expect(rules(collect(host)).nat).toHaveLength(1);
  });

  it("of nft stand where iptables-nft breaks off", () => {
    prints("iptables-nft-save", "*nat\n-A POSTROUTING -j MASQUERADE\n", 1);
    prints("nft", captured("nft-of-iptables.txt"));
    expect(rules(collect(host))).toMatchObject({ readers: ["nft"], nat: { length: 5 } });
  });

  it("are unknown where they are more than a NAT instance has", () => {
    prints("nft", `table inet x {\n\tchain y {\n${"\t\tip saddr 10.0.0.1 drop\n".repeat(12_000)}\t}\n}\n`);
    const evidence = collect(host);
    expect(evidence.rules).toBeNull();
    expect(evidence.unread).toContain("rules: more of them than are read");
  });

  it("of a name that is a prefix stand for the interface that it fits, first of all the outer one", () => {
    for (const name of ["eth0", "eth1"]) host.write(`sys/class/net/${name}/mtu`, 1500);
    host.write(
      "proc/net/route",
      "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth1\t00000000\t0101000A\t0003\t0\t0\t0\t00000000\n",
    );
    prints(
      "iptables-nft-save",
      "*nat\n-A POSTROUTING -o eth+ -j MASQUERADE\n-A POSTROUTING -o ens+ -j MASQUERADE\n-A POSTROUTING ! -o lo -j MASQUERADE\n",
    );
    expect(rules(collect(host)).nat.map(({ outInterface }) => outInterface)).toEqual(["eth1", "ens_", null]);
  });
});

describe("all of it", () => {
  it("stays below 12,000 bytes where everything there is to tell is told", () => {
    const line = (n: number) =>
      `tcp 6 100 SYN_SENT src=100.100.100.${100 + (n % 50)} dst=200.200.200.${n % 250} sport=${20_000 + n} dport=${10_000 + n} [UNREPLIED] src=200.200.200.${n % 250} dst=150.150.150.${100 + (n % 50)} sport=${10_000 + n} dport=${30_000 + n} use=1\n`;
    host.conntrackPrints(Array.from({ length: 2000 }, (_, n) => line(n)).join(""));
    const many = (names: string) => `${names}\n${names.replaceAll(/ [A-Za-z]+/g, " 4000000000")}\n`;
    host.write(
      "proc/net/snmp",
      many(
        "Ip: ForwDatagrams InDiscards OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates",
      ) +
        many("Icmp: InDestUnreachs OutDestUnreachs") +
        many("Tcp: AttemptFails EstabResets RetransSegs OutRsts"),
    );
    const ethtool = Array.from(
      { length: 30 },
      (_, n) =>
        `     ${["bw_in", "bw_out", "pps", "conntrack", "linklocal", "x"][n % 6]}_allowance_exceeded: 4000000000`,
    );
    for (const name of ["ens5", "ens6", "ens7", "ens8"]) {
      host.write(`sys/class/net/${name}/device/vendor`, "0x1d0f\n");
      host.write(`sys/class/net/${name}/mtu`, 9001);
      for (const counter of ["rx_dropped", "tx_dropped", "rx_over_errors"])
        host.write(`sys/class/net/${name}/statistics/${counter}`, 4_000_000_000);
      host.write(`proc/sys/net/ipv4/conf/${name}/rp_filter`, 1);
    }
    host.tool("ethtool", `printf 'driver: ena\nversion: 2.13.0g\n${ethtool.join("\\n")}\n'`);
    host.write("sys/module/nf_tables/refcnt", 1);
    const rule = (n: number) =>
      `-A POSTROUTING -s 100.100.${n}.0/24 -d 200.200.${n}.0/24 -o ens5 -p tcp -m tcp --dport 443 -j SNAT --to-source 100.100.100.100-100.100.100.200:1024-65535 --random-fully`;
    host.tool(
      "iptables-nft-save",
      `printf '*nat\n${Array.from({ length: 40 }, (_, n) => rule(n)).join("\\n")}\n'`,
    );
    const text = host.run("collect-host-evidence.sh", quick).stdout;
    expect(HostEvidence.safeParse(JSON.parse(text)).success).toBe(true);
    expect(text.length).toBeGreaterThan(6000);
    expect(text.length).toBeLessThan(12_000);
  });
});

describe("the kernel's log", () => {
  // As printed by 6.1 for the host, by 6.18 for a container, and two lines that only look alike.
  const log = [
    "[   12.000001] nf_conntrack: default automatic helper assignment has been turned off",
    "[  100.250000] nf_conntrack: nf_conntrack: table full, dropping packet",
    "[  105.750000] nf_conntrack: nf_conntrack: table full, dropping packet",
    "[  106.000000] nf_conntrack: nf_conntrack: table full in netns 4026532246, dropping packet",
    "[  107.000000] nf_conntrack: expectation table full",
  ].join("\n");

  it("tells the host's own table from a container's", () => {
    host.conntrackPrints("");
    host.tool("dmesg", `printf '%s\\n' '${log}'`);
    expect(collect(host).kernelLog).toEqual({
      tableFull: 2,
      tableFullLastAt: 105.75,
      tableFullOtherNamespace: 1,
      tableFullOtherNamespaceLastAt: 106,
      others: { "expectation-full": { lines: 1, lastAt: 107 } },
    });
  });

  it.each(awks)("has its times to the second after months of uptime too, with %s", (awk) => {
    host.remove();
    host = folderHost({ awk });
    host.conntrackPrints("");
    host.tool(
      "dmesg",
      "echo '[12345678.910111] nf_conntrack: nf_conntrack: table full, dropping packet'\necho '[ 9876543.210000] TCP: too many orphaned sockets'",
    );
    expect(collect(host).kernelLog).toMatchObject({
      tableFullLastAt: 12_345_678.91,
      others: { "orphaned-sockets": { lastAt: 9_876_543.21 } },
    });
  });

  it("tells other troubles by name, and not those that only look like them", () => {
    host.conntrackPrints("");
    const lines = [
      "[    1.500000] ena 0000:00:05.0: ENA device version: 0.10",
      "[    2.000000] ena 0000:00:05.0: Elastic Network Adapter (ENA) found at mem febf4000, mac addr 02:00:00:00:00:01",
      "[  200.000000] neighbour: arp_cache: neighbor table overflow!",
      "[  201.000000] neighbour: arp_cache: neighbor table overflow!",
      "[  202.000000] neighbour: ndisc_cache: neighbor table overflow!",
      "[  300.000000] ena 0000:00:05.0 ens5: Keep alive watchdog timeout.",
      "[  300.100000] ena 0000:00:05.0: Device reset completed successfully",
      "[  400.000000] Memory cgroup out of memory: Killed process 7 (x) total-vm:1kB",
      "[  401.000000] Out of memory: Killed process 812 (squid) total-vm:1kB, anon-rss:1kB",
      "[  402.000000] TCP: out of memory -- consider tuning tcp_mem",
      "[  500.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [ksoftirqd/1:21]",
      "[  600.000000] TCP: too many orphaned sockets",
    ];
    host.tool("dmesg", lines.map((line) => `echo '${line}'`).join("\n"));
    expect(collect(host).kernelLog?.others).toEqual({
      "neighbour-overflow": { lines: 2, lastAt: 201 },
      "ena-reset": { lines: 2, lastAt: 300.1 },
      "out-of-memory": { lines: 2, lastAt: 402 },
      "soft-lockup": { lines: 1, lastAt: 500 },
      "orphaned-sockets": { lines: 1, lastAt: 600 },
    });
  });

  it("is read from the journal where dmesg is refused, and unknown where both are", () => {
    host.conntrackPrints("");
    host.tool("dmesg", "exit 1");
    host.tool(
      "journalctl",
      `printf '%s\\n' '[  100.250000] nat kernel: nf_conntrack: nf_conntrack: table full, dropping packet'`,
    );
    expect(collect(host).kernelLog).toMatchObject({ tableFull: 1, tableFullLastAt: 100.25 });
    host.tool("journalctl", "exit 0");
    const evidence = collect(host);
    expect(evidence.kernelLog).toBeNull();
    expect(evidence.unread).toContainEqual(expect.stringMatching(/^kernelLog: /));
  });
});

describe("what a reboot would bring back", () => {
  beforeEach(() => host.conntrackPrints(""));

  it("is nothing on a host that nobody has tuned", () => {
    expect(collect(host).persistence).toEqual({
      owner: "none",
      max: null,
      buckets: null,
      hashsize: null,
      established: null,
      timeWait: null,
      ipForward: null,
      moduleLoadedAtBoot: false,
    });
  });

  it("follows the order of systemd-sysctl: by file name, an earlier directory hiding a later one's file", () => {
    host.write("usr/lib/sysctl.d/10-a.conf", "net.netfilter.nf_conntrack_max = 1\n");
    host.write("run/sysctl.d/20-b.conf", "-net/netfilter/nf_conntrack_max=2\n");
    host.write(
      "etc/sysctl.d/15-c.conf",
      "# net.netfilter.nf_conntrack_max = 9\n; x\nnet.netfilter.nf_conntrack_max = 3\n",
    );
    expect(collect(host).persistence.max).toEqual({ value: 2, file: "/run/sysctl.d/20-b.conf" });
    host.write("etc/sysctl.d/20-b.conf", "net.netfilter.nf_conntrack_tcp_timeout_established = 86400\n");
    expect(collect(host).persistence).toMatchObject({
      max: { value: 3, file: "/etc/sysctl.d/15-c.conf" },
      established: { value: 86_400, file: "/etc/sysctl.d/20-b.conf" },
    });
    host.write("etc/sysctl.conf", "net.nf_conntrack_max=4\n");
    expect(collect(host).persistence.max).toEqual({ value: 4, file: "/etc/sysctl.conf" });
  });

  it("includes forwarding by either of its names, and the time that closed connections are held", () => {
    host.write("etc/sysctl.d/10-nat.conf", "net.ipv4.ip_forward=1\n");
    host.write("etc/sysctl.d/20-nat.conf", "net.netfilter.nf_conntrack_tcp_timeout_time_wait = 60\n");
    expect(collect(host).persistence).toMatchObject({
      ipForward: { value: 1, file: "/etc/sysctl.d/10-nat.conf" },
      timeWait: { value: 60, file: "/etc/sysctl.d/20-nat.conf" },
    });
    host.write("etc/sysctl.d/99-hardening.conf", "net/ipv4/conf/all/forwarding=0\n");
    expect(collect(host).persistence.ipForward).toEqual({
      value: 0,
      file: "/etc/sysctl.d/99-hardening.conf",
    });
  });

  it("includes the module's own options, and whether it is there when sysctl runs", () => {
    host.write("etc/modprobe.d/nat.conf", "options nf_conntrack hashsize=16384 nf_conntrack_helper=0\n");
    host.write("etc/modules-load.d/nat.conf", "# NAT\nnf-conntrack\n");
    expect(collect(host).persistence).toMatchObject({
      hashsize: { value: 16_384, file: "/etc/modprobe.d/nat.conf" },
      moduleLoadedAtBoot: true,
    });
    host.write("proc/cmdline", "quiet nf_conntrack.hashsize=32768\n");
    expect(collect(host).persistence.hashsize).toEqual({ value: 32_768, file: "/proc/cmdline" });
  });

  it("counts a module that is built in as there at boot", () => {
    spawnSync("rm", [host.at("sys/module/nf_conntrack/initstate")]);
    expect(collect(host).persistence.moduleLoadedAtBoot).toBe(true);
  });

  it("leaves the last word to fck-nat, for the keys that the installed release knows", () => {
    host.write(
      "etc/sysctl.d/99.conf",
      "net.netfilter.nf_conntrack_max = 1\nnet.netfilter.nf_conntrack_buckets = 2\n",
    );
    host.write(
      "etc/fck-nat.conf",
      'eni_id=eni-1\nnf_conntrack_max="131072" # room\nnf_conntrack_buckets=4096\n',
    );
    host.write("opt/fck-nat/fck-nat.sh", 'sysctl -q -w net.netfilter.nf_conntrack_max="$nf_conntrack_max"\n');
    expect(collect(host).persistence).toMatchObject({
      owner: "fck-nat",
      max: { value: 131_072, file: "/etc/fck-nat.conf" },
      buckets: { value: 2, file: "/etc/sysctl.d/99.conf" },
    });
  });

  it("knows alternat by its configuration", () => {
    host.write("etc/alternat.conf", "enable_ssm=true\n");
    expect(collect(host).persistence.owner).toBe("alternat");
  });

  it("takes no value that is not a plain number", () => {
    host.write(
      "etc/sysctl.d/9.conf",
      "net.netfilter.nf_conntrack_max = 99999999999999999999\nnet.netfilter.nf_conntrack_buckets = $(reboot)\n",
    );
    expect(collect(host).persistence).toMatchObject({ max: null, buckets: null });
  });
});

describe("a host that cannot do what others can", () => {
  it("without connection tracking has no table, and no counters of it", () => {
    spawnSync("rm", ["-r", host.at("proc/sys/net/netfilter"), host.at("proc/net/stat/nf_conntrack")]);
    host.tool("conntrack", `touch ${host.base}/called`);
    const evidence = collect(host);
    expect(evidence.conntrack).toEqual({ loaded: false, count: null, max: null, buckets: null });
    expect(evidence.table).toBeNull();
    expect(evidence.unread).toContain("table: the kernel tracks no connections");
    // Even asking would make the kernel load the module.
    expect(spawnSync("ls", [`${host.base}/called`]).status).not.toBe(0);
  });

  it("whose reader hangs still answers before the deadline", () => {
    spawnSync("rm", ["-r", host.at("proc/uptime")]);
    spawnSync("ln", ["-s", "/proc/uptime", host.at("proc/uptime")]);
    host.tool("conntrack", "exec /bin/sleep 60");
    const began = Date.now();
    const evidence = collect(host, { SSM_DeadlineSeconds: "6" });
    expect(Date.now() - began).toBeLessThan(6000);
    expect(evidence.table).toBeNull();
    expect(evidence.unread).toContainEqual(expect.stringMatching(/^table: failed by conntrack/));
  });

  it("where SIGPIPE is ignored, as below systemd, still stops the dump at the limit", () => {
    host.tool("sh", `trap '' PIPE\nexec /bin/sh "$@"`);
    const entry =
      "tcp 6 9 CLOSE src=10.0.0.1 dst=1.1.1.1 sport=1 dport=2 src=1.1.1.1 dst=10.0.0.1 sport=2 dport=1 use=1";
    host.tool("conntrack", `trap '' PIPE\nwhile :; do echo "${entry}"; done 2>/dev/null`);
    const began = Date.now();
    expect(table(collect(host, { SSM_DumpEntries: "1000" }))).toMatchObject({
      entries: 1000,
      complete: false,
    });
    // Else it would go on until its timeout of 20 seconds.
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  it("without any awk prints what no schema takes for a healthy host", () => {
    host.remove();
    host = folderHost({ awk: "none" });
    const ran = host.run("collect-host-evidence.sh", quick);
    expect(ran.exitCode).toBe(0);
    expect(HostEvidence.safeParse(JSON.parse(ran.stdout)).success).toBe(false);
  });

  it("falls back to its defaults for settings that are no numbers", () => {
    host.conntrackPrints(captured("conntrack-L.txt"));
    expect(table(collect(host, { SSM_DumpEntries: "$(reboot)" })).entries).toBe(12);
  });

  test.skipIf(!isRoot || installed("setpriv") === undefined)(
    "run by nobody on this machine reports what it may not read (skipped without root or setpriv)",
    () => {
      const ran = spawnSync("setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-s"], {
        encoding: "utf8",
        input: spliced(),
        env: { PATH: "/usr/bin:/bin", SSM_SampleSeconds: "1" },
        cwd: "/",
      });
      expect(ran.stderr).toBe("");
      const evidence = HostEvidence.parse(JSON.parse(ran.stdout));
      expect(evidence.window).toBeGreaterThan(0.5);
      expect(evidence.table).toBeNull();
      expect(evidence.unread).toContainEqual(
        expect.stringMatching(
          /^table: (.*\(not root\)|the kernel tracks no.*|no conntrack, no python3, and not by \/proc)$/,
        ),
      );
    },
  );
});

describe("a network namespace of this machine's kernel", () => {
  const kernel = networkNamespace("nat-medic-collect");
  afterEach(() => void kernel?.remove());

  test.skipIf(kernel === undefined)(
    "is read alike by conntrack-tools and by python3 (skipped without root, ip or conntrack)",
    () => {
      if (kernel === undefined) return;
      for (let n = 1; n <= 40; n++) {
        kernel.inside(
          ..."conntrack -I -p tcp -t 431000 --state ESTABLISHED -u SEEN_REPLY,ASSURED -d 192.0.2.1 --dport 443".split(
            " ",
          ),
          ..."-r 192.0.2.1 -q 198.51.100.1 --reply-port-src 443".split(" "),
          ...["-s", `10.0.0.${n % 7}`, "--sport", `${2000 + n}`, "--reply-port-dst", `${2000 + n}`],
        );
      }
      const run = (path: string) => {
        const text = kernel.inside(
          "env",
          "-i",
          `PATH=${path}`,
          "SSM_SampleSeconds=0",
          "sh",
          join(hostFolder, "collect-host-evidence.sh"),
        );
        return table(HostEvidence.parse(JSON.parse(text)));
      };
      const byTool = run("/usr/sbin:/usr/bin:/sbin:/bin");
      expect(byTool).toMatchObject({ reader: "conntrack", entries: 40, complete: true, assured: 40 });
      expect(byTool.natAddresses).toEqual([["198.51.100.1", 40]]);
      const without = folderHost();
      without.link("python3", "/usr/bin/python3");
      const byPython = run(join(without.base, "tools"));
      without.remove();
      expect({ ...byPython, seconds: 0 }).toEqual({ ...byTool, reader: "ctnetlink", seconds: 0 });
    },
  );
});
