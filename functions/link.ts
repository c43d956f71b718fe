/** The link to the approval page: whoever has it may decide, so it is as good as a password until it was used. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { DecisionRequest } from "../core/decision.ts";
import type { IncidentRecord } from "../core/incident-record.ts";

/** 256 random bits: 43 characters that need no escaping in a URL. */
export const newKey = () => randomBytes(32).toString("base64url");

/** All that is kept of a key. */
export const hashOf = (key: string) => createHash("sha256").update(key).digest("hex");

/** `pageUrl`: without a slash at the end. */
export const linkTo = (pageUrl: string, incidentId: string, key: string) =>
  `${pageUrl}/incidents/${incidentId}?key=${key}`;

/** The request that a key belongs to, compared in constant time. */
export function requestOf({ requests }: IncidentRecord, key: string): DecisionRequest | undefined {
  const hash = Buffer.from(hashOf(key));
  return requests.find(({ secretHash }) => timingSafeEqual(Buffer.from(secretHash), hash));
}
