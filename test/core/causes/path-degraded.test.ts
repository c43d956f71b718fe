import { describe, expect, test } from "vitest";
import { pathDegraded } from "../../../core/causes/path-degraded.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { enlargeRxRing } from "../../../core/fixes/enlarge-rx-ring.ts";
import { useUnlimitedCredits } from "../../../core/fixes/use-unlimited-credits.ts";
import { captured, capturedAfterFix, cloudOf, evidenceOf } from "../captured.ts";

const healthy = captured("healthy");
type Counters = HostEvidence["counters"];
const grown = (deltas: Record<string, number>): Counters =>
  Object.fromEntries(Object.entries(deltas).map(([name, delta]) => [name, [1_000_000 + delta, delta]]));
const host = (deltas: Record<string, number>): HostEvidence => ({
  ...healthy,
  counters: { ...healthy.counters, ...grown({ "softnet.processed": 10_000, ...deltas }) },
});
/** Shares of the CPU time, in percent. */
const cpu = (softirq: number, steal: number, idle: number) =>
  host({ "cpu.total": 1000, "cpu.softirq": 10 * softirq, "cpu.steal": 10 * steal, "cpu.idle": 10 * idle });
const judge = (read: HostEvidence, cloud: object = {}) =>
  pathDegraded.judge({ ...evidenceOf(read), cloud: cloudOf(cloud) });

const t3 = {
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
const metric = (name: string, values: number[]) => ({
  [`AWS/EC2/${name}`]: {
    name: `AWS/EC2/${name}`,
    points: values.map((value, index) => ({ at: 1_795_000_000 + 300 * index, value })),
  },
});
const credits = (balance: number[], surplus: number[] = [0]) => ({
  type: t3,
  metrics: { ...metric("CPUCreditBalance", balance), ...metric("CPUSurplusCreditBalance", surplus) },
});
const usedUp = credits([40, 0, 0, 0, 0, 0, 0]);

describe("path-degraded", () => {
  test("is absent on the captured hosts, which run on a busy emulator", () => {
    for (const scenario of [
      "healthy",
      "conntrack-table-full",
      "conntrack-hash-undersized",
      "conntrack-heavy-hitter",
    ])
      expect(judge(captured(scenario)).verdict, scenario).toBe("absent");
    // 10 % idle, since the collector itself takes the CPU there.
    expect(judge(capturedAfterFix("conntrack-hash-undersized")).verdict).toBe("absent");
  });
  test("is critical when the backlog drops a packet in a thousand", () => {
    expect(judge(host({ "softnet.dropped": 11 }))).toMatchObject({
      verdict: "present",
      confidence: 0.85,
      severity: "critical",
    });
    expect(judge(host({ "softnet.dropped": 9 })).verdict).toBe("absent");
    expect(judge(host({ "softnet.dropped": 50, "softnet.processed": 100_000 })).verdict).toBe("absent");
  });
  test("does not count as the ring's what the backlog dropped, which the kernel adds there too", () => {
    const backlog = host({ "softnet.dropped": 300, "ens5.rx_dropped": 300 });
    expect(JSON.stringify(judge(backlog))).toContain('"packets lost at the receive ring","observed":"0 in');
    const interfaces = [
      {
        name: "ens5",
        mtu: 9001,
        defaultRoute: true,
        driver: "ena",
        driverVersion: "2.13.0g",
        rxRing: [1024, 16_384] as [number, number],
      },
    ];
    expect(enlargeRxRing.prepare(evidenceOf({ ...backlog, interfaces }))).toHaveProperty("impossible");
  });
  test("is critical when the receive ring overruns", () => {
    expect(judge(host({ "ens5.rx_over_errors": 30, "ens5.rx_dropped": 30 }))).toMatchObject({
      verdict: "present",
      severity: "critical",
    });
  });
  test("is not called so for the odd frame that no protocol wants", () => {
    expect(judge(host({ "ens5.rx_dropped": 9 })).verdict).toBe("absent");
  });
  test("is not called so because packets were taken in several turns", () => {
    expect(judge(host({ "softnet.squeezed": 5000 })).verdict).toBe("absent");
  });
  test("is surer of steal when the CPU credits are used up", () => {
    expect(judge(cpu(5, 10, 60), usedUp)).toMatchObject({
      verdict: "present",
      confidence: 0.9,
      severity: "warning",
    });
    expect(judge(cpu(5, 10, 60), credits([300, 290]))).toMatchObject({ verdict: "present", confidence: 0.6 });
    expect(judge(cpu(5, 10, 60))).toMatchObject({ verdict: "present", confidence: 0.6 });
    expect(judge(cpu(5, 9, 60)).verdict).toBe("absent");
  });
  test("is a warning without credits, and absent when some are left or borrowed", () => {
    expect(judge(healthy, usedUp)).toMatchObject({
      verdict: "present",
      confidence: 0.7,
      severity: "warning",
    });
    expect(judge(healthy, credits([0, 0, 0, 0, 1.5])).verdict).toBe("absent");
    expect(judge(healthy, credits([0, 0, 0, 0, 0], [3])).verdict).toBe("absent");
    expect(judge(healthy, { ...usedUp, type: { ...t3, burstable: false } }).verdict).toBe("absent");
  });
  test("takes a CPU for busy with packets only when hardly anything is left of it", () => {
    expect(judge(cpu(50, 0, 9))).toMatchObject({ verdict: "present", confidence: 0.7, severity: "warning" });
    expect(judge(cpu(50, 0, 10)).verdict).toBe("absent");
    expect(judge(cpu(49, 0, 0)).verdict).toBe("absent");
  });
  test("counts resets of the driver in the window, and in the log of the last hour", () => {
    expect(judge(host({ "ens5.total_resets": 1 }))).toMatchObject({ verdict: "present", confidence: 0.7 });
    const logged = (secondsAgo: number) => {
      const { kernelLog } = healthy;
      if (kernelLog === null) throw new Error("the captured host has a log");
      const uptime = 100_000;
      const others = { "ena-reset": { lines: 4, lastAt: uptime - secondsAgo } };
      return judge({ ...healthy, uptime, kernelLog: { ...kernelLog, others } }).verdict;
    };
    expect(logged(3600)).toBe("present");
    expect(logged(3601)).toBe("absent");
  });
  test("is not found by what EC2's allowances hold back", () => {
    expect(judge(host({ "ens5.pps_allowance_exceeded": 5000 })).verdict).toBe("absent");
  });
  test("is unknown when /proc could not be read", () => {
    expect(judge({ ...healthy, counters: {} }).verdict).toBe("unknown");
  });
});

describe("use-unlimited-credits", () => {
  const prepare = (cloud: object) =>
    useUnlimitedCredits.prepare({ ...evidenceOf(healthy), cloud: cloudOf(cloud) });
  test("is proposed only to a burstable instance that may not borrow", () => {
    expect(prepare(usedUp)).toMatchObject({ settings: [{ before: "standard", after: "unlimited" }] });
    expect(prepare(credits([0, 0, 0, 0], [2]))).toHaveProperty("impossible");
    expect(prepare(credits([100]))).toHaveProperty("impossible");
    expect(prepare({ ...usedUp, type: { ...t3, burstable: false } })).toHaveProperty("impossible");
    expect(prepare({})).toHaveProperty("impossible");
  });
});

describe("enlarge-rx-ring", () => {
  const losing = (rxRing: [number, number] | null, lost = 100): HostEvidence => ({
    ...host({ "ens5.rx_over_errors": lost }),
    interfaces: [
      {
        name: "ens6",
        mtu: 9001,
        defaultRoute: false,
        driver: "ena",
        driverVersion: "2.13.0g",
        rxRing: [1024, 16_384],
      },
      { name: "ens5", mtu: 9001, defaultRoute: true, driver: "ena", driverVersion: "2.13.0g", rxRing },
    ],
  });
  const prepare = (read: HostEvidence) => enlargeRxRing.prepare(evidenceOf(read));
  test("makes the ring of the card that loses packets four times as long", () => {
    expect(prepare(losing([1024, 16_384]))).toMatchObject({
      settings: [{ setting: "ens5 rx ring", before: "1024", after: "4096" }],
      undo: ["ethtool -G ens5 rx 1024", "rm -f /etc/udev/rules.d/99-nat-rx-ring.rules"],
    });
  });
  test("goes no further than the card can, and not where nothing is lost", () => {
    expect(prepare(losing([8192, 16_384]))).toMatchObject({ settings: [{ after: "16384" }] });
    expect(prepare(losing([16_384, 16_384]))).toHaveProperty("impossible");
    expect(prepare(losing(null))).toHaveProperty("impossible");
    expect(prepare(losing([1024, 16_384], 0))).toHaveProperty("impossible");
  });
});
