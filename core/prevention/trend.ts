/**
 * Whether a figure that is known once a day moves towards a limit, and when it would get there: or honestly, that this
 * cannot be told. A false forecast costs more than a late one, since alarms watch the same figures by the minute.
 */

/** `at`: Unix seconds; a day is one of UTC. One value per day: of several the last one counts. */
export type DailyPoint = { at: number; value: number };

export type Towards = {
  limit: number;
  /** From which side the figure comes. */
  approach: "rising" | "falling";
  /** Unix seconds. */
  now: number;
  /** A limit that is further away than this is no news. */
  horizonDays: number;
};

export type Trend =
  | {
      verdict: "nearing";
      /** Where the line stands today, and what it moves towards the limit in a day: positive. */
      value: number;
      perDay: number;
      /** From today to the first day that reaches the limit, whole; 0: today. */
      daysLeft: number;
      /** Days that the line was fitted to. */
      days: number;
    }
  /** Enough was seen: no movement, another direction, or too far away. */
  | { verdict: "steady" }
  | { verdict: "unknown"; missing: string };

/**
 * The traffic of a NAT follows the week, so a line is believed only when most days lie nearer to the limit than the same
 * day a week before: three such pairs at least, which takes ten days.
 */
const leastDays = 10;
const leastWeekPairs = 3;
const shareOfWeekPairs = 0.8;
/** One-sided z of the Mann-Kendall test: once in two thousand by chance. */
const significant = 3.29;
/** What the line moves over its days, against what the days scatter around it. */
const leastMovement = 4;
/** Older than this, it says nothing of today. */
const stalestDays = 3;

export function trendTowards(points: readonly DailyPoint[], towards: Towards): Trend {
  const { limit, approach, horizonDays } = towards;
  const today = dayOf(towards.now);
  const all = distances(points, towards);
  const last = all.at(-1);
  if (last === undefined) return unknown("no data");
  if (today - last.day > stalestDays) return unknown(`no data for ${today - last.day} days`);
  const recent = sinceLastBreak(all);
  if (recent.length < leastDays) {
    const isWhole = recent.length === all.length;
    return unknown(`fewer than ${leastDays} days of data${isWhole ? "" : " since the figure last jumped"}`);
  }
  const weeks = weekPairs(recent);
  if (weeks.length < leastWeekPairs) return unknown("too many days without data");

  const line = theilSen(recent);
  const scatter = spread(deviations(recent, line));
  const span = last.day - (recent[0]?.day ?? last.day);
  const daysLeft = Math.max(0, Math.ceil(line.at(today) / -line.slope - 1e-6));
  const isNearing =
    line.slope < 0 &&
    daysLeft <= horizonDays &&
    mannKendall(recent) > significant &&
    -line.slope * span >= leastMovement * scatter &&
    weeks.filter((nearer) => nearer).length >= shareOfWeekPairs * weeks.length;
  if (!isNearing) return { verdict: "steady" };
  const distance = Math.max(0, line.at(today));
  const value = approach === "rising" ? limit - distance : limit + distance;
  return { verdict: "nearing", value, perDay: -line.slope, daysLeft, days: recent.length };
}

/** How far from the limit, on which day since the epoch: a trend is a distance that shrinks. */
type Distance = { day: number; distance: number };

const dayOf = (seconds: number) => Math.floor(seconds / 86_400);

function distances(points: readonly DailyPoint[], { limit, approach }: Towards): Distance[] {
  const byDay = new Map(points.map(({ at, value }) => [dayOf(at), value]));
  return [...byDay]
    .map(([day, value]) => ({ day, distance: approach === "rising" ? limit - value : value - limit }))
    .sort((a, b) => a.day - b.day);
}

const unknown = (missing: string): Trend => ({ verdict: "unknown", missing });

type Line = { slope: number; at(day: number): number };

/**
 * The median of the slopes between every two days (Theil 1950, Sen 1968), through the median of what remains: up to 29 %
 * of the days may be anything, such as a reboot or a holiday, and the line stays.
 */
function theilSen(points: readonly Distance[]): Line {
  const slopes = points.flatMap((a, index) =>
    points.slice(index + 1).map((b) => (b.distance - a.distance) / (b.day - a.day)),
  );
  const slope = median(slopes);
  const start = median(points.map(({ day, distance }) => distance - slope * day));
  return { slope, at: (day) => start + slope * day };
}

/** The z of a monotonous fall (Mann 1945, Kendall 1975), corrected for ties. */
function mannKendall(points: readonly Distance[]): number {
  const n = points.length;
  const falls = points.flatMap((a, index) =>
    points.slice(index + 1).map((b) => Math.sign(a.distance - b.distance)),
  );
  const ties = [...Map.groupBy(points, ({ distance }) => distance).values()].map(({ length }) => length);
  const weigh = (count: number) => count * (count - 1) * (2 * count + 5);
  const variance = (weigh(n) - sum(ties.map(weigh))) / 18;
  return variance === 0 ? 0 : (sum(falls) - 1) / Math.sqrt(variance);
}

/** For each day that has one a week before it: whether it lies nearer to the limit. */
function weekPairs(points: readonly Distance[]): boolean[] {
  const byDay = new Map(points.map(({ day, distance }) => [day, distance]));
  return points.flatMap(({ day, distance }) => {
    const before = byDay.get(day - 7);
    return before === undefined ? [] : [distance < before];
  });
}

/** Days on either side of a jump that it takes to tell it from an outlier. */
const leastPart = 3;
/** Two lines explain the days so much better than one: what is left over falls to half. */
const muchBetter = 0.5;
/** Of the distance: a smaller jump does no harm to a line. */
const leastJump = 0.05;

/**
 * The days after the last jump. A table that was made larger, another instance size or a leak that a reboot ended moves
 * the figure at once, and a line through both sides of that would be nobody's trend.
 */
function sinceLastBreak(points: readonly Distance[]): readonly Distance[] {
  const whole = deviations(points, theilSen(points));
  const breaks = points.slice(leastPart, points.length - leastPart + 1).map(({ day }, index) => {
    const [before, after] = [points.slice(0, index + leastPart), points.slice(index + leastPart)];
    const [left, right] = [theilSen(before), theilSen(after)];
    const apart = [...deviations(before, left), ...deviations(after, right)];
    return { after, apart, jump: Math.abs(right.at(day) - left.at(day)) };
  });
  const [best] = breaks.sort((a, b) => sum(a.apart) - sum(b.apart));
  if (best === undefined) return points;
  const [one, two] = [allButOne(whole), allButOne(best.apart)];
  const far = Math.max(...points.map(({ distance }) => Math.abs(distance)));
  // What two lines save is the jump on several days, not the chance of a good fit.
  const isBreak = two < muchBetter * one && best.jump > leastJump * far && one - two > best.jump;
  return isBreak ? sinceLastBreak(best.after) : points;
}

function deviations(points: readonly Distance[], line: Line): number[] {
  return points.map(({ day, distance }) => Math.abs(distance - line.at(day)));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Without the largest: one odd day is no jump, however well a line of its own would fit it. */
const allButOne = (deviations: readonly number[]) => sum(deviations) - Math.max(0, ...deviations);

/** As a standard deviation that outliers do not move: 1.4826 times the median of the deviations. */
const spread = (deviations: readonly number[]) => 1.4826 * median(deviations);

/** 0 of nothing. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
