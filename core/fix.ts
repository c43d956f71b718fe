/** The vocabulary of a fix: what it would change, how risky that is, and the way back. */
import * as z from "zod/mini";
import type { Evidence } from "./evidence.ts";

export const FixId = z.enum([
  "raise-conntrack-max",
  "shorten-conntrack-timeouts",
  "limit-source-connections",
]);
export type FixId = z.infer<typeof FixId>;

/**
 * `low`: touches no existing connection and has an exact undo.
 * `medium`: may end idle connections or cannot be undone to the letter.
 * `high`: may refuse traffic that works today.
 */
export const Risk = z.enum(["low", "medium", "high"]);
export type Risk = z.infer<typeof Risk>;

/** One setting of the host, with its value before and after. */
export const SettingChange = z.object({ setting: z.string(), before: z.string(), after: z.string() });
export type SettingChange = z.infer<typeof SettingChange>;

/** The right to send one of our documents, as IAM names it. */
export const sendDocument = (document: NonNullable<Fix["document"]>) =>
  `ssm:SendCommand NatMedic-${document}` as const;

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
};

export type Fix = {
  id: FixId;
  title: string;
  risk: Risk;
  /** The SSM document's name after `NatMedic-`, or `null` when we never apply this one ourselves. */
  document: "RaiseConntrackMax" | "ShortenConntrackTimeouts" | null;
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
