/** The functions' clock follows the state machine's, which may skip hours. */
import { afterEach, expect, test } from "vitest";
import { type Functions, inProcess } from "../../../local/lambda/in-process.ts";
import { bundle } from "./bundles.ts";

let bundles: ReturnType<typeof bundle>;
let functions: Functions;
afterEach(async () => {
  await functions.stop();
  bundles.remove();
});

test("a function sees the time of the clock that it is given, at each event anew", async () => {
  bundles = bundle({
    clock: `
      const atLoad = Date.now();
      export const handler = async (event, context) => ({
        now: Date.now(),
        date: new Date().toISOString(),
        text: Date.parse(Date()),
        given: [new Date(0).toISOString(), new Date("2026-01-02").getTime(), new Date(2026, 0, 2, 3).getUTCHours(), Date.UTC(2026, 0)],
        kinds: [new Date() instanceof Date, Object.prototype.toString.call(new Date()), Date.name, Date.length],
        remaining: context.getRemainingTimeInMillis(),
        atLoad,
      });`,
  });
  let ahead = 14_400_000;
  functions = inProcess({
    bundles: { Clock: bundles.file("clock") },
    environment: {},
    timeoutSeconds: 60,
    now: () => Date.now() + ahead,
  });
  const ask = async () => Object(await functions.invoke("Clock", {}));
  const first = await ask();
  const near = (time: number) => expect(Math.abs(time - Date.now() - ahead)).toBeLessThan(5000);
  near(first.now);
  near(Date.parse(first.date));
  near(first.text);
  near(first.atLoad);
  expect(first).toMatchObject({
    given: ["1970-01-01T00:00:00.000Z", 1767312000000, 3, 1767225600000],
    kinds: [true, "[object Date]", "Date", 7],
  });
  expect(first.remaining).toBeGreaterThan(50_000);
  expect(first.remaining).toBeLessThanOrEqual(60_000);
  ahead = -60_000;
  near((await ask()).now);
});

test("where the pace says so, what a function waits for passes faster, and its clock with it", async () => {
  bundles = bundle({
    waiter: `
      export const handler = async ({ milliseconds }) => {
        const before = Date.now();
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        return Date.now() - before;
      };`,
  });
  functions = inProcess({ bundles: { Waiter: bundles.file("waiter") }, environment: {}, pace: 100 });
  await functions.invoke("Waiter", { milliseconds: 0 });
  const begun = performance.now();
  const waited = await functions.invoke("Waiter", { milliseconds: 60_000 });
  const elapsed = performance.now() - begun;
  expect(elapsed).toBeGreaterThan(590);
  expect(elapsed).toBeLessThan(30_000);
  expect(waited).toBeGreaterThan(59_000);
});
