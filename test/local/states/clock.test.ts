import { afterEach, expect, test, vi } from "vitest";
import { fastClock, realClock, virtualClock } from "../../../local/states/clock.ts";

const never = new AbortController().signal;

afterEach(() => {
  vi.useRealTimers();
});

test("the virtual clock skips a sleep and counts its time", async () => {
  const clock = virtualClock(1_000);
  await clock.sleep(3600, never);
  expect(clock.now()).toBe(1_000 + 3_600_000);
});

test("concurrent sleepers wake in the order of their times, equal ones in the order they came", async () => {
  const clock = virtualClock(0);
  const woken: string[] = [];
  const sleeper = async (name: string, seconds: number) => {
    await clock.sleep(seconds, never);
    woken.push(`${name}@${clock.now()}`);
  };
  await Promise.all([
    sleeper("c", 3),
    sleeper("a", 1),
    sleeper("b", 2),
    sleeper("b2", 2),
    sleeper("zero", 0),
  ]);
  expect(woken).toEqual(["zero@0", "a@1000", "b@2000", "b2@2000", "c@3000"]);
});

test("what a sleeper does on waking happens before the next one wakes", async () => {
  const clock = virtualClock(0);
  const controller = new AbortController();
  const late = clock.sleep(2, controller.signal).catch((reason: unknown) => reason);
  await clock.sleep(1, never);
  controller.abort("not needed");
  expect(await late).toBe("not needed");
  expect(clock.now()).toBe(1000);
});

test("a sleeper that sleeps again keeps its place in time", async () => {
  const clock = virtualClock(0);
  const seen: number[] = [];
  const twice = async () => {
    await clock.sleep(1, never);
    await clock.sleep(1, never);
    seen.push(clock.now());
  };
  const once = async () => {
    await clock.sleep(3, never);
    seen.push(clock.now());
  };
  await Promise.all([once(), twice()]);
  expect(seen).toEqual([2000, 3000]);
});

test("nothing is skipped while real work is under way", async () => {
  const clock = virtualClock(0);
  const work = clock.working(new Promise((resolve) => setTimeout(resolve, 30, "done")));
  const guard = new AbortController();
  const timeout = clock.sleep(60, guard.signal).then(
    () => "timed out",
    () => "guard released",
  );
  expect(await Promise.race([work, timeout])).toBe("done");
  guard.abort();
  expect(await timeout).toBe("guard released");
  expect(clock.now()).toBe(0);
});

test("work that fails lets time go on", async () => {
  const clock = virtualClock(0);
  await expect(clock.working(Promise.reject(new Error("no")))).rejects.toThrow("no");
  await clock.sleep(5, never);
  expect(clock.now()).toBe(5000);
});

test("the fast clock skips when idle and guards real work in real time", async () => {
  const clock = fastClock();
  const began = Date.now();
  await clock.sleep(600, never);
  expect(clock.now() - began).toBeGreaterThanOrEqual(600_000);
  expect(Date.now() - began).toBeLessThan(5_000);

  let finish: (value: unknown) => void = () => {};
  const hung = clock.working(
    new Promise((resolve) => {
      finish = resolve;
    }),
  );
  const timeout = clock.sleep(0.05, never).then(() => "timed out");
  expect(await Promise.race([hung, timeout])).toBe("timed out");
  finish("late");
  await hung;
});

test.each([
  ["real", realClock],
  ["virtual", virtualClock()],
  ["fast", fastClock()],
])("a sleep on the %s clock rejects with the reason of the abort, before or during it", async (_, clock) => {
  await expect(clock.sleep(60, AbortSignal.abort("early"))).rejects.toBe("early");
  const controller = new AbortController();
  const sleeping = clock.sleep(60, controller.signal);
  controller.abort("stop");
  await expect(sleeping).rejects.toBe("stop");
});

test("an aborted real sleep leaves no timer behind", async () => {
  vi.useFakeTimers();
  const controller = new AbortController();
  const sleeping = realClock.sleep(60, controller.signal).catch(() => "aborted");
  expect(vi.getTimerCount()).toBe(1);
  controller.abort();
  expect(await sleeping).toBe("aborted");
  expect(vi.getTimerCount()).toBe(0);
});

test("a real sleep longer than Node's longest timer does not end at once", async () => {
  vi.useFakeTimers();
  const seconds = 3_000_000;
  let awake = false;
  const sleeping = realClock.sleep(seconds, never).then(() => {
    awake = true;
  });
  await vi.advanceTimersByTimeAsync(seconds * 1000 - 1);
  expect(awake).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await sleeping;
  expect(awake).toBe(true);
});
