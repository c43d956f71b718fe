/**
 * What a real NAT host answered, command by command, kept in a file to be played back where there is no such host. What
 * AWS answers is not in it: the scenario says that again.
 */
import { readFileSync } from "node:fs";
import * as z from "zod/mini";

/** A share of new connections through the NAT that succeeded, measured by a client behind it. */
const Probe = z.object({ attempted: z.int(), succeeded: z.int() });
export type Probe = z.infer<typeof Probe>;

const Answers = z.array(
  z.object({
    document: z.string(),
    parameters: z.record(z.string(), z.string()),
    exitCode: z.int(),
    stdout: z.string(),
    stderr: z.string(),
    seconds: z.number(),
  }),
);

export const Recording = z.object({
  /** Where and when it was captured, and how to capture it again. */
  provenance: z.object({
    scenario: z.string(),
    kernel: z.string(),
    capturedAt: z.string(),
    command: z.string(),
  }),
  /** Of the NAT host, in the order in which the commands were given. */
  answers: Answers,
  /** Of clients whose agents answered, by instance ID. */
  clients: z.optional(z.record(z.string(), Answers)),
  /** Percent of the table in use, read from the host on the way into trouble. */
  utilization: z.array(z.object({ at: z.string(), value: z.number() })),
  traffic: z.object({ before: Probe, during: Probe, after: Probe }),
});
export type Recording = z.infer<typeof Recording>;

export function readRecording(file: string): Recording {
  return z.parse(Recording, JSON.parse(readFileSync(file, "utf8")));
}
