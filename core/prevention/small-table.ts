/** A small machine at the kernel's own table size: it works until the first busy day. */
import type { Observation } from "../cause.ts";
import { kernelDefault } from "../evidence/after-reboot.ts";
import type { Evidence } from "../evidence.ts";
import { whole } from "../wording.ts";

/**
 * What the kernel gives a machine of more than 1 GiB (since 5.15); below, it is an eighth of that or less: 4,096 entries
 * on a nano, 8,192 on a micro, which a single busy client can fill.
 */
const ordinary = 65_536;

/** `null`: not so; `undefined`: it cannot be told. */
export function smallDefaultTable({ host }: Evidence): Observation | null | undefined {
  if (host.status === "unread") return undefined;
  const { max, loaded } = host.evidence.conntrack;
  const standard = kernelDefault(host.evidence);
  if (!loaded || max === null || standard === undefined) return undefined;
  if (standard.max >= ordinary || max > standard.max) return null;
  const memory = `${whole(host.evidence.memory.totalKiB / 1024)} MiB of memory`;
  return {
    signal: "nf_conntrack_max",
    observed: `${whole(max)}, the kernel's default for ${memory}`,
    expected: `${whole(ordinary)}, as on a machine with more than 1 GiB`,
  };
}
