/** The destination that answers some and not others, and what an active test said of it. */
import type { Evidence } from "../evidence.ts";
import { scaleToTable } from "./counters.ts";
import type { HostEvidence } from "./host.ts";
import type { TimestampProbe } from "./probe.ts";

export type Suspicion = {
  address: string;
  port: number;
  /** Entries of the whole table to it: SYNs without an answer, and everything else. */
  unanswered: number;
  answered: number;
};

/** Of each kind, in number: below it, one client that gave up explains it. */
const leastEntries = 50;
/**
 * Share of the entries that is unanswered. A SYN on its way is unanswered too, but only for a round trip, while an
 * entry that got its answer stays 120 s and more: even 1,000 connections a second over 300 ms make 0.3 %.
 */
const leastShare = 0.1;
/** Above it the destination is down, or blocked for everybody. */
const mostShare = 0.9;
/** A remote end may have two addresses. More that show the same are no fault of one owner. */
const mostAddresses = 2;

/**
 * The TCP destination with the most unanswered SYNs among those that answer others at the same time; `undefined` when
 * there is none, or when it is so for so many that no single destination is to blame.
 */
export function suspectedDestination({ host }: Evidence): Suspicion | undefined {
  if (host.status === "unread") return undefined;
  const mixed = mixedDestinations(host.evidence);
  const addresses = new Set(mixed.map(({ address }) => address));
  return addresses.size > mostAddresses ? undefined : mixed[0];
}

/** Every destination that is so, the one with the most unanswered SYNs first. */
export function mixedDestinations(host: HostEvidence): Suspicion[] {
  return (host.table?.unansweredDestinations ?? [])
    .filter(({ protocol }) => protocol === "tcp")
    .map(({ address, port }) => entriesTo(host, address, port))
    .filter(({ unanswered, answered }) => {
      const share = unanswered / (unanswered + answered);
      return (
        unanswered >= leastEntries && answered >= leastEntries && share >= leastShare && share <= mostShare
      );
    })
    .sort((a, b) => b.unanswered - a.unanswered);
}

/** Over all addresses of the NAT: who is behind them sees one destination. */
export function entriesTo(host: HostEvidence, address: string, port: number): Suspicion {
  const sum = (spaces: NonNullable<HostEvidence["table"]>["destinations"]) =>
    spaces
      .filter((space) => space.protocol === "tcp" && space.address === address && space.port === port)
      .reduce((total, { entries }) => total + entries, 0);
  const unanswered = sum(host.table?.unansweredDestinations ?? []);
  const all = sum(host.table?.destinations ?? []);
  return {
    address,
    port,
    unanswered: scaleToTable(host, unanswered),
    answered: scaleToTable(host, Math.max(0, all - unanswered)),
  };
}

/** By chance less often than this, if timestamps made no difference. */
const significance = 0.01;
/** Without timestamps nearly all must get through, or something else fails as well. */
const healthyShare = 0.9;
/** When fewer get through without timestamps, something else fails, whatever chance makes of the difference. */
const troubledShare = 0.75;
/** Of 20 connections: so much more often chance alone makes one kind succeed in one test of twenty. */
const byChance = 0.25;

/**
 * `confirmed`: connections fail with timestamps and not without. `refuted`: both do equally well.
 * `failing`: both fail, so timestamps are not the reason. `unclear`: too little difference for its size.
 * `blocked`: not one got through, so the test's own way out may be shut.
 */
type TimestampFinding = "confirmed" | "refuted" | "failing" | "unclear" | "blocked";

export function timestampFinding({ withTimestamps, withoutTimestamps }: TimestampProbe): TimestampFinding {
  const share = ({ attempted, succeeded }: { attempted: number; succeeded: number }) =>
    attempted === 0 ? 0 : succeeded / attempted;
  if (withTimestamps.attempted === 0 || withoutTimestamps.attempted === 0) return "unclear";
  if (withTimestamps.succeeded + withoutTimestamps.succeeded === 0) return "blocked";
  const isHealthy = share(withoutTimestamps) >= healthyShare;
  if (chanceOf(withTimestamps, withoutTimestamps) < significance) return isHealthy ? "confirmed" : "unclear";
  const difference = share(withoutTimestamps) - share(withTimestamps);
  if (isHealthy) return difference <= 0 ? "refuted" : "unclear";
  return share(withoutTimestamps) < troubledShare || difference < byChance ? "failing" : "unclear";
}

type Attempts = { attempted: number; succeeded: number };

/** Fisher's exact test, one-sided: how likely `a` does as badly against `b` as it did, or worse, by chance alone. */
export function chanceOf(a: Attempts, b: Attempts): number {
  const all = a.attempted + b.attempted;
  const failures = all - a.succeeded - b.succeeded;
  const failed = a.attempted - a.succeeded;
  let chance = 0;
  for (let n = failed; n <= Math.min(failures, a.attempted); n += 1) {
    chance += Math.exp(
      logChoose(a.attempted, n) + logChoose(b.attempted, failures - n) - logChoose(all, failures),
    );
  }
  return Math.min(1, chance);
}

function logChoose(n: number, k: number): number {
  if (k < 0 || k > n) return Number.NEGATIVE_INFINITY;
  let log = 0;
  for (let i = 1; i <= k; i += 1) log += Math.log((n - k + i) / i);
  return log;
}

/** The destination that was tested and found to refuse timestamps, or why there is none. */
export function confirmedDestination({
  probes,
}: Evidence): { address: string; port: number } | { unconfirmed: string } {
  const { timestamps } = probes;
  if (timestamps === null)
    return { unconfirmed: "not confirmed: the test with and without timestamps was not run" };
  if (timestamps.status === "refused") return { unconfirmed: `not confirmed: ${timestamps.reason}` };
  const finding = timestampFinding(timestamps);
  if (finding === "confirmed") return { address: timestamps.address, port: timestamps.port };
  return {
    unconfirmed: {
      refuted: "the test has refuted it: connections do as well with timestamps as without",
      failing: "not confirmed: connections without timestamps fail as well",
      blocked: "not confirmed: none of the test's connections got through",
      unclear: "not confirmed: the test showed too small a difference",
    }[finding],
  };
}
