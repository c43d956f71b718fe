import type { Diagnosis, FoundCause } from "../diagnosis.ts";
import { indent, observations, section, sureness } from "./layout.ts";

export function causeSection({ causes }: Diagnosis): string {
  const [leading, ...contributing] = causes;
  if (leading === undefined) return "";
  const lines = describe(leading);
  for (const cause of contributing) lines.push("", "and with it:", ...describe(cause));
  return section("CAUSE", lines);
}

function describe({ id, title, confidence, evidence }: FoundCause): string[] {
  return [`${title} (${sureness(confidence)}; ${id})`, ...indent(observations(evidence))];
}

export function unknownSection({ unknown, moved, status }: Diagnosis): string {
  // One reason often stands behind all of them: said once.
  const reasons = Map.groupBy(unknown, ({ missing }) => missing);
  const lines = [...reasons].flatMap(([missing, unjudged]) => [
    `${missing}, so unknown:`,
    ...unjudged.map(({ subject }) => `  ${subject}`),
  ]);
  // Counters that moved matter where no cause explains them.
  if (status !== "cause-found" && moved.length > 0) {
    lines.push("Counters that moved meanwhile:", ...indent(observations(moved)));
  }
  return section("COULD NOT BE JUDGED", lines);
}

export function ruledOutSection({ ruledOut }: Diagnosis): string {
  const lines = ruledOut.flatMap(({ id, evidence }) => [id, ...indent(observations(evidence))]);
  return section("RULED OUT", lines);
}
