import { describe, expect, it } from "vitest";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import type { Fix } from "../../../core/fix.ts";
import { enableIpForward } from "../../../core/fixes/enable-ip-forward.ts";
import { loosenRpFilter } from "../../../core/fixes/loosen-rp-filter.ts";
import { persistConntrackSettings } from "../../../core/fixes/persist-conntrack-settings.ts";
import { preferTimeWaitReuse } from "../../../core/fixes/prefer-time-wait-reuse.ts";
import { raiseFragmentMemory } from "../../../core/fixes/raise-fragment-memory.ts";
import { raiseNeighbourLimits } from "../../../core/fixes/raise-neighbour-limits.ts";
import { captured, evidenceOf } from "../captured.ts";

const healthy = captured("healthy");
function prepare(fix: Fix, parameters: HostEvidence["parameters"], more: Partial<HostEvidence> = {}) {
  return fix.prepare(evidenceOf({ ...healthy, ...more, parameters }));
}
const neighbours = "net.ipv4.neigh.default.gc_thresh";
const limits = (...values: number[]) =>
  Object.fromEntries(values.map((value, at) => [`${neighbours}${at + 1}`, [value]]));
const free = (MiB: number) => ({ memory: { totalKiB: 4 * 1024 * 1024, availableKiB: MiB * 1024 } });

it("every one of them says that it cannot be done where the host was not read", () => {
  const unread = { status: "unread", reason: "unreachable", detail: "no answer" } as const;
  const fixes = [enableIpForward, loosenRpFilter, preferTimeWaitReuse, raiseFragmentMemory];
  for (const fix of [...fixes, raiseNeighbourLimits, persistConntrackSettings]) {
    expect(fix.prepare({ ...evidenceOf(healthy), host: unread })).toEqual({
      impossible: "the host could not be read",
    });
    expect(prepare(fix, {})).toHaveProperty("impossible");
  }
});

describe("enable-ip-forward", () => {
  it("turns it on, and says how to turn it off", () => {
    expect(prepare(enableIpForward, { "net.ipv4.ip_forward": [0] })).toEqual({
      action: "Turn forwarding on (net.ipv4.ip_forward from 0 to 1)",
      settings: [{ setting: "net.ipv4.ip_forward", before: "0", after: "1" }],
      parameters: { Fix: "enable-ip-forward", Changes: "net.ipv4.ip_forward=1" },
      commands: ["sysctl -w net.ipv4.ip_forward=1"],
      undo: ["sysctl -w net.ipv4.ip_forward=0"],
    });
  });

  it("is not due where it is on", () => {
    expect(prepare(enableIpForward, { "net.ipv4.ip_forward": [1] })).toEqual({
      impossible: "net.ipv4.ip_forward is 1 already",
    });
  });
});

describe("raise-neighbour-limits", () => {
  it("goes from the kernel's own limits to 4,096, 8,192 and 16,384, the last one first", () => {
    const prepared = prepare(raiseNeighbourLimits, limits(128, 512, 1024), free(900));
    expect(prepared).toMatchObject({
      action: "Raise the neighbour table from 1,024 to 16,384 entries",
      parameters: { Changes: `${neighbours}3=16384,${neighbours}2=8192,${neighbours}1=4096` },
      undo: [`sysctl -w ${neighbours}1=128`, `sysctl -w ${neighbours}2=512`, `sysctl -w ${neighbours}3=1024`],
    });
  });

  it("doubles what is larger already, up to a sixteenth of the free memory", () => {
    const large = limits(8192, 16_384, 32_768);
    expect(prepare(raiseNeighbourLimits, large, free(2048))).toMatchObject({
      parameters: { Changes: `${neighbours}3=65536,${neighbours}2=32768,${neighbours}1=16384` },
    });
    // 320 MiB: a sixteenth holds 40,960 of half a KiB.
    expect(prepare(raiseNeighbourLimits, large, free(320))).toMatchObject({
      parameters: { Changes: `${neighbours}3=40960,${neighbours}2=32768,${neighbours}1=16384` },
    });
    expect(prepare(raiseNeighbourLimits, large, free(256))).toEqual({
      impossible: "the table is as large as a sixteenth of the free memory allows",
    });
  });
});

describe("loosen-rp-filter", () => {
  const filter = (all: number, links: Record<string, number>) => ({
    "net.ipv4.conf.all.rp_filter": [all],
    "net.ipv4.conf.default.rp_filter": [1],
    "net.ipv4.conf.lo.rp_filter": [1],
    ...Object.fromEntries(
      Object.entries(links).map(([link, value]) => [`net.ipv4.conf.${link}.rp_filter`, [value]]),
    ),
  });

  it("loosens the interfaces that filter strictly, by their own value or by that for all", () => {
    expect(prepare(loosenRpFilter, filter(0, { ens5: 1, ens6: 0 }))).toMatchObject({
      parameters: { Changes: "net.ipv4.conf.ens5.rp_filter=2" },
    });
    expect(prepare(loosenRpFilter, filter(1, { ens5: 0, ens6: 2 }))).toMatchObject({
      parameters: { Changes: "net.ipv4.conf.ens5.rp_filter=2" },
      undo: ["sysctl -w net.ipv4.conf.ens5.rp_filter=0"],
    });
  });

  it("is not due where the larger of both is 2 or 0", () => {
    const impossible = "no interface filters strictly";
    expect(prepare(loosenRpFilter, filter(2, { ens5: 1 }))).toEqual({ impossible });
    expect(prepare(loosenRpFilter, filter(0, { ens5: 0 }))).toEqual({ impossible });
  });

  it("writes an interface with a dot as sysctl wants it", () => {
    expect(prepare(loosenRpFilter, filter(0, { "eth0.100": 1 }))).toMatchObject({
      commands: ["sysctl -w net/ipv4/conf/eth0.100/rp_filter=2"],
    });
  });
});

describe("raise-fragment-memory", () => {
  const threshold = "net.ipv4.ipfrag_high_thresh";
  /** Failures at once, with the memory as good as full. */
  const scarce = (MiB: number) => ({
    ...free(MiB),
    gauges: { ...healthy.gauges, "frag.memory": 4_100_000 },
    counters: {
      ...healthy.counters,
      "ip.ReasmFails": [900, 500] as [number, number],
      "ip.ReasmTimeout": [2, 0] as [number, number],
    },
  });
  const given = (more: Partial<HostEvidence>) =>
    prepare(raiseFragmentMemory, { [threshold]: [4_194_304] }, more);

  it("gives four times as much, up to a sixteenth of the free memory", () => {
    expect(given(scarce(900))).toMatchObject({
      action: "Let reassembly use 16,384 KiB, not 4,096 KiB",
      settings: [{ setting: threshold, before: "4194304", after: "16777216" }],
    });
    expect(given(scarce(80))).toMatchObject({ parameters: { Changes: `${threshold}=5242880` } });
    expect(given(scarce(79))).toEqual({
      impossible: "reassembly may already use a sixteenth of the free memory",
    });
  });

  it("is not due where memory is not what is lacking", () => {
    expect(given({ ...scarce(900), gauges: { ...healthy.gauges, "frag.memory": 0 } })).toHaveProperty(
      "impossible",
    );
  });
});

describe("prefer-time-wait-reuse", () => {
  it("turns the one off and the other on", () => {
    const both = { "net.ipv4.tcp_tw_recycle": [1], "net.ipv4.tcp_tw_reuse": [0] };
    expect(prepare(preferTimeWaitReuse, both)).toMatchObject({
      parameters: { Changes: "net.ipv4.tcp_tw_recycle=0,net.ipv4.tcp_tw_reuse=1" },
    });
  });

  it("cannot be done on a kernel without it, and is not due where it is off", () => {
    expect(prepare(preferTimeWaitReuse, { "net.ipv4.tcp_tw_reuse": [2] })).toEqual({
      impossible: "this kernel has no net.ipv4.tcp_tw_recycle",
    });
    expect(prepare(preferTimeWaitReuse, { "net.ipv4.tcp_tw_recycle": [0] })).toEqual({
      impossible: "net.ipv4.tcp_tw_recycle is off already",
    });
  });
});

describe("persist-conntrack-settings", () => {
  const running = (max: number, buckets: number, more: Partial<HostEvidence> = {}) =>
    prepare(persistConntrackSettings, {}, { conntrack: { ...healthy.conntrack, max, buckets }, ...more });

  it("writes what runs, and what a boot would make of it without that", () => {
    expect(running(65_536, 32_768)).toMatchObject({
      settings: [
        { setting: "net.netfilter.nf_conntrack_buckets", before: "8192", after: "32768" },
        { setting: "net.netfilter.nf_conntrack_max", before: "8192", after: "65536" },
      ],
      commands: [
        "echo nf_conntrack > /etc/modules-load.d/nat-medic.conf",
        "printf '%s\\n' 'net.netfilter.nf_conntrack_buckets = 32768' 'net.netfilter.nf_conntrack_max = 65536' > /etc/sysctl.d/99-zz-nat-medic-persist-conntrack-settings.conf",
        "echo 'options nf_conntrack hashsize=32768' > /etc/modprobe.d/nat-medic.conf",
      ],
    });
  });

  it("adds a timeout that is not the kernel's own", () => {
    const timeouts = { ...healthy.timeouts, tcp_timeout_established: 86_400 };
    expect(running(8192, 8192, { timeouts })).toMatchObject({
      settings: [
        {
          setting: "net.netfilter.nf_conntrack_tcp_timeout_established",
          before: "432000",
          after: "86400",
        },
      ],
    });
  });

  it("is not due where a boot brings back what runs, nor possible where alternat replaces the host", () => {
    expect(running(8192, 8192)).toEqual({ impossible: "a reboot brings back what runs now already" });
    const persistence = { ...healthy.persistence, owner: "alternat" as const };
    expect(running(65_536, 65_536, { persistence })).toHaveProperty("impossible");
  });
});
