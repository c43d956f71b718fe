/** Deep merge of plain data into plain data, as a scenario's `world:` is merged into the healthy one. */

/** Objects are merged, `null` deletes, anything else (arrays too) replaces. Changes `target`. */
export function merge(target: object, patch: object): void {
  for (const [key, value] of Object.entries(patch)) {
    const present: unknown = Object.hasOwn(target, key) ? Reflect.get(target, key) : undefined;
    if (value === null) Reflect.deleteProperty(target, key);
    else if (isPlain(value) && isPlain(present)) merge(present, value);
    else Reflect.set(target, key, structuredClone(value));
  }
}

const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
