/**
 * What the active tests found. They send traffic or capture packets, so they run only when a person asked for them;
 * printed by `host/probe-timestamps.sh` and `host/capture-fragments.sh`.
 */
import * as z from "zod/mini";

const count = z.int().check(z.gte(0), z.lte(2 ** 31));
const port = z.int().check(z.gte(0), z.lte(65_535));
const address = z.string().check(z.regex(/^[0-9a-fA-F.:]{2,45}$/));
const plainText = z.string().check(z.regex(/^[A-Za-z0-9_.,:;/()=%+ -]{0,160}$/));
const Attempts = z.object({ attempted: count, succeeded: count });

/** Connections to one destination from a throw-away namespace, in turns with and without TCP timestamps. */
export const TimestampProbe = z.object({
  schema: z.literal("nat-medic/timestamp-probe/1"),
  status: z.enum(["done", "refused"]),
  /** Why it was refused; empty when done. */
  reason: plainText,
  address,
  port,
  withTimestamps: Attempts,
  withoutTimestamps: Attempts,
  seconds: z.number().check(z.gte(0), z.lte(3600)),
});
export type TimestampProbe = z.infer<typeof TimestampProbe>;

/** IP fragments seen on the wire, in a capture that is bounded in time and packets. */
export const FragmentCapture = z.object({
  schema: z.literal("nat-medic/fragment-capture/1"),
  status: z.enum(["done", "refused"]),
  reason: plainText,
  seconds: z.number().check(z.gte(0), z.lte(3600)),
  /** Fragments captured, and how many of them carried TCP. */
  fragments: count,
  tcp: count,
  /** True when the packet limit ended it. */
  limited: z.boolean(),
  /** By the sender's address, most first, at most ten. */
  senders: z.array(z.tuple([address, count])).check(z.maxLength(10)),
});
export type FragmentCapture = z.infer<typeof FragmentCapture>;

/** `null`: not asked for, or not readable, which `unread` says. */
export const ProbeResults = z.object({
  timestamps: z.nullable(TimestampProbe),
  fragments: z.nullable(FragmentCapture),
  unread: z.array(z.string()),
});
export type ProbeResults = z.infer<typeof ProbeResults>;

export const noProbes: ProbeResults = { timestamps: null, fragments: null, unread: [] };
