/** Everything a diagnosis may look at, read or honestly unread. */
import * as z from "zod/mini";
import { CloudEvidence } from "./evidence/cloud.ts";
import { HostEvidence } from "./evidence/host.ts";
import { noProbes, ProbeResults } from "./evidence/probe.ts";
import { SourceReading } from "./evidence/source.ts";

/** Why a host could not be read. */
export const UnreadReason = z.enum([
  /** No agent took the command: instance down, agent gone, or its network gone. */
  "unreachable",
  /** The agent took it and it did not finish in time. */
  "timed-out",
  /** It was cancelled, or access was denied. */
  "refused",
  /** It ran and failed before printing evidence. */
  "failed",
  /** It printed more than Run Command keeps. */
  "truncated",
  /** It printed something that is not the evidence we ask for: a bug, or a compromised host. */
  "implausible",
]);
export type UnreadReason = z.infer<typeof UnreadReason>;

export const HostReading = z.discriminatedUnion("status", [
  z.object({ status: z.literal("read"), evidence: HostEvidence }),
  z.object({ status: z.literal("unread"), reason: UnreadReason, detail: z.string() }),
]);
export type HostReading = z.infer<typeof HostReading>;

export const Evidence = z.object({
  host: HostReading,
  cloud: CloudEvidence,
  /** The heaviest sources, where their share made it worth asking them. */
  sources: z._default(z.array(SourceReading), []),
  probes: z._default(ProbeResults, noProbes),
});
export type Evidence = z.infer<typeof Evidence>;
