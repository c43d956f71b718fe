/** The vocabulary of a fix: what it would change, how risky that is, and the way back. */
import * as z from "zod/mini";
import { TrackingTimeouts } from "./evidence/cloud.ts";
import type { Evidence } from "./evidence.ts";

export const FixId = z.enum([
  "raise-conntrack-max",
  "shorten-conntrack-timeouts",
  "limit-source-connections",
  "enable-ip-forward",
  "add-masquerade-rule",
  "raise-neighbour-limits",
  "loosen-rp-filter",
  "raise-fragment-memory",
  "prefer-time-wait-reuse",
  "randomize-source-ports",
  "widen-snat-range",
  "clamp-mss",
  "strip-timestamps",
  "persist-conntrack-settings",
  "align-eni-timeouts",
  "spread-nat-addresses",
  "bypass-conntrack",
  "set-up-monitoring",
  "open-network-acl",
  "repair-route",
  "open-security-group",
  "attach-public-address",
  "disable-source-dest-check",
  "change-instance-type",
  "untrack-security-group-rules",
  "add-vpc-endpoint",
  "use-unlimited-credits",
  "enlarge-rx-ring",
  "tell-remote-owner",
  "widen-client-ports",
]);
export type FixId = z.infer<typeof FixId>;

/**
 * `low`: touches no existing connection and has an exact undo.
 * `medium`: may end idle connections or cannot be undone to the letter.
 * `high`: may refuse traffic that works today.
 */
export const Risk = z.enum(["low", "medium", "high"]);
export type Risk = z.infer<typeof Risk>;

/** Our SSM documents that change a host, by their names after `NatMedic-`. Several fixes may share one. */
export const DocumentName = z.enum([
  "RaiseConntrackMax",
  "ShortenConntrackTimeouts",
  "PersistConntrackSettings",
  "SetKernelParameters",
  "ChangeFirewallRules",
]);
export type DocumentName = z.infer<typeof DocumentName>;

/** A change that is made through the API of EC2, with what must be there before and what is there after. */
export const CloudChange = z.object({
  kind: z.literal("tracking-timeouts"),
  networkInterfaceId: z.string().check(z.regex(/^eni-[0-9a-f]{8,17}$/)),
  /** Seconds; what is `null` stays as it is. */
  before: TrackingTimeouts,
  after: TrackingTimeouts,
});
export type CloudChange = z.infer<typeof CloudChange>;

/** One setting of the host, with its value before and after. */
export const SettingChange = z.object({ setting: z.string(), before: z.string(), after: z.string() });
export type SettingChange = z.infer<typeof SettingChange>;

/** The right to send one of our documents, as IAM names it. */
export const sendDocument = (document: DocumentName) => `ssm:SendCommand NatMedic-${document}` as const;

/** A fix made ready for one host. */
export type Prepared = {
  /** What it does here, with its numbers. */
  action: string;
  settings: SettingChange[];
  /** Parameters of the fix's SSM document, without Action and IncidentId. */
  parameters: Record<string, string>;
  /** The same change as a person would type it, as root on the NAT instance. */
  commands: string[];
  undo: string[];
  /** For a fix that is made through EC2 and not on the host. */
  cloudChange?: CloudChange;
};

export type Fix = {
  id: FixId;
  title: string;
  risk: Risk;
  /** Sent to the NAT instance, or `null`: made through EC2 (`prepare` gives a `cloudChange`), or only proposed. */
  document: DocumentName | null;
  /** When it may be done, for people; `prepare` checks it, again when the step's turn comes. */
  precondition: string;
  effect: string;
  blastRadius: string;
  /** The signal that says whether it helped. */
  verifiedBy: string;
  /** How it is taken back, and what of it cannot be. */
  undoing: string;
  /** What it needs in IAM beyond reading: the document it sends, to instances with our tag only. */
  permissions: readonly string[];
  /** Its precondition and its numbers in one: `impossible` says why it cannot be done here. */
  prepare(evidence: Evidence): Prepared | { impossible: string };
};
