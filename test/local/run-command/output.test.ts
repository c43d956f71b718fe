import fc from "fast-check";
import { expect, test } from "vitest";
import { truncateStderr, truncateStdout } from "../../../local/run-command/output.ts";

test.each([
  ["stdout", truncateStdout, 24_000],
  ["stderr", truncateStderr, 8_000],
])("%s is kept up to its limit and cut, with the suffix, above it", (_stream, truncate, limit) => {
  expect(truncate("x".repeat(limit))).toBe("x".repeat(limit));
  expect(truncate("x".repeat(limit + 1))).toBe(`${"x".repeat(limit - 20)}--output truncated--`);
});

test("the limit is in bytes, even where a character is cut in two", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 9 }), fc.nat(3), (text, shift) => {
      const cut = truncateStdout(`${"x".repeat(shift)}${text.repeat(24_001)}`);
      // A character that is cut becomes a replacement character, which may be two bytes longer than what was left of it.
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(24_002);
      expect(cut.endsWith("--output truncated--")).toBe(true);
    }),
  );
});
