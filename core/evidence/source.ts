/**
 * What a private instance behind the NAT says of its own connections: printed by `host/collect-source-evidence.sh` on
 * Linux and `host/collect-windows-source-evidence.ps1` on Windows. Parsed, never trusted, like the NAT's own evidence.
 */
import * as z from "zod/mini";

const count = z.int().check(z.gte(0), z.lte(2 ** 31));
const port = z.int().check(z.gte(0), z.lte(65_535));
const address = z.string().check(z.regex(/^[0-9a-fA-F.:]{2,45}$/));
const plainText = z.string().check(z.regex(/^[A-Za-z0-9_.,:;/()=%+ -]{0,160}$/));

export const SourceEvidence = z.object({
  schema: z.literal("nat-medic/source-evidence/1"),
  platform: z.enum(["linux", "windows"]),
  /** Unix seconds, by the instance's own clock. */
  takenAt: z.int().check(z.gte(0), z.lte(10 ** 11)),
  /** Ports that outgoing connections are given, both ends included. */
  portRange: z.tuple([port, port]),
  /** Ports inside it that are set aside. */
  reservedPorts: count,
  /** `ip_local_reserved_ports` as it is, empty for none; `null` on Windows, or where it is too long to tell. */
  reserved: z.nullable(z.string().check(z.regex(/^[0-9,-]{0,160}$/))),
  /** Ports from 1024 on that something listens on outside the range: a wider range must spare them. */
  listeners: z.array(port).check(z.maxLength(40)),
  /** `tcp_tw_reuse`: 0 off, 1 on, 2 for loopback only; `null` on Windows. */
  timeWaitReuse: z.nullable(z.int().check(z.gte(0), z.lte(2))),
  /** `tcp_timestamps`, without which ports in TIME_WAIT are not reused; `null` on Windows. */
  timestamps: z.nullable(z.int().check(z.gte(0), z.lte(2))),
  /** Connections on ports of the range, in any state but TIME_WAIT. */
  established: count,
  timeWait: count,
  /** Remote ends with the most connections from here, at most ten. */
  destinations: z
    .array(z.object({ address, port, established: count, timeWait: count }))
    .check(z.maxLength(10)),
  unread: z.array(plainText).check(z.maxLength(10)),
});
export type SourceEvidence = z.infer<typeof SourceEvidence>;

/** One heavy source of the NAT's table, and what it could say for itself. */
export const SourceReading = z.object({
  address,
  /** Entries that it has in the NAT's table. */
  entries: count,
  /** `null`: no instance of this account and Region has the address. */
  instanceId: z.nullable(z.string()),
  reading: z.discriminatedUnion("status", [
    z.object({ status: z.literal("read"), evidence: SourceEvidence }),
    z.object({ status: z.literal("unread"), detail: z.string() }),
  ]),
});
export type SourceReading = z.infer<typeof SourceReading>;
