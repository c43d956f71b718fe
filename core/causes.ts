/**
 * Every cause that NAT Medic knows. Order matters: when several hold, the first is the one to act on first,
 * and the others are listed with it as contributing.
 */
import type { Cause } from "./cause.ts";
import { conntrackHashUndersized } from "./causes/conntrack-hash-undersized.ts";
import { conntrackHeavyHitter } from "./causes/conntrack-heavy-hitter.ts";
import { conntrackTableFull } from "./causes/conntrack-table-full.ts";
import { conntrackTimeoutsTooLong } from "./causes/conntrack-timeouts-too-long.ts";

export const causes: readonly Cause[] = [
  conntrackTableFull,
  conntrackHashUndersized,
  conntrackTimeoutsTooLong,
  conntrackHeavyHitter,
];
