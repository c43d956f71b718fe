import fc from "fast-check";
import { expect, test } from "vitest";
import { readHostOutput } from "../../core/evidence/host-output.ts";
import { captured } from "./captured.ts";

const good = captured("conntrack-table-full");
const read = (change: object) => readHostOutput(JSON.stringify({ ...good, ...change }));

test("what the collector printed is read whole", () => {
  expect(readHostOutput(`${JSON.stringify(good)}\n`)).toEqual({ status: "read", evidence: good });
});

test.each([
  ["", "failed"],
  ["--output truncated--", "truncated"],
  [`${JSON.stringify(good).slice(0, 900)}\n--output truncated--`, "truncated"],
  [`"${"x".repeat(24_000)}"`, "truncated"],
  ["Killed", "implausible"],
  ["[]", "implausible"],
  ["null", "implausible"],
  ['{"schema":"nat-medic/host-evidence/2"}', "implausible"],
])("output %j is %s", (stdout, reason) => {
  expect(readHostOutput(stdout)).toMatchObject({ status: "unread", reason });
});

test.each([
  ["a kernel name with markup", { kernel: "<img src=x>" }],
  ["a kernel name with control characters", { kernel: "6.1\u001b[2J" }],
  ["a negative count", { conntrack: { ...good.conntrack, count: -1 } }],
  ["more entries than a table can hold", { conntrack: { ...good.conntrack, count: 2 ** 40 } }],
  ["a fraction of an entry", { conntrack: { ...good.conntrack, max: 0.5 } }],
  ["a window of no time", { window: 0 }],
  ["a source that is no address", { table: { ...good.table, sources: [["$(reboot)", 1]] } }],
  ["a hundred sources", { table: { ...good.table, sources: Array(100).fill(["10.0.0.1", 1]) } }],
  ["a note with a link", { unread: ["see [here](https://example.com)"] }],
  ["a counter with a name of markup", { counters: { "<b>": [1, 1] } }],
  ["zero processors", { cpus: 0 }],
])("%s makes the host implausible, not healthy", (_, change) => {
  expect(read(change)).toMatchObject({ status: "unread", reason: "implausible" });
});

test("no output at all makes it throw, and what it says of it is one plain line", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.json(),
        fc.object().map((each) => JSON.stringify(each)),
      ),
      (stdout) => {
        const reading = readHostOutput(stdout);
        if (reading.status === "unread") expect(reading.detail).toMatch(/^[\w .,:;/()'-]{1,200}$/);
      },
    ),
  );
});
