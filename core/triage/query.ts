/** Metrics Insights: what a query of an alarm says about the metric and the instances. */

import * as z from "zod/mini";
import { InstanceId, type Metric } from "../incident.ts";
import type { Attributes } from "./questions.ts";

/** Whether it makes one series per group, each a contributor of its own. */
export function isGrouped(expression: string): boolean {
  return /^\s*SELECT\b[\s\S]*\bGROUP\s+BY\b/i.test(expression);
}

/** `SELECT MAX(name) FROM namespace ...` or `... FROM SCHEMA(namespace, dimension, ...)`, with or without quotes. */
const source =
  /^\s*SELECT\s+\w+\s*\(\s*"?([^"()]+?)"?\s*\)\s+FROM\s+(?:SCHEMA\s*\(\s*)?(?:"([^"]+)"|([^\s",()]+))/i;

/** The metric of a query, with the dimensions of one of its series; null when the text is no such query. */
export function metricOf(expression: string, dimensions: Attributes): Metric | null {
  const [, name, quoted, bare] = source.exec(expression) ?? [];
  const namespace = quoted ?? bare;
  return name === undefined || namespace === undefined
    ? null
    : { namespace, name, dimensions: { ...dimensions } };
}

/** Instances that a condition names: `WHERE InstanceId = 'i-...'`. */
export function instancesIn(expression: string): InstanceId[] {
  const words = expression.match(/\bi-[0-9a-f]+\b/g) ?? [];
  return words.filter((word) => z.safeParse(InstanceId, word).success);
}
