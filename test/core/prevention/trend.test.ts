import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Towards, type Trend, trendTowards } from "../../../core/prevention/trend.ts";

const today = 20_778;
const full: Towards = { limit: 100, approach: "rising", now: today * 86_400 + 6 * 3600, horizonDays: 30 };
/** One value a day, the last of them yesterday. */
const daily = (values: readonly number[]) =>
  values.map((value, index) => ({ at: (today - values.length + index) * 86_400, value }));
const fortnight = (value: (day: number) => number) =>
  daily(Array.from({ length: 14 }, (_, day) => value(day)));
const verdictOf = (points: ReturnType<typeof daily>, towards: Partial<Towards> = {}) =>
  trendTowards(points, { ...full, ...towards });
function nearing(trend: Trend): Extract<Trend, { verdict: "nearing" }> {
  if (trend.verdict !== "nearing") throw new Error(JSON.stringify(trend));
  return trend;
}

describe("a true line", () => {
  const line = fc.record({
    start: fc.double({ min: 0, max: 30, noNaN: true }),
    perDay: fc.double({ min: 2.5, max: 4.5, noNaN: true }),
  });

  test("is forecast to the day, rising to a limit", () => {
    fc.assert(
      fc.property(line, ({ start, perDay }) => {
        const found = nearing(verdictOf(fortnight((day) => start + perDay * day)));
        // Day 0 is a fortnight before today.
        expect(found.daysLeft).toBe(Math.max(0, Math.ceil((100 - start) / perDay - 14 - 1e-6)));
        expect(found.perDay).toBeCloseTo(perDay, 6);
        expect(found.value).toBeCloseTo(Math.min(100, start + 14 * perDay), 6);
      }),
    );
  });

  test("is forecast to the day, falling to nothing", () => {
    fc.assert(
      fc.property(line, ({ start, perDay }) => {
        const top = 50_000;
        const points = fortnight((day) => top - 400 * (start + perDay * day));
        const found = nearing(verdictOf(points, { limit: 0, approach: "falling", horizonDays: 60 }));
        const end = (top / 400 - start) / perDay;
        expect(found.daysLeft).toBe(Math.max(0, Math.ceil(end - 14 - 1e-6)));
      }),
    );
  });

  test("is forecast within a day although its days scatter a little and one of them is anything", () => {
    fc.assert(
      fc.property(
        line,
        fc.array(fc.double({ min: -0.3, max: 0.3, noNaN: true }), { minLength: 14, maxLength: 14 }),
        fc.nat(13),
        fc.double({ min: 0, max: 100, noNaN: true }),
        ({ start, perDay }, scatter, day, odd) => {
          const values = scatter.map((off, index) => start + perDay * index + off);
          const found = nearing(verdictOf(daily(values.with(day, odd)), { horizonDays: 60 }));
          const truth = Math.max(0, (100 - start) / perDay - 14);
          // To the whole day, and a day to either side of it.
          expect(Math.abs(found.daysLeft - truth)).toBeLessThanOrEqual(2 + 0.1 * truth);
        },
      ),
    );
  });

  test("that reaches the limit only behind the horizon is no news", () => {
    const points = fortnight((day) => 20 + day);
    expect(verdictOf(points, { horizonDays: 65 }).verdict).toBe("steady");
    expect(verdictOf(points, { horizonDays: 66 })).toMatchObject({ verdict: "nearing", daysLeft: 66 });
  });

  test("away from the limit is no news", () => {
    expect(verdictOf(fortnight((day) => 90 - 3 * day)).verdict).toBe("steady");
    expect(
      verdictOf(
        fortnight((day) => 10 + 3 * day),
        { limit: 0, approach: "falling" },
      ).verdict,
    ).toBe("steady");
  });

  test("that has passed the limit is due today", () => {
    expect(nearing(verdictOf(fortnight((day) => 70 + 4 * day))).daysLeft).toBe(0);
  });
});

describe("what is no trend is never forecast", () => {
  test("a flat figure that wavers by a hundredth of its distance, whatever the order", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 95, noNaN: true }),
        fc.array(fc.double({ min: -0.005, max: 0.005, noNaN: true }), { minLength: 10, maxLength: 14 }),
        (level, waver) => {
          const values = waver.map((off) => level + off * (100 - level));
          expect(verdictOf(daily(values)).verdict).not.toBe("nearing");
        },
      ),
    );
  });

  test("noise of any size: at most once in two thousand fortnights", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let forecasts = 0;
    for (let run = 0; run < 2_000; run += 1) {
      const [level, size] = [20 + 60 * random(), 40 * random()];
      const values = Array.from({ length: 14 }, () => level + size * (random() - 0.5));
      if (verdictOf(daily(values), { horizonDays: 60 }).verdict === "nearing") forecasts += 1;
    }
    expect(forecasts).toBeLessThanOrEqual(1);
  }, 30_000);

  test("the week, wherever it begins", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 99, noNaN: true }), { minLength: 7, maxLength: 7 }),
        fc.integer({ min: 10, max: 14 }),
        (week, days) => {
          const values = Array.from({ length: days }, (_, day) => week[day % 7] ?? 0);
          expect(verdictOf(daily(values), { horizonDays: 60 }).verdict).not.toBe("nearing");
        },
      ),
    );
  });

  test("a step: a reboot, another table size, another instance size", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 95, noNaN: true }),
        fc.double({ min: 0, max: 95, noNaN: true }),
        fc.integer({ min: 0, max: 14 }),
        fc.array(fc.double({ min: -0.2, max: 0.2, noNaN: true }), { minLength: 14, maxLength: 14 }),
        (before, after, day, waver) => {
          const values = waver.map((off, index) => off + (index < day ? before : after));
          expect(verdictOf(daily(values)).verdict).not.toBe("nearing");
        },
      ),
    );
  });

  test("a leak that a reboot ended four days ago", () => {
    expect(verdictOf(fortnight((day) => (day < 10 ? 20 + 6 * day : 20 + 6 * (day - 10)))).verdict).toBe(
      "unknown",
    );
  });
});

describe("what is not known is not called steady", () => {
  test.each([
    ["no data", []],
    ["fewer than 10 days of data", daily(Array.from({ length: 9 }, (_, day) => 10 * day))],
    [
      "no data for 5 days",
      fortnight((day) => 20 + 4 * day).map(({ at, value }) => ({ at: at - 4 * 86_400, value })),
    ],
    [
      "fewer than 10 days of data since the figure last jumped",
      fortnight((day) => (day < 7 ? 80 : 20) + 3 * (day % 7)),
    ],
  ])("%s", (missing, points) => {
    expect(verdictOf(points)).toEqual({ verdict: "unknown", missing });
  });

  test("days with too many gaps between them to compare weeks", () => {
    const points = daily(Array.from({ length: 20 }, (_, day) => 20 + 3 * day)).filter((_, day) =>
      [0, 1, 2, 3, 4, 5, 6, 17, 18, 19].includes(day),
    );
    expect(verdictOf(points)).toEqual({ verdict: "unknown", missing: "too many days without data" });
  });

  test("a trend that goes on after a step is forecast once ten days have shown it", () => {
    const values = Array.from({ length: 14 }, (_, day) => (day < 4 ? 80 : 20 + 4 * (day - 4)));
    expect(nearing(verdictOf(daily(values)))).toMatchObject({ days: 10, daysLeft: 10 });
  });
});
