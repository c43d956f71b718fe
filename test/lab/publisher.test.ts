/**
 * Enrolment on a real kernel under systemd, on each kind of NAT instance: what the documents install publishes by the
 * timer, and goes without a trace. The agent's port and the AWS CLI are stand-ins that keep what they are given
 * (local/guest-metrics.ts): a guest has no way to AWS. The real CLI is tried in test/host/publish-metrics.test.ts.
 */
import type { PutMetricDataInput } from "@aws-sdk/client-cloudwatch";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { metricNamespace, publishedMetrics } from "../../core/metrics.ts";
import { cloudwatch } from "../../local/endpoint/cloudwatch.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";
import { startEndpoint } from "../../local/endpoint/wire.ts";
import {
  enrolGuest,
  forwardMetrics,
  publishNow,
  removeGuest,
  startAgent,
  takeMetrics,
} from "../../local/guest-metrics.ts";
import { bootGuest, type Guest } from "../../local/qemu/guest.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { openConnections, probe, startServer } from "../../local/qemu/topology.ts";

const missing = whyNoLab();
if (missing !== undefined) {
  if (process.env.NAT_MEDIC_LAB === "required") throw new Error(missing);
  console.warn(`SKIPPED, enrolment on a real kernel: ${missing}`);
}

const identity = { instanceId: "i-0a1b2c3d4e5f67890", region: "eu-central-1" };
const bySource = "-s 10.60.0.0/16 -o wan0";

/** What makes the guest an instance of each kind, beginning with one that has no rule. */
const kinds = {
  "fck-nat": `printf 'nf_conntrack_max=8192\n' > /etc/fck-nat.conf
    iptables -t nat -A POSTROUTING -o wan0 -j MASQUERADE -m comment --comment "NAT routing rule installed by fck-nat"`,
  alternat: `: > /etc/alternat.conf; iptables -t nat -A POSTROUTING ${bySource} -j SNAT --to-source 10.61.0.1`,
  "plain, nft": `nft add table ip nat
    nft 'add chain ip nat postrouting { type nat hook postrouting priority 100 ; }'
    nft add rule ip nat postrouting ip saddr 10.60.0.0/16 oifname wan0 masquerade`,
  "plain, legacy iptables": `iptables-legacy -t nat -A POSTROUTING ${bySource} -j MASQUERADE`,
};
type Kind = keyof typeof kinds;

const places = "/usr/bin /usr/sbin /bin /sbin";
/** As the guest was, in one go: each command takes its time under emulation. */
const cleanUp = `for file in $(find ${places} -maxdepth 1 -name '*.hidden'); do mv $file \${file%.hidden}; done
  /opt/lab/cloudwatch-agent stop
  rm -rf /usr/local/bin/aws /usr/local/sbin/ethtool /run/lab/ethtool-wan0 /run/lab/metrics /etc/fck-nat.conf /etc/alternat.conf
  nft flush ruleset; iptables-legacy -t nat -F
  # What a test that failed has left.
  [ ! -e /etc/systemd/system/nat-medic-metrics.timer ] || {
    systemctl disable --now nat-medic-metrics.timer
    rm -rf /etc/systemd/system/nat-medic-metrics.* /usr/local/lib/nat-medic /run/nat-medic
    systemctl daemon-reload
  }`;

describe.skipIf(missing !== undefined)("a NAT instance that is enrolled", () => {
  let guest: Guest;
  beforeAll(async () => {
    guest = await bootGuest({ init: "systemd" });
    // Real ones have these; the lab leaves them out.
    await guest.must(
      `mkdir -p /usr/local/bin /usr/local/sbin /usr/local/lib; systemctl start timers.target; ${cleanUp}`,
    );
  });
  afterAll(() => guest?.stop());
  afterEach(() => guest.must(cleanUp));

  type Image = { kind: Kind; agent: boolean; cli: boolean; without: string[] };
  /** Programs are hidden last: the listener at the agent's port is one of python3. */
  const make = ({ kind, agent, cli, without }: Image) =>
    guest.must(`set -e
      ${kinds[kind]}
      ${agent ? "/opt/lab/cloudwatch-agent start" : ":"}
      ${cli ? "ln -sf /opt/lab/fake-aws /usr/local/bin/aws" : ":"}
      for program in ${without.join(" ")}; do
        for place in ${places}; do
          if [ -e $place/$program ]; then mv $place/$program $place/$program.hidden; fi
        done
      done`);

  /** Names everywhere that an enrolment or a removal might touch, what the files say, and what systemd knows. */
  const trace = () =>
    guest.must(`find /etc /usr/local /opt /var/lib /run/nat-medic -xdev ! -path '*random-seed' 2>/dev/null | sort
      find /etc/systemd /usr/local -type f -exec md5sum {} + | sort
      systemctl list-units --all --no-legend 'nat-medic*'`);

  /** By name; a metric of several dimensions by the last of them too. */
  const valuesOf = (publications: PutMetricDataInput[]) =>
    Object.fromEntries(
      publications.flatMap(({ Namespace, MetricData = [] }) => {
        expect(Namespace).toBe(metricNamespace);
        return MetricData.map(({ MetricName, Dimensions = [], Value }) => {
          expect(Dimensions[0]).toEqual({ Name: "InstanceId", Value: identity.instanceId });
          return [[MetricName, ...Dimensions.slice(1).map(({ Value }) => Value)].join(" "), Value];
        });
      }),
    );
  const always = Object.entries(publishedMetrics).flatMap(([name, metric]) =>
    name.startsWith("Ena") || "sparse" in metric ? [] : [name],
  );

  it("publishes by its timer, is found as it should be the next time, and is left without a trace", async () => {
    await make({ kind: "fck-nat", agent: true, cli: true, without: ["conntrack", "nft"] });
    const before = await trace();
    const done = { status: "changed", reason: "", transport: "agent" };
    expect(await enrolGuest(guest, identity, { Period: "10" })).toMatchObject(done);
    expect(await enrolGuest(guest, identity, { Period: "10" })).toMatchObject({
      status: "unchanged",
      files: [],
    });
    const values: Record<string, number | undefined> = {};
    // The second publication has what is counted.
    const look = async () => Object.keys(Object.assign(values, valuesOf(await takeMetrics(guest))));
    await expect.poll(look, { timeout: 60_000, interval: 1000 }).toEqual(expect.arrayContaining(always));
    expect(values).toMatchObject({ ConntrackDrops: 0, SnatPortPressure: 0, NatForwarding: 1 });
    expect(await removeGuest(guest, identity)).toMatchObject({ status: "changed", reason: "" });
    expect(await trace()).toBe(before);
  });

  it.each<Image>([
    { kind: "fck-nat", agent: false, cli: true, without: ["python3", "conntrack"] },
    { kind: "alternat", agent: true, cli: false, without: ["bash", "ethtool"] },
    {
      kind: "plain, nft",
      agent: true,
      cli: false,
      without: ["python3", "iptables", "iptables-nft-save", "iptables-save"],
    },
    { kind: "plain, nft", agent: false, cli: true, without: ["awk", "gawk", "mawk", "bash"] },
    { kind: "plain, legacy iptables", agent: true, cli: false, without: ["nft", "python3", "conntrack"] },
  ])("$kind, agent: $agent, CLI: $cli, without $without", async (image) => {
    await make(image);
    const transport = image.agent ? "agent" : "cli";
    expect(await enrolGuest(guest, identity)).toMatchObject({ status: "changed", reason: "", transport });
    const values = valuesOf(await takeMetrics(guest));
    expect(values).toMatchObject({ NatForwarding: 1, ConntrackEntries: expect.any(Number) });
    expect(await removeGuest(guest, identity)).toMatchObject({ status: "changed", reason: "" });
  });

  it("has NatForwarding 0 when the rule is lost at boot, and its network cards are asked", async () => {
    await guest.must(`/opt/lab/cloudwatch-agent start
      ln -sf /opt/lab/fake-ethtool /usr/local/sbin/ethtool
      echo 'conntrack_allowance_available 1234' > /run/lab/ethtool-wan0`);
    await enrolGuest(guest, identity);
    const values = valuesOf(await takeMetrics(guest));
    expect(values).toMatchObject({ NatForwarding: 0, EnaConntrackHeadroom: 1234 });
    await removeGuest(guest, identity);
  });

  it("without agent and CLI has the publisher, which begins as soon as one of them is there", async () => {
    await make({ kind: "fck-nat", agent: false, cli: false, without: [] });
    expect(await enrolGuest(guest, identity)).toMatchObject({
      status: "failed",
      reason: expect.stringContaining("no CloudWatch agent listens"),
    });
    await startAgent(guest);
    await publishNow(guest);
    expect(valuesOf(await takeMetrics(guest))).toMatchObject({ NatForwarding: 1 });
    expect(await enrolGuest(guest, identity)).toMatchObject({ status: "unchanged", transport: "agent" });
    // Of a publisher that runs every minute the journal has two lines: what was wrong, and that it is over.
    const journal = await guest.must("journalctl -o cat --no-pager -u nat-medic-metrics.service -n 2");
    expect(journal).toMatch(
      /^nat-medic: no metrics: no CloudWatch agent.*\nnat-medic: metrics are published again\n$/,
    );
  });

  it("whose table is full cannot reach the agent either, says so, and then tells all of what was lost", async () => {
    await make({ kind: "fck-nat", agent: true, cli: false, without: [] });
    await startServer(guest);
    await enrolGuest(guest, identity, { Period: "10" });
    // And until the publisher is due again: half a period after the last time.
    await guest.must("systemctl stop nat-medic-metrics.timer nat-medic-metrics.service; sleep 5");
    await takeMetrics(guest);
    // Without the entries of the publisher's own packets: the kernel would give up one of those for the next.
    const used = await guest.must(`conntrack -D -p udp >/dev/null 2>&1
      cat /proc/sys/net/netfilter/nf_conntrack_count`);
    await guest.must(`sysctl -qw net.netfilter.nf_conntrack_max=${Number(used) + 200}`);
    expect(await openConnections(guest, "client1", 300)).toBeLessThan(300);
    expect((await probe(guest, { count: 50 })).succeeded).toBe(0);
    await publishNow(guest);
    expect(valuesOf(await takeMetrics(guest))).toEqual({});
    expect(await guest.must("cat /run/nat-medic/publisher/complaint")).toContain("its packet was refused");

    await guest.must("sysctl -qw net.netfilter.nf_conntrack_max=8192; /opt/lab/traffic stop > /dev/null");
    await publishNow(guest);
    const series: MetricSeries[] = [];
    const endpoint = await startEndpoint({ services: [cloudwatch({ series })] });
    try {
      // As whoever runs the local CloudWatch over a guest takes it from there.
      expect(await forwardMetrics(guest, endpoint.url)).toBeGreaterThanOrEqual(always.length);
    } finally {
      await endpoint.close();
    }
    const drops = series.find(({ metricName }) => metricName === "ConntrackDrops");
    expect(drops).toMatchObject({ namespace: "NatMedic", dimensions: { InstanceId: identity.instanceId } });
    expect(drops?.points[0]?.value).toBeGreaterThanOrEqual(50);
  });
});
