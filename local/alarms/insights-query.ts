/**
 * Metrics Insights, as far as alarms here use it. Grammar of the CloudWatch User Guide, "Metrics Insights query components
 * and syntax": keywords in any case, names as they are, quoted where they hold more than letters, digits and underscores.
 */
import { ExpressionNotKnown, InvalidExpression } from "./expression-error.ts";

export type InsightsQuery = {
  aggregate: Aggregate;
  metricName: string;
  namespace: string;
  /** The exact set of dimensions (SCHEMA); undefined: any. */
  dimensions: string[] | undefined;
  /** All of them hold; a metric without the dimension fits `!=`. */
  where: { dimension: string; equal: boolean; value: string }[];
  groupBy: string[];
  orderBy: { aggregate: Aggregate; descending: boolean } | undefined;
  limit: number | undefined;
};

export type Aggregate = "AVG" | "COUNT" | "MAX" | "MIN" | "SUM";

export const isInsightsQuery = (expression: string): boolean => /^\s*SELECT\b/i.test(expression);

/** @throws InvalidExpression for what is no query; ExpressionNotKnown for tags and accounts */
export const parseInsightsQuery = (text: string): InsightsQuery => {
  const tokens = text.match(TOKEN) ?? [];
  if (tokens.join("").replace(/\s/g, "") !== text.replace(/\s/g, ""))
    throw new InvalidExpression(`cannot be read: ${text}`);
  let next = 0;
  const is = (word: string): boolean => tokens[next]?.toUpperCase() === word;
  const take = (): string => {
    const token = tokens[next];
    if (token === undefined) throw new InvalidExpression(`the query ends too early: ${text}`);
    next += 1;
    return token;
  };
  const expect = (...words: string[]): void => {
    for (const word of words) {
      const token = take();
      if (token.toUpperCase() !== word)
        throw new InvalidExpression(`${token} where ${word} is expected: ${text}`);
    }
  };
  const name = (): string => {
    const token = take();
    if (token.startsWith('"')) return token.slice(1, -1).replaceAll('\\"', '"');
    if (!/^\w+$/.test(token)) throw new InvalidExpression(`${token} where a name is expected: ${text}`);
    if (is(".")) throw new ExpressionNotKnown(`Metrics Insights: ${token}. is not known`);
    return token;
  };
  const names = (): string[] => {
    const found = [name()];
    while (is(",")) {
      take();
      found.push(name());
    }
    return found;
  };
  const aggregate = (): Aggregate => {
    const token = take().toUpperCase();
    const found = AGGREGATES.find((known) => known === token);
    if (found === undefined)
      throw new InvalidExpression(`${token} is none of ${AGGREGATES.join(", ")}: ${text}`);
    return found;
  };
  const source = (): Pick<InsightsQuery, "namespace" | "dimensions"> => {
    if (!is("SCHEMA")) return { namespace: name(), dimensions: undefined };
    expect("SCHEMA", "(");
    const [namespace = "", ...dimensions] = names();
    expect(")");
    return { namespace, dimensions };
  };
  const condition = (): InsightsQuery["where"][number] => {
    const dimension = name();
    const operator = take();
    if (operator !== "=" && operator !== "!=")
      throw new InvalidExpression(`${operator} where = or != is expected: ${text}`);
    const value = take();
    if (!value.startsWith("'")) throw new InvalidExpression(`${value} is not in single quotes: ${text}`);
    return { dimension, equal: operator === "=", value: value.slice(1, -1).replaceAll("\\'", "'") };
  };

  expect("SELECT");
  const selected = aggregate();
  expect("(");
  const metricName = name();
  expect(")", "FROM");
  const from = source();
  const where: InsightsQuery["where"] = [];
  while (is(where.length === 0 ? "WHERE" : "AND")) {
    take();
    where.push(condition());
  }
  let groupBy: string[] = [];
  if (is("GROUP")) {
    expect("GROUP", "BY");
    groupBy = names();
  }
  let orderBy: InsightsQuery["orderBy"];
  if (is("ORDER")) {
    expect("ORDER", "BY");
    const by = aggregate();
    expect("(", ")");
    const descending = is("DESC");
    if (descending || is("ASC")) take();
    orderBy = { aggregate: by, descending };
  }
  let limit: number | undefined;
  if (is("LIMIT")) {
    take();
    limit = Number(take());
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_SERIES)
      throw new InvalidExpression(`LIMIT is a number from 1 to ${MOST_SERIES}: ${text}`);
  }
  if (next < tokens.length) throw new InvalidExpression(`${tokens[next]} is not expected: ${text}`);
  return { aggregate: selected, metricName, ...from, where, groupBy, orderBy, limit };
};

/** User Guide, "Metrics Insights quotas" : a query returns 500 series at most. */
export const MOST_SERIES = 500;

const AGGREGATES: readonly Aggregate[] = ["AVG", "COUNT", "MAX", "MIN", "SUM"];
const TOKEN = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\w+|!=|[=(),.]/g;
