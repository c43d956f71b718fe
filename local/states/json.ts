/** What passes between states: JSON and nothing else. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** 256 KiB of UTF-8: "Maximum input or output size for a task, state, or execution" in the service quotas. */
export const dataLimitBytes = 262_144;

/**
 * A copy of a value as the service would have serialized it: keys without a value are left out, and the extra
 * properties that JSONata hangs on its sequences are gone.
 * @throws TypeError for what JSON cannot hold (a function, NaN, an infinite number, undefined itself)
 */
export function toJson(value: unknown): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      throw new TypeError(`${value} is not a JSON number`);
    case "object":
      break;
    default:
      throw new TypeError(`a value of type ${typeof value} is not JSON`);
  }
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : toJson(item)));
  if ("_jsonata_function" in value || "_jsonata_lambda" in value)
    throw new TypeError("a function is not JSON");
  if ("toJSON" in value && typeof value.toJSON === "function") return toJson(value.toJSON());
  const present = Object.entries(value).filter(([, item]) => item !== undefined);
  // Not by assignment, which a key named __proto__ would not survive.
  return Object.fromEntries(present.map(([key, item]) => [key, toJson(item)]));
}

/** The size that the quota counts: bytes of the UTF-8 of the compact serialization. */
export function sizeInBytes(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}
