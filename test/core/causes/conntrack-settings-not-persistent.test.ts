import { describe, expect, test } from "vitest";
import { conntrackSettingsNotPersistent } from "../../../core/causes/conntrack-settings-not-persistent.ts";
import { afterReboot, kernelDefault } from "../../../core/evidence/after-reboot.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { captured, evidenceOf, withTable } from "../captured.ts";

const healthy = captured("healthy");
const raised = withTable(healthy, { max: 65_536, buckets: 65_536 });
const judge = (host: HostEvidence) => conntrackSettingsNotPersistent.judge(evidenceOf(host));
const sysctl = (value: number) => ({ value, file: "/etc/sysctl.d/60-conntrack.conf" });
const persisting = (host: HostEvidence, persistence: Partial<HostEvidence["persistence"]>): HostEvidence => ({
  ...host,
  persistence: { ...host.persistence, ...persistence },
});

describe("what the kernel makes of a host by itself", () => {
  const GiB = 1024 * 1024;
  test.each([
    // Measured with 6.1 in QEMU at 512 and 1,024 MiB; above, and for 5.10, by nf_conntrack_init_start.
    ["6.1.0-56-cloud-amd64", 483_000, 4_096, 4_096],
    ["6.1.0-56-cloud-amd64", 995_356, 8_192, 8_192],
    ["6.12.57", 3.8 * GiB, 65_536, 65_536],
    ["6.12.57", 7.6 * GiB, 262_144, 262_144],
    ["5.10.245-241.976.amzn2.x86_64", 483_000, 16_384, 4_096],
    ["5.10.245-241.976.amzn2.x86_64", 3.8 * GiB, 65_536, 16_384],
    ["4.14.355", 7.6 * GiB, 262_144, 65_536],
  ])("%s with %d KiB", (kernel, totalKiB, max, buckets) => {
    const memory = { totalKiB, availableKiB: 1 };
    expect(kernelDefault({ ...healthy, kernel, memory })).toEqual({ max, buckets });
  });
  test("a hashsize alone makes the limit eight times as much", () => {
    const host = persisting(healthy, { hashsize: { value: 65_536, file: "/etc/modprobe.d/a.conf" } });
    expect(afterReboot(host)).toMatchObject({ max: 524_288, buckets: 65_536 });
  });
});

describe("conntrack-settings-not-persistent", () => {
  test("a host at its defaults has nothing to lose", () => {
    expect(judge(healthy)).toMatchObject({ verdict: "absent" });
  });
  test("one step of the kernel's own sizing is no change that somebody made", () => {
    const memory = { ...healthy.memory, totalKiB: 458_700 };
    expect(judge(withTable({ ...healthy, memory }, { max: 4_096, buckets: 4_096 }))).toMatchObject({
      verdict: "absent",
    });
    expect(judge(withTable({ ...healthy, memory }, { max: 8_192, buckets: 4_096 }))).toMatchObject({
      verdict: "present",
    });
  });
  test("a limit raised by hand is lost, and says what comes instead", () => {
    expect(judge(raised)).toMatchObject({
      verdict: "present",
      confidence: 0.99,
      severity: "warning",
      evidence: [
        { signal: "nf_conntrack_max", observed: expect.stringMatching(/65,536 now, 8,192 after a reboot/) },
        { signal: "nf_conntrack_buckets" },
      ],
    });
  });
  test("all three files keep it", () => {
    const kept = { max: sysctl(65_536), hashsize: { value: 65_536, file: "/etc/modprobe.d/a.conf" } };
    expect(judge(persisting(raised, { ...kept, moduleLoadedAtBoot: true }))).toMatchObject({
      verdict: "absent",
    });
  });
  test("sysctl.d alone is read before the module is there", () => {
    const files = { max: sysctl(65_536), buckets: sysctl(65_536) };
    expect(judge(persisting(raised, files))).toMatchObject({
      verdict: "present",
      evidence: [{ observed: expect.stringContaining("before the module is loaded") }, {}],
    });
    expect(judge(persisting(raised, { ...files, moduleLoadedAtBoot: true }))).toMatchObject({
      verdict: "absent",
    });
  });
  test("a smaller value in a file loses to what runs, a larger one does not", () => {
    const files = { buckets: sysctl(65_536), moduleLoadedAtBoot: true };
    expect(judge(persisting(raised, { ...files, max: sysctl(32_768) }))).toMatchObject({
      verdict: "present",
    });
    expect(judge(persisting(raised, { ...files, max: sysctl(131_072) }))).toMatchObject({
      verdict: "absent",
    });
  });
  test("timeouts that differ either way are lost", () => {
    const at = (established: number) =>
      judge({ ...healthy, timeouts: { ...healthy.timeouts, tcp_timeout_established: established } }).verdict;
    expect([at(86_400), at(432_000), at(864_000)]).toEqual(["present", "absent", "present"]);
    const timeouts = { ...healthy.timeouts, tcp_timeout_time_wait: 60 };
    expect(judge({ ...healthy, timeouts })).toMatchObject({ verdict: "present" });
    const kept = { timeWait: sysctl(60), moduleLoadedAtBoot: true };
    expect(judge(persisting({ ...healthy, timeouts }, kept))).toMatchObject({ verdict: "absent" });
  });
  test("what fck-nat or alternat sets by its own unit is not held against it, unless its file says less", () => {
    expect(judge(persisting(raised, { owner: "alternat" }))).toMatchObject({
      verdict: "unknown",
      asked: false,
    });
    const file = "/etc/fck-nat.conf";
    const written = {
      owner: "fck-nat" as const,
      max: { value: 65_536, file },
      buckets: { value: 65_536, file },
    };
    expect(judge(persisting(raised, written))).toMatchObject({ verdict: "absent" });
    expect(judge(persisting(raised, { ...written, max: { value: 16_384, file } }))).toMatchObject({
      verdict: "present",
    });
  });
  test("limits that cannot be read, or a kernel without a version, are unknown", () => {
    expect(judge(withTable(raised, { max: null }))).toMatchObject({ verdict: "unknown" });
    expect(judge({ ...raised, kernel: "custom" })).toMatchObject({ verdict: "unknown" });
  });
  test("verify: written down is better, and nothing else is", () => {
    const verdict = (after: HostEvidence) => conntrackSettingsNotPersistent.verify?.(raised, after).verdict;
    expect(verdict(raised)).toBe("unchanged");
    const files = { max: sysctl(65_536), buckets: sysctl(65_536), moduleLoadedAtBoot: true };
    expect(verdict(persisting(raised, files))).toBe("better");
    expect(verdict(withTable(raised, { max: null }))).toBe("unknown");
  });
});
