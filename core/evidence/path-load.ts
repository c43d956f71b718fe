/** Packets that this host itself loses before it can forward them, and what it spends on forwarding. */
import { growth } from "./counters.ts";
import { cpuShare } from "./cpu.ts";
import type { HostEvidence } from "./host.ts";

/** Of the packets taken in: what TCP notices. Fewer are frames that no protocol here wants, which count as dropped too. */
const shareThatHurts = 0.001;
/** In one window: below, a share says nothing. */
const aFew = 10;

type Losses = { packets: number; share: number; hurts: boolean };

/**
 * The receive ring was full, or the card had no buffer: `rx_over_errors` and `rx_dropped` of all cards. The kernel adds
 * what the backlog drops to `rx_dropped` as well (seen on 6.1), so that is taken off.
 */
export function lostOnArrival(host: HostEvidence): Losses {
  const dropped = growthOf(host, "rx_dropped") - Math.max(0, growth(host, "softnet.dropped") ?? 0);
  return losses(host, Math.max(0, dropped) + growthOf(host, "rx_over_errors"));
}

/** Packets that this card counts as lost, wherever that was. */
export const lostBy = (host: HostEvidence, card: string) =>
  Math.max(0, growth(host, `${card}.rx_dropped`) ?? 0) +
  Math.max(0, growth(host, `${card}.rx_over_errors`) ?? 0);

function growthOf(host: HostEvidence, counter: string): number {
  return Object.keys(host.counters)
    .filter((name) => name.endsWith(`.${counter}`))
    .reduce((sum, name) => sum + Math.max(0, growth(host, name) ?? 0), 0);
}

/** The queue between the card and the kernel (`netdev_max_backlog`) was full; `undefined`: not read. */
export function lostInBacklog(host: HostEvidence): Losses | undefined {
  const lost = growth(host, "softnet.dropped");
  return lost === undefined ? undefined : losses(host, Math.max(0, lost));
}

function losses(host: HostEvidence, packets: number): Losses {
  const taken = Math.max(0, growth(host, "softnet.processed") ?? 0) + packets;
  const share = taken === 0 ? 0 : packets / taken;
  return { packets, share, hurts: packets >= aFew && share >= shareThatHurts };
}

/** Of all CPU time: on a burstable type that is throttled, EC2 takes the rest away as steal. */
export const muchSteal = 0.1;
const mostlyPackets = 0.5;
const hardlyIdle = 0.1;

/** Most of the CPU moves packets, and hardly any is left. Other work, such as this very look, is no packet's fault. */
export function isBusyForwarding(host: HostEvidence): boolean {
  return (cpuShare(host, "softirq") ?? 0) >= mostlyPackets && (cpuShare(host, "idle") ?? 1) < hardlyIdle;
}

export function isThrottled(host: HostEvidence): boolean {
  return (cpuShare(host, "steal") ?? 0) >= muchSteal;
}

const recentSeconds = 3600;
const resetCounter = /\.(total_resets|reset_fail|tx_timeout|wd_expired)$/;

type Resets = { now: number; lines: number; secondsAgo: number | null };

/** What the network driver says of its own resets: in the window, and in the kernel's log within the last hour. */
export function driverResets(host: HostEvidence): Resets {
  const now = Object.keys(host.counters)
    .filter((name) => resetCounter.test(name))
    .reduce((sum, name) => sum + Math.max(0, growth(host, name) ?? 0), 0);
  const { lines = 0, lastAt = null } = host.kernelLog?.others["ena-reset"] ?? {};
  const secondsAgo = lastAt === null ? null : Math.max(0, host.uptime - lastAt);
  const isRecent = secondsAgo !== null && secondsAgo <= recentSeconds;
  return isRecent ? { now, lines, secondsAgo } : { now, lines: 0, secondsAgo: null };
}
