/** What a fix did to the host, as the fix itself printed it. Parsed, never trusted. */
import * as z from "zod/mini";
import { FixId } from "./fix.ts";
import { plainLine } from "./plain-text.ts";

const text = z.string().check(z.regex(/^[A-Za-z0-9_.,:;/()=%+ -]{0,200}$/));
/** A number, or a range of ports; empty when there is none. */
const value = z.string().check(z.regex(/^[0-9]{0,20}(-[0-9]{1,20})?$/));

export const HostChange = z.object({
  schema: z.literal("nat-medic/change/1"),
  fix: FixId,
  action: z.enum(["apply", "persist", "undo", "show"]),
  /** `unchanged`: already so, or done before by the same incident. `refused`: a guard on the host said no. */
  status: z.enum(["changed", "unchanged", "refused", "failed"]),
  reason: text,
  values: z.array(z.object({ setting: text, before: value, after: value })).check(z.maxLength(20)),
  files: z
    .array(z.object({ path: text, action: z.enum(["written", "removed", "restored", "kept"]) }))
    .check(z.maxLength(20)),
  notes: z.array(text).check(z.maxLength(20)),
  /** What the host's own record says of this incident and fix, once the action is done. */
  onRecord: z.enum(["none", "applying", "applied", "persisted", "undone"]),
  /** When the host puts the old values back by itself unless it is told to keep them, in Unix seconds; 0: it will not. */
  restoresAt: z.int().check(z.gte(0), z.lte(4_102_444_800)),
});
export type HostChange = z.infer<typeof HostChange>;

/** What came of running one fix, whether or not the host could still say so. */
export const ChangeResult = z.discriminatedUnion("status", [
  z.object({ status: z.literal("told"), change: HostChange }),
  /** We asked, and do not know whether it was done. */
  z.object({ status: z.literal("untold"), detail: z.string() }),
]);
export type ChangeResult = z.infer<typeof ChangeResult>;

export const hasChanged = (result: ChangeResult): boolean =>
  result.status === "told" && result.change.status === "changed";

export function readChangeOutput(stdout: string): ChangeResult {
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    return { status: "untold", detail: "the fix printed something that is not its report" };
  }
  const parsed = z.safeParse(HostChange, json);
  if (parsed.success) return { status: "told", change: parsed.data };
  const place = plainLine(parsed.error.issues[0]?.path.join(".") ?? "", 80) || "the top level";
  return { status: "untold", detail: `the fix's report does not fit its schema at ${place}` };
}

/**
 * What a repeated apply makes of the host's own record (`show`), when the first one's answer was lost: its result, or
 * `undefined` when it has to be asked again, which the host does once only.
 */
export function resultOnRecord(shown: ChangeResult): ChangeResult | undefined {
  if (shown.status === "untold") return shown;
  const { change } = shown;
  switch (change.onRecord) {
    case "none":
    case "applying":
      return undefined;
    case "applied":
    case "persisted":
      return { status: "told", change: { ...change, action: "apply", status: "changed" } };
    case "undone": {
      const reason =
        change.notes.find((note) => note.includes("restarted")) ?? "the host has put it back by itself";
      return { status: "told", change: { ...change, action: "apply", status: "failed", reason } };
    }
    default:
      return change.onRecord satisfies never;
  }
}
