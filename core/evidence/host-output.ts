/** From what a host printed to evidence, or to the reason why it is none. */
import * as z from "zod/mini";
import type { HostReading } from "../evidence.ts";
import { plainLine } from "../plain-text.ts";
import { HostEvidence } from "./host.ts";

/** The agent cuts standard output at 24,000 bytes and says so with this suffix (SSM agent, `appconfig/constants.go`). */
const truncationMark = "--output truncated--";
const mostBytes = 24_000;

export function readHostOutput(stdout: string): HostReading {
  const text = stdout.trim();
  if (text === "") return unread("failed", "the collector printed nothing");
  if (text.endsWith(truncationMark) || text.length > mostBytes) {
    return unread("truncated", `the collector printed more than ${mostBytes} bytes`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return unread("implausible", `the host printed ${text.length} bytes that are not JSON`);
  }
  const parsed = z.safeParse(HostEvidence, json);
  if (parsed.success) return { status: "read", evidence: parsed.data };
  const [issue] = parsed.error.issues;
  // Only the place and our own wording: the value itself comes from the host.
  const place = plainLine(issue?.path.join(".") ?? "", 80) || "the top level";
  return unread("implausible", `the host's evidence does not fit its schema at ${place}`);
}

function unread(reason: "failed" | "truncated" | "implausible", detail: string): HostReading {
  return { status: "unread", reason, detail };
}
