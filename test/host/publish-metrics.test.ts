import { execFile } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MetricDatum, PutMetricDataInput } from "@aws-sdk/client-cloudwatch";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from "vitest";
import { allowances, publishedMetrics } from "../../core/metrics.ts";
import { spliceScript } from "../../host/documents.ts";
import { readEmbeddedMetrics } from "../../local/embedded-metrics.ts";
import { cloudwatch } from "../../local/endpoint/cloudwatch.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";
import { startEndpoint } from "../../local/endpoint/wire.ts";
import { awks, captured, type FolderHost, folderHost, hostFolder, installed, shells } from "./folder-host.ts";

const script = "publish-metrics.sh";
const instance = "i-0a1b2c3d4e5f67890";
const environment = {
  NAT_MEDIC_INSTANCE_ID: instance,
  NAT_MEDIC_REGION: "eu-central-1",
  NAT_MEDIC_PERIOD: "60",
  NAT_MEDIC_TRANSPORT: "auto",
  NAT_MEDIC_LOG_GROUP: "/nat-medic/metrics",
};

let host: FolderHost;
beforeEach(() => {
  host = natInstance();
});
afterEach(() => host.remove());

/** One that forwards and masquerades by iptables on nft, with the AWS CLI and no agent. */
function natInstance(awk?: string): FolderHost {
  const made = folderHost(awk === undefined ? {} : { awk });
  made.write("proc/sys/kernel/random/boot_id", "43d60a6c-4452-448d-bee5-382c03c4eb42\n");
  made.write("proc/sys/net/ipv4/ip_forward", 1);
  made.write("sys/module/nf_tables/initstate", "live\n");
  made.write("proc/net/udp", udp());
  made.tool("iptables-nft-save", saved("-A POSTROUTING -s 10.60.0.0/16 -o ens5 -j MASQUERADE"));
  made.tool("aws", keeping(made));
  return made;
}

/** An AWS CLI that keeps what it is given; the real one is tried below. */
const keeping = (made: FolderHost) =>
  `for word; do case $word in file://*) cp "\${word#file://}" "${sent(made)}" ;; esac; done`;
const sent = (made: FolderHost) => join(made.base, "sent");
const saved = (...rules: string[]) =>
  `cat <<'END'\n*nat\n:POSTROUTING ACCEPT [0:0]\n${rules.join("\n")}\nCOMMIT\nEND`;

/** As the kernel prints it; 0x6520 is 25888. */
function udp(...addresses: string[]): string {
  const heading =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
  return (
    heading +
    addresses
      .map(
        (address, n) =>
          ` ${n}: ${address} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 0\n`,
      )
      .join("")
  );
}

/** The counters of each CPU, hexadecimal as the kernel prints them. */
type Counters = {
  found?: number;
  insert_failed?: number;
  drop?: number;
  early_drop?: number;
  chainlength?: number;
};

function counters(on: FolderHost, ...cpus: Counters[]): void {
  const [heading = ""] = captured("stat.txt").split("\n");
  const columns = heading.trim().split(/\s+/);
  const line = (cpu: Counters) =>
    columns
      .map((column) => (column === "entries" ? 12 : (cpu[column as keyof Counters] ?? 0)))
      .map((value) => value.toString(16).padStart(8, "0"))
      .join(" ");
  on.write("proc/net/stat/nf_conntrack", `${[heading, ...cpus.map(line)].join("\n")}\n`);
}

const at = (on: FolderHost, uptime: number) => on.write("proc/uptime", `${uptime.toFixed(2)} 2000.00\n`);

/** What the CLI was given; undefined when it was not called. */
function publish(
  on: FolderHost,
  more: Record<string, string> = {},
  shell?: string,
): MetricDatum[] | undefined {
  rmSync(sent(on), { force: true });
  const ran = on.run(script, { ...environment, ...more }, shell);
  expect(ran.exitCode).toBe(0);
  expect(ran.stdout).toBe("");
  expect(ran.stderr).toBe("");
  try {
    return JSON.parse(on.read(join("..", "sent")));
  } catch {
    return undefined;
  }
}

/** `{ ConntrackDrops: 3, "EnaAllowanceExceeded pps": 5 }` */
function valuesOf(data: MetricDatum[] = []): Record<string, number | undefined> {
  return Object.fromEntries(
    data.map(({ MetricName, Dimensions = [], Value }) => [
      [MetricName, ...Dimensions.filter(({ Name }) => Name === "Allowance").map(({ Value }) => Value)].join(
        " ",
      ),
      Value,
    ]),
  );
}

/** Two publications a minute apart. */
function twice(before: () => void, after: () => void): Record<string, number | undefined> {
  before();
  at(host, 1000);
  publish(host);
  after();
  at(host, 1060);
  return valuesOf(publish(host));
}

describe.each(shells)("under %s", (shell) => {
  it.each(awks)("publishes every metric by its name, unit and dimensions with %s", (awk) => {
    host.remove();
    host = natInstance(awk);
    card(host, { pps_allowance_exceeded: 5 });
    counters(host, {}, { found: 2 });
    at(host, 1000);
    expect(valuesOf(publish(host, {}, shell))).toEqual({
      ConntrackUtilization: 0.15,
      ConntrackEntries: 12,
      EnaConntrackHeadroom: 136_812,
      NatForwarding: 1,
    });
    card(host, Object.fromEntries(allowances.map((kind) => [`${kind}_allowance_exceeded`, 12])));
    counters(
      host,
      { found: 600, insert_failed: 1, drop: 2, early_drop: 3, chainlength: 4 },
      { found: 2, insert_failed: 10, drop: 20, early_drop: 30, chainlength: 40 },
    );
    at(host, 1060);
    const data = publish(host, {}, shell) ?? [];
    expect(valuesOf(data)).toEqual({
      ConntrackUtilization: 0.15,
      ConntrackEntries: 12,
      ConntrackDrops: 22,
      ConntrackInsertFailed: 11,
      ConntrackEarlyDrops: 33,
      ConntrackChainTooLong: 44,
      SnatPortPressure: 10,
      EnaConntrackHeadroom: 136_812,
      NatForwarding: 1,
      "EnaAllowanceExceeded bw_in": 12,
      "EnaAllowanceExceeded bw_out": 12,
      "EnaAllowanceExceeded pps": 7,
      "EnaAllowanceExceeded conntrack": 12,
      "EnaAllowanceExceeded linklocal": 12,
    });
    for (const { MetricName, Unit, Dimensions, StorageResolution } of data) {
      expect(Unit).toBe(publishedMetrics[MetricName as keyof typeof publishedMetrics].unit);
      expect(Dimensions?.[0]).toEqual({ Name: "InstanceId", Value: instance });
      expect(Dimensions).toHaveLength(MetricName === "EnaAllowanceExceeded" ? 2 : 1);
      expect(StorageResolution).toBe(60);
    }
    expect(new Set(data.map(({ MetricName }) => MetricName))).toEqual(new Set(Object.keys(publishedMetrics)));
  });
});

/** A network card as `ethtool` shows it. */
function card(on: FolderHost, values: Record<string, number>, name = "ens5"): void {
  on.write(`sys/class/net/${name}/device/uevent`, "DRIVER=ena\n");
  const all = {
    ...Object.fromEntries(allowances.map((kind) => [`${kind}_allowance_exceeded`, 0])),
    conntrack_allowance_available: 136_812,
    ...values,
  };
  const lines = Object.entries(all).map(([counter, value]) => `     ${counter}: ${value}`);
  on.write(`../ethtool-${name}`, `NIC statistics:\n     total_resets: 0\n${lines.join("\n")}\n`);
  on.tool("ethtool", `[ "$1" = -S ] && cat "${on.base}/ethtool-$2"`);
}

describe("what is counted", () => {
  it("goes round per CPU at 32 bits, and then goes on", () => {
    expect(
      twice(
        () => counters(host, { drop: 0xffff_fff0, found: 5 }, { drop: 7, found: 0xffff_ffff }),
        () => counters(host, { drop: 4, found: 5 }, { drop: 8, found: 59 }),
      ),
    ).toMatchObject({ ConntrackDrops: 21, SnatPortPressure: 1, ConntrackInsertFailed: 0 });
  });

  it("leaves out what is sparse and zero, and only that", () => {
    const quiet = { drop: 3, early_drop: 2, chainlength: 1 };
    const published = twice(
      () => counters(host, quiet),
      () => counters(host, quiet),
    );
    for (const [name, metric] of Object.entries(publishedMetrics)) {
      if ("sparse" in metric) expect(published).not.toHaveProperty(name);
      else if (metric.kind === "count") expect(published).toHaveProperty(name, 0);
    }
  });

  it("begins anew when the module was loaded again: what is there now came since", () => {
    expect(
      twice(
        () => counters(host, { drop: 100, early_drop: 1 }, { drop: 5 }),
        () => counters(host, { drop: 3, early_drop: 2 }, { drop: 6 }),
      ),
    ).toMatchObject({ ConntrackDrops: 4, ConntrackEarlyDrops: 2 });
  });

  it.each([
    [
      "a restart",
      () => host.write("proc/sys/kernel/random/boot_id", "0bd75a6c-0000-448d-bee5-382c03c4eb42\n"),
    ],
    ["another number of CPUs", () => counters(host, { drop: 9 }, { drop: 9 }, { drop: 9 })],
    ["a state that was cut short", () => host.write("run/nat-medic/publisher/last", "how cli\nboot")],
  ])("is not compared across %s", (_what, happens) => {
    const values = twice(
      () => counters(host, { drop: 1 }, { drop: 1 }),
      () => {
        counters(host, { drop: 9 }, { drop: 9 });
        happens();
      },
    );
    expect(values).toHaveProperty("ConntrackUtilization");
    expect(values).not.toHaveProperty("ConntrackDrops");
    expect(values).not.toHaveProperty("SnatPortPressure");
  });

  it("is not compared over a gap of more than fifteen minutes, and again after that", () => {
    counters(host, { drop: 1 });
    at(host, 1000);
    publish(host);
    at(host, 1901);
    counters(host, { drop: 500 });
    expect(valuesOf(publish(host))).not.toHaveProperty("ConntrackDrops");
    at(host, 1961);
    counters(host, { drop: 503 });
    expect(valuesOf(publish(host))).toMatchObject({ ConntrackDrops: 3 });
  });

  it("is lost by no publication that failed", () => {
    counters(host, { drop: 1 });
    at(host, 1000);
    publish(host);
    host.tool("aws", "echo 'Could not connect' >&2; exit 255");
    counters(host, { drop: 11 });
    at(host, 1060);
    expect(host.run(script, environment).stderr).toContain("put-metric-data failed: Could not connect");
    host.tool("aws", keeping(host));
    counters(host, { drop: 13 });
    at(host, 1120);
    expect(host.run(script, environment).stderr).toBe("nat-medic: metrics are published again\n");
    expect(valuesOf(JSON.parse(host.read("../sent")))).toMatchObject({ ConntrackDrops: 12 });
  });

  it("of a card is the sum over the cards, and of a new card nothing yet", () => {
    card(host, { pps_allowance_exceeded: 100 }, "ens5");
    card(host, { pps_allowance_exceeded: 10, conntrack_allowance_available: 90 }, "ens6");
    expect(
      twice(
        () => {},
        () => {
          card(host, { pps_allowance_exceeded: 101 }, "ens5");
          // Reset with its driver.
          card(host, { pps_allowance_exceeded: 4, conntrack_allowance_available: 80 }, "ens6");
          card(host, { pps_allowance_exceeded: 1000 }, "ens7");
        },
      ),
    ).toMatchObject({ "EnaAllowanceExceeded pps": 5, EnaConntrackHeadroom: 80 });
  });

  it("comes from conntrack -S where the kernel has no file of it", () => {
    rmSync(host.at("proc/net/stat/nf_conntrack"));
    const printed = (text: string) => host.tool("conntrack", `[ "$1" = -S ] && echo '${text}'`);
    expect(
      twice(
        () =>
          printed(
            "cpu=0 found=0 invalid=1 insert=0 insert_failed=3 drop=3 early_drop=0 error=0 search_restart=0 clash_resolve=0 chaintoolong=1",
          ),
        () =>
          printed(
            "cpu=0 found=60 invalid=1 insert=0 insert_failed=4 drop=5 early_drop=0 error=0 search_restart=0 clash_resolve=0 chaintoolong=2",
          ),
      ),
    ).toMatchObject({
      ConntrackDrops: 2,
      ConntrackInsertFailed: 1,
      ConntrackChainTooLong: 1,
      SnatPortPressure: 1,
    });
  });
});

describe("NatForwarding", () => {
  const forwarding = () => valuesOf(publish(host)).NatForwarding;
  const iptables = (...rules: string[]) => host.tool("iptables-nft-save", saved(...rules));

  it.each(["iptables-nft-save.txt", "iptables-legacy-save.txt"])("is 1 with the rules of %s", (file) => {
    host.tool("iptables-nft-save", `cat ${join(import.meta.dirname, "captured", file)}`);
    expect(forwarding()).toBe(1);
  });

  it.each(["nft.txt", "nft-of-iptables.txt"])("is 1 with the rules of %s, listed by nft alone", (file) => {
    host.tool("nft", `cat ${join(import.meta.dirname, "captured", file)}`);
    iptables();
    expect(forwarding()).toBe(1);
  });

  it("is 1 by the legacy iptables, whose other tables are left alone", () => {
    rmSync(host.at("sys/module/nf_tables"), { recursive: true });
    host.write("proc/net/ip_tables_names", "filter\nnat\n");
    host.tool(
      "iptables-legacy-save",
      `[ "$*" = "-t nat" ] || exit 9\n${saved("-A POSTROUTING -o eth0 -j SNAT --to-source 10.0.0.5")}`,
    );
    expect(forwarding()).toBe(1);
    host.write("proc/net/ip_tables_names", "filter\n");
    host.tool("iptables-legacy-save", `: >"${sent(host)}.asked"`);
    at(host, 5000);
    expect(forwarding()).toBe(0);
    expect(host.exists("../sent.asked")).toBe(false);
  });

  it.each([
    ["no rule", []],
    [
      "only a rule for what leaves a container network",
      ["-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"],
    ],
    [
      "only a rule within one container",
      ["-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -j MASQUERADE"],
    ],
    ["a rule that only speaks of it", ['-A POSTROUTING -m comment --comment " -j MASQUERADE " -j RETURN']],
  ])("is 0 with %s", (_what, rules) => {
    iptables(...rules);
    expect(forwarding()).toBe(0);
  });

  it("is 0 without forwarding, whatever the rules, and where no packet filter is loaded", () => {
    host.write("proc/sys/net/ipv4/ip_forward", 0);
    expect(forwarding()).toBe(0);
    host.write("proc/sys/net/ipv4/ip_forward", 1);
    rmSync(host.at("sys/module/nf_tables"), { recursive: true });
    at(host, 5000);
    expect(forwarding()).toBe(0);
  });

  it("is not published when the rules could not be read: unknown is neither 0 nor 1", () => {
    host.tool("iptables-nft-save", "exit 1");
    expect(forwarding()).toBeUndefined();
    iptables();
    host.tool("nft", "exit 1");
    at(host, 5000);
    expect(forwarding()).toBeUndefined();
  });

  it("is not 0 while rules may be there that only nft, which is missing, could list", () => {
    iptables();
    host.write("sys/module/nft_masq/initstate", "live\n");
    expect(forwarding()).toBeUndefined();
  });
});

describe("what cannot be read", () => {
  it("leaves the others: before connection tracking is loaded there are neither entries nor counts", () => {
    for (const path of ["proc/net/stat/nf_conntrack", "sys/module/nf_conntrack"]) {
      rmSync(host.at(path), { recursive: true });
    }
    for (const name of ["nf_conntrack_count", "nf_conntrack_max"]) {
      rmSync(host.at(`proc/sys/net/netfilter/${name}`));
    }
    expect(valuesOf(publish(host))).toEqual({ NatForwarding: 1 });
  });

  it("is published never, whatever ethtool prints", () => {
    card(host, {});
    host.tool(
      "ethtool",
      `cat <<'END'
NIC statistics:
     pps_allowance_exceeded: 18446744073709551615
     bw_in_allowance_exceeded: -1
     bw_out_allowance_exceeded: 1"},{"MetricName":"x
     evil_allowance_exceeded: 7
     conntrack_allowance_available: 1e9
#status 0
#card x";system("reboot")
     linklocal_allowance_exceeded: 3
END`,
    );
    const values = twice(
      () => {},
      () => {},
    );
    expect(Object.keys(values).filter((name) => name.startsWith("Ena"))).toEqual([]);
    expect(values.NatForwarding).toBe(1);
  });

  it("is a bad number too: nothing is divided by it", () => {
    host.setting("nf_conntrack_max", 0);
    expect(valuesOf(publish(host))).toEqual({ NatForwarding: 1 });
  });
});

describe("whose metrics they are", () => {
  const complaint = (more: Record<string, string>) => {
    const { exitCode, stderr } = host.run(script, { ...environment, ...more });
    expect(exitCode).toBe(0);
    expect(host.exists("../sent")).toBe(false);
    return stderr;
  };

  it.each([
    "",
    "i-",
    "i-0a1b2c3",
    "mi-0a1b2c3d4e5f67890",
    'i-0a1b2c3d"},{',
    "i-0a1b2c3d4e5f678901",
    "I-0A1B2C3D",
  ])("nobody's when the instance is %j", (id) => {
    expect(complaint({ NAT_MEDIC_INSTANCE_ID: id })).toMatch(/^nat-medic: no metrics: the instance ID is /);
  });

  it("not those of the instance from which this one's image was made", () => {
    host.write("sys/class/dmi/id/board_asset_tag", "i-0fedcba9876543210\n");
    expect(complaint({})).toBe(
      `nat-medic: no metrics: this was enrolled as ${instance} and is another instance; State Manager will enrol it again\n`,
    );
    host.write("sys/class/dmi/id/board_asset_tag", `${instance}\n`);
    expect(publishAfterComplaint()).toContain("NatForwarding");
    at(host, 5000);
    // Other machines have other asset tags, or none.
    host.write("sys/class/dmi/id/board_asset_tag", "Not Specified\n");
    expect(publish(host)).toBeDefined();
  });

  const publishAfterComplaint = () => {
    expect(host.run(script, environment).stderr).toBe("nat-medic: metrics are published again\n");
    return host.read("../sent");
  };
});

describe("a failure", () => {
  it("is told once, and so is its end", () => {
    host.tool("aws", "echo 'An error occurred (AccessDenied): <no> `rights`' >&2; exit 254");
    const run = () => host.run(script, environment).stderr;
    expect(run()).toBe(
      "nat-medic: no metrics: aws cloudwatch put-metric-data failed: An error occurred (AccessDenied):  no   rights  \n",
    );
    expect(run()).toBe("");
    host.tool("aws", "exit 0");
    expect(run()).toBe("nat-medic: metrics are published again\n");
    at(host, 5000);
    expect(run()).toBe("");
  });

  it("names what is missing when there is no way out", () => {
    rmSync(join(host.base, "tools", "aws"));
    expect(host.run(script, environment).stderr).toContain(
      "no CloudWatch agent listens at 127.0.0.1:25888 for embedded metrics that bash or python3 could send, and there is no AWS CLI",
    );
  });

  it("by an hour of the clock or by a person in between publishes nothing twice", () => {
    at(host, 1000);
    expect(publish(host)).toBeDefined();
    at(host, 1020);
    expect(publish(host)).toBeUndefined();
    // The CLI costs half a second of CPU: every ten seconds would be too much for a small instance.
    expect(publish(host, { NAT_MEDIC_PERIOD: "10" })).toBeUndefined();
    at(host, 1060);
    expect(publish(host, { NAT_MEDIC_PERIOD: "10" })).toBeDefined();
  });
});

describe("the CloudWatch agent", () => {
  let agent: Socket;
  const received: string[] = [];
  beforeAll(async () => {
    agent = createSocket("udp4", (packet) => received.push(packet.toString()));
    agent.bind(25_888, "127.0.0.1");
    await once(agent, "listening");
  });
  afterAll(() => agent.close());
  beforeEach(() => {
    received.length = 0;
    host.write("proc/net/udp", udp("0100007F:6520"));
  });

  /** `spawnSync` keeps this process from hearing what comes meanwhile. */
  const heard = (count: number) => expect.poll(() => received.length, { timeout: 5000 }).toBe(count);
  const documents = (): PutMetricDataInput[] => received.flatMap((text) => readEmbeddedMetrics(text));

  it.each(["bash", "python3"])(
    "is sent one document a packet by %s, and the CLI is not called",
    async (sender) => {
      // It may be a script with an interpreter of its own.
      host.tool(sender, `exec env "PATH=${process.env.PATH}" ${installed(sender)} "$@"`);
      card(host, { pps_allowance_exceeded: 1, bw_in_allowance_exceeded: 1 });
      counters(host, { drop: 1 });
      at(host, 1000);
      expect(publish(host)).toBeUndefined();
      await heard(1);
      received.length = 0;
      card(host, { pps_allowance_exceeded: 4, bw_in_allowance_exceeded: 2 });
      counters(host, { drop: 3 });
      at(host, 1060);
      expect(publish(host)).toBeUndefined();
      await heard(3);
      const all = documents();
      expect(all.map(({ Namespace }) => Namespace)).toEqual(["NatMedic", "NatMedic", "NatMedic"]);
      const data = all.flatMap(({ MetricData = [] }) => MetricData);
      expect(valuesOf(data)).toMatchObject({
        ConntrackDrops: 2,
        NatForwarding: 1,
        "EnaAllowanceExceeded pps": 3,
        "EnaAllowanceExceeded bw_in": 1,
      });
      expect(data.every(({ StorageResolution }) => StorageResolution === 60)).toBe(true);
      const [{ Timestamp } = {}] = data;
      expect(Math.abs(Date.now() - Number(Timestamp))).toBeLessThan(30_000);
      expect(JSON.parse(received[0] ?? "")._aws).toMatchObject({
        LogGroupName: "/nat-medic/metrics",
        LogStreamName: instance,
      });
    },
  );

  it("takes values of every ten seconds as such", async () => {
    host.link("bash");
    publish(host, { NAT_MEDIC_PERIOD: "10" });
    await heard(1);
    const data = documents().flatMap(({ MetricData = [] }) => MetricData);
    expect(data.every(({ StorageResolution }) => StorageResolution === 1)).toBe(true);
  });

  it.each(["00000000:6520", "0100007F:6520"])("is found at %s", async (address) => {
    host.link("bash");
    host.write("proc/net/udp", udp("3500007F:0035", address));
    publish(host);
    await heard(1);
  });

  it("is found where it listens by IPv6 for both", async () => {
    host.link("bash");
    host.write("proc/net/udp", udp());
    host.write("proc/net/udp6", udp("00000000000000000000000000000000:6520"));
    publish(host);
    await heard(1);
  });

  it.each([
    ["it listens at another port", () => host.write("proc/net/udp", udp("0100007F:6521", "0100007F:0652"))],
    ["it listens on another address", () => host.write("proc/net/udp", udp("0A3C000A:6520"))],
    ["nothing can send to it", () => rmSync(join(host.base, "tools", "bash"))],
  ])("is not used when %s: then it is the CLI", (_what, happens) => {
    host.link("bash");
    happens();
    expect(publish(host)).toBeDefined();
    expect(received).toEqual([]);
  });

  it("is not used by who asked for the CLI, nor the CLI by who asked for the agent", () => {
    host.link("bash");
    expect(publish(host, { NAT_MEDIC_TRANSPORT: "cli" })).toBeDefined();
    host.write("proc/net/udp", udp());
    expect(host.run(script, { ...environment, NAT_MEDIC_TRANSPORT: "agent" }).stderr).toContain(
      "no CloudWatch agent listens",
    );
  });

  it("that refuses the packet, as a full connection table makes it, is tried again and then told of", () => {
    // Not the kernel's refusal, which only a full table gives (test/lab/publisher.test.ts), but its effect on the sender.
    host.link("bash");
    host.tool("iptables-nft-save", "exit 1");
    host.tool("cat", `case $* in '') echo x >>"${host.base}/tries"; exit 1 ;; *) exec /bin/cat "$@" ;; esac`);
    const { stderr } = host.run(script, { ...environment, NAT_MEDIC_PERIOD: "10" });
    expect(stderr).toContain("the CloudWatch agent listens and its packet was refused");
    expect(host.read("../tries")).toBe("x\n".repeat(6));
    expect(host.exists("run/nat-medic/publisher/last")).toBe(false);
  });
});

describe("the AWS CLI", () => {
  const aws = installed("aws");
  if (aws === undefined)
    console.warn("There is no AWS CLI (`aws`) here, so the publisher is not tried with it.");

  test.skipIf(aws === undefined)(
    "takes what is published, and CloudWatch has it",
    { timeout: 60_000 },
    async () => {
      const series: MetricSeries[] = [];
      const endpoint = await startEndpoint({ services: [cloudwatch({ series })] });
      try {
        // Not by AWS_ENDPOINT_URL: Debian 12's own CLI (2.9) does not read it yet.
        host.tool("aws", `exec ${aws} --endpoint-url ${endpoint.url} "$@"`);
        const file = join(host.base, "publisher");
        writeFileSync(file, spliceScript(join(hostFolder, script)));
        const run = () =>
          promisify(execFile)(installed("sh") ?? "sh", [file], {
            env: {
              ...environment,
              // The CLI may be a script with an interpreter of its own.
              PATH: `${join(host.base, "tools")}:${process.env.PATH}`,
              HOME: process.env.HOME,
              NAT_MEDIC_ROOT: host.root,
              AWS_ACCESS_KEY_ID: "local",
              AWS_SECRET_ACCESS_KEY: "local",
            },
          });
        counters(host, { drop: 1 });
        at(host, 1000);
        expect(await run()).toEqual({ stdout: "", stderr: "" });
        counters(host, { drop: 4 });
        at(host, 1060);
        expect(await run()).toEqual({ stdout: "", stderr: "" });
        const named = (name: string) => series.filter(({ metricName }) => metricName === name);
        expect(named("ConntrackDrops")).toMatchObject([
          { namespace: "NatMedic", dimensions: { InstanceId: instance }, points: [{ value: 3 }] },
        ]);
        expect(named("ConntrackUtilization")[0]?.points).toHaveLength(2);
      } finally {
        await endpoint.close();
      }
    },
  );
});
