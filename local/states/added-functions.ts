import { createHash, randomUUID } from "node:crypto";
import jsonata from "jsonata";

/**
 * The functions that Step Functions adds to JSONata ("Transforming data with JSONata in Step Functions",
 * JSONata functions provided by Step Functions), and its clock and random numbers made ours.
 */
export function addedFunctions(nowMs: number): Record<string, unknown> {
  return {
    partition,
    range,
    hash,
    random,
    parse,
    uuid: () => randomUUID(),
    millis: () => nowMs,
    now: (picture?: string, timezone?: string) =>
      formatted.evaluate(undefined, { at: nowMs, picture, timezone }),
  };
}

const formatted = jsonata("$fromMillis($at, $picture, $timezone)");

/** "The newly generated array MUST NOT contain more than 1000 items": States Language, States.ArrayRange. */
const longestRange = 1000;

const algorithms: Record<string, string> = {
  MD5: "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};

function partition(items: unknown, size: unknown): unknown {
  if (items === undefined) return undefined;
  const list: unknown[] = Array.isArray(items) ? items : [items];
  const step = integer("$partition", "chunk size", size);
  if (step < 1) throw new RangeError("$partition: the chunk size must be positive");
  return Array.from({ length: Math.ceil(list.length / step) }, (_, i) =>
    list.slice(i * step, (i + 1) * step),
  );
}

function range(first: unknown, last: unknown, step: unknown): number[] {
  const from = integer("$range", "first element", first);
  const to = integer("$range", "last element", last);
  const by = integer("$range", "step", step);
  if (by === 0) throw new RangeError("$range: the step must not be zero");
  const length = Math.max(0, Math.floor((to - from) / by) + 1);
  if (length > longestRange) throw new RangeError(`$range: more than ${longestRange} elements`);
  return Array.from({ length }, (_, i) => from + i * by);
}

function hash(content: unknown, algorithm: unknown): string {
  if (typeof content !== "string") throw new TypeError("$hash: the content must be a string");
  const known = typeof algorithm === "string" ? algorithms[algorithm] : undefined;
  if (known === undefined) {
    throw new TypeError(`$hash: the algorithm must be one of ${Object.keys(algorithms).join(", ")}`);
  }
  return createHash(known).update(content).digest("hex");
}

function parse(text: unknown): unknown {
  if (typeof text !== "string") throw new TypeError("$parse: the argument must be a string");
  return JSON.parse(text);
}

/** The same seed gives the same number; it is not the number that AWS would give for that seed. */
function random(seed?: unknown): number {
  if (seed === undefined) return Math.random();
  let bits = (integer("$random", "seed", seed) + 0x6d2b79f5) | 0;
  bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
}

function integer(name: string, what: string, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw new TypeError(`${name}: the ${what} must be an integer`);
}
