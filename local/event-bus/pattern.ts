/**
 * EventBridge's event patterns. User Guide, "Creating event patterns" and "Comparison operators for use in event patterns":
 * fields are joined by AND, the values of a field by OR; of an array in the event one element is enough; what is inside an
 * array of objects has to be in one and the same object.
 */
import * as z from "zod/mini";

/** A pattern, or a part of one: an object of fields that ends in arrays of values. */
export type Pattern = Readonly<Record<string, unknown>>;

/** @throws Error for an operator that is not known here */
export const matches = (pattern: Pattern, event: unknown): boolean =>
  Object.entries(pattern).every(([field, wanted]) => {
    if (field === "$or") return z.parse(z.array(Fields), wanted).some((part) => matches(part, event));
    const value = fieldOf(event, field);
    if (Array.isArray(wanted)) {
      const values = Array.isArray(value) && value.length > 0 ? value : [value];
      return wanted.some((rule) => values.some((one) => fits(rule, one)));
    }
    const inner = z.parse(Fields, wanted);
    // What is absent has no field either, which a pattern may ask for.
    const values = Array.isArray(value) ? value : [value];
    return values.some((one) => matches(inner, one));
  });

const Fields = z.record(z.string(), z.unknown());

const fieldOf = (event: unknown, field: string): unknown => {
  const fields = z.safeParse(Fields, event);
  return fields.success && Object.hasOwn(fields.data, field) ? fields.data[field] : undefined;
};

/** One value of a pattern's array and one value of the event; `undefined`: the event has none. */
const fits = (rule: unknown, value: unknown): boolean => {
  const operator = z.safeParse(Fields, rule);
  if (!operator.success) return value === rule;
  const [entry, ...others] = Object.entries(operator.data);
  if (entry === undefined || others.length > 0) throw unknownOperator(rule);
  const [name, operand] = entry;
  // Objects are no leaves: an operator does not see them, except as something that is there.
  if (name === "exists") return (value !== undefined && !isObject(value)) === operand;
  if (value === undefined || isObject(value)) return false;
  switch (name) {
    case "prefix":
    case "suffix":
      return typeof value === "string" && affix(name, operand, value);
    case "equals-ignore-case":
      return typeof value === "string" && value.toLowerCase() === text(operand).toLowerCase();
    case "wildcard":
      return typeof value === "string" && wildcard(text(operand)).test(value);
    case "numeric":
      return typeof value === "number" && inRange(operand, value);
    case "anything-but":
      return !excluded(operand, value);
    default:
      throw unknownOperator(rule);
  }
};

const excluded = (operand: unknown, value: unknown): boolean => {
  const list = Array.isArray(operand) ? operand : [operand];
  if (!list.some(isObject)) return list.includes(value);
  const [entry, ...others] = Object.entries(z.parse(Fields, operand));
  if (entry === undefined || others.length > 0) throw unknownOperator(operand);
  const [name, inner] = entry;
  return (Array.isArray(inner) ? inner : [inner]).some((one) => fits({ [name]: one }, value));
};

const affix = (kind: "prefix" | "suffix", operand: unknown, value: string): boolean => {
  const ignoring = isObject(operand);
  const part = text(ignoring ? fieldOf(operand, "equals-ignore-case") : operand);
  const [whole, wanted] = ignoring ? [value.toLowerCase(), part.toLowerCase()] : [value, part];
  return kind === "prefix" ? whole.startsWith(wanted) : whole.endsWith(wanted);
};

/** `["> ", 10, "<=", 20]`. */
const inRange = (operand: unknown, value: number): boolean => {
  const parts = z.parse(z.array(z.union([z.string(), z.number()])), operand);
  const pairs = parts.flatMap((part, index) => (index % 2 === 0 ? [[part, parts[index + 1]]] : []));
  return pairs.every(([sign, bound]) => {
    if (typeof bound !== "number") throw unknownOperator(operand);
    switch (sign) {
      case "=":
        return value === bound;
      case "<":
        return value < bound;
      case "<=":
        return value <= bound;
      case ">":
        return value > bound;
      case ">=":
        return value >= bound;
      default:
        throw unknownOperator(operand);
    }
  });
};

const wildcard = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[\\^$.|+?()[\]{}]/g, "\\$&").replaceAll("*", ".*")}$`, "s");

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

const text = (value: unknown): string => z.parse(z.string(), value);

const unknownOperator = (rule: unknown): Error =>
  new Error(`this part of an event pattern is not known here: ${JSON.stringify(rule)}`);
