import type { Diagnosis, FoundCause } from "../diagnosis.ts";
import { mailText } from "../plain-text.ts";
import type { Fact } from "./layout.ts";
import { folded, indent, observations, section, sureness } from "./layout.ts";

/** What people notice, and why. `verb`: "fails" while it does. */
export function troubleFacts(diagnosis: Diagnosis | null, verb: "fails" | "failed"): Fact[] {
  const [leading, ...others] = diagnosis?.causes ?? [];
  if (leading === undefined) return [];
  const { title, symptom, confidence } = leading;
  const besides = others.length === 0 ? "" : `, and ${others.length} more`;
  return [
    [`What ${verb}`, mailText(symptom, 300)],
    ["Cause", `${mailText(title, 200)} (${sureness(confidence)}${besides})`],
  ];
}

export function causeSection({ causes }: Diagnosis): string {
  const [leading, ...contributing] = causes;
  if (leading === undefined) return "";
  const lines = describe(leading);
  for (const cause of contributing) lines.push("", "and with it:", ...describe(cause));
  return section("CAUSE", lines);
}

function describe({ id, title, confidence, evidence }: FoundCause): string[] {
  return [`${mailText(title, 200)} (${sureness(confidence)}; ${id})`, ...indent(observations(evidence))];
}

export function unknownSection({ unknown, moved, status }: Diagnosis): string {
  // One reason often stands behind all of them: said once.
  const reasons = Map.groupBy(unknown, ({ missing }) => mailText(missing, 300));
  const lines = [...reasons].flatMap(([missing, unjudged]) => [
    ...folded(`${missing}, so unknown:`),
    ...indent(folded(unjudged.map(({ subject }) => mailText(subject, 120)).join(", "), { depth: 4 })),
  ]);
  // Counters that moved matter where no cause explains them.
  if (status !== "cause-found" && moved.length > 0) {
    lines.push("Counters that moved meanwhile:", ...indent(observations(moved)));
  }
  return section("COULD NOT BE JUDGED", lines);
}

/** What nobody tried to look at, by its reason. */
export function unaskedSection({ unasked }: Diagnosis): string {
  const reasons = Map.groupBy(unasked, ({ missing }) => mailText(missing, 300));
  const lines = [...reasons].flatMap(([missing, subjects]) =>
    folded(`${missing}: ${subjects.map(({ subject }) => mailText(subject, 80)).join(", ")}`, { hanging: 2 }),
  );
  return section("NOT LOOKED AT", lines);
}

/** By name alone where a cause was found; with what was seen where the question is whether something was missed. */
export function ruledOutSection({ ruledOut, status }: Diagnosis): string {
  if (status === "cause-found") {
    return section("RULED OUT", ruledOut.length === 0 ? [] : folded(ruledOut.map(({ id }) => id).join(", ")));
  }
  return section(
    "RULED OUT",
    ruledOut.flatMap(({ id, evidence }) => [id, ...indent(observations(evidence))]),
  );
}
