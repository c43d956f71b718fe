import type { CloudEvidence } from "../evidence/cloud.ts";
import { mailText } from "../plain-text.ts";
import { section } from "./layout.ts";

/** What AWS says around the incident. */
export function cloudSection(cloud: CloudEvidence | null): string {
  if (cloud === null) return "";
  const { instance, metric, unread } = cloud;
  const lines: string[] = [];
  if (instance !== null)
    lines.push(`Instance ${mailText(instance.type, 30)}, ${mailText(instance.state, 30)}`);
  const values = metric?.points.map(({ value }) => value) ?? [];
  const last = values.at(-1);
  if (metric !== null && last !== undefined) {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const range =
      least === most ? tidy(last) : `between ${tidy(least)} and ${tidy(most)}, at last ${tidy(last)}`;
    lines.push(`${mailText(metric.name, 80)} in the last 3 h: ${range}`);
  }
  lines.push(...unread.map((what) => `Not readable: ${mailText(what, 80)}`));
  return section("FROM AWS", lines);
}

function tidy(value: number): string {
  return String(Math.round(value * 10) / 10);
}
