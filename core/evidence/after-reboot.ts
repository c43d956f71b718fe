/** What the next boot would make of connection tracking: the configuration files, and the kernel's own defaults. */
import type { HostEvidence } from "./host.ts";

export type Tracking = { max: number; buckets: number; established: number; timeWait: number };

/** Kernel defaults of the two timeouts, in seconds (`nf_conntrack_proto_tcp.c`). */
export const defaultEstablished = 432_000;
export const defaultTimeWait = 120;
const GiB = 1024 * 1024;
/** Sourced by fck-nat's own service after boot, when the module is there. */
const fckNatConf = "/etc/fck-nat.conf";

/** `undefined` for a kernel whose version is not known. */
export function afterReboot(host: HostEvidence): Tracking | undefined {
  const { persistence } = host;
  const standard = kernelDefault(host);
  if (standard === undefined) return undefined;
  /** sysctl.d is read early in the boot: what the module brings is not there yet, unless it is loaded before. */
  const inForce = (setting: { value: number; file: string } | null) =>
    setting !== null && (persistence.moduleLoadedAtBoot || setting.file === fckNatConf)
      ? setting.value
      : undefined;
  const option = persistence.hashsize === null ? undefined : roundUp(persistence.hashsize.value);
  return {
    // A given hashsize makes the limit eight times as much, on every kernel (measured on 6.1: 65,536 gave 524,288).
    max: inForce(persistence.max) ?? (option === undefined ? standard.max : 8 * option),
    buckets: inForce(persistence.buckets) ?? option ?? standard.buckets,
    established: inForce(persistence.established) ?? defaultEstablished,
    timeWait: inForce(persistence.timeWait) ?? defaultTimeWait,
  };
}

/** `nf_conntrack_init_start`: by memory; up to 5.14 fewer buckets above 1 GiB, and four entries for each. */
export function kernelDefault({
  kernel,
  memory,
}: HostEvidence): { max: number; buckets: number } | undefined {
  const [major, minor] = kernel.split(".").map(Number);
  if (major === undefined || minor === undefined || Number.isNaN(major) || Number.isNaN(minor))
    return undefined;
  const isNew = major > 5 || (major === 5 && minor >= 15);
  const { totalKiB } = memory;
  const buckets =
    totalKiB > 4 * GiB
      ? isNew
        ? 262_144
        : 65_536
      : totalKiB > GiB
        ? isNew
          ? 65_536
          : 16_384
        : roundUp(Math.max(1_024, Math.floor((totalKiB * 1024) / 16_384 / 8)));
  return { max: isNew ? buckets : 4 * buckets, buckets };
}

/** The kernel rounds buckets up to a whole page of them (measured: 65,537 gives 66,048). */
function roundUp(buckets: number): number {
  return Math.ceil(buckets / 512) * 512;
}
