/** The metric around the incident, as a picture that is also told in words. */
import type { MetricHistory } from "../evidence/cloud.ts";
import { type Html, html, nothing } from "./html.ts";
import { clock } from "./time.ts";

/** In the drawing's own units; the style sheet makes its text larger where the drawing is small. */
const width = 640;
const plot = { left: 66, right: 624, top: 34, bottom: 204 };
const height = 244;
/** CloudWatch gives one value per minute: what is further apart is a gap, not a line. */
const gapSeconds = 180;
const leastSpanSeconds = 600;
/** Beyond this a value is drawn at the edge: no sum of such numbers leaves what numbers can hold. */
const largest = 1e15;

type Point = MetricHistory["points"][number];
type Scale = { x(at: number): number; y(value: number): number; xTicks: number[]; yTicks: number[] };

/** `alarmAt`: Unix seconds; null when no alarm started the incident. */
export function chart({ name, points }: MetricHistory, alarmAt: number | null): Html {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) {
    return html`<p class="soft">CloudWatch has no values of ${name} in the three hours before.</p>`;
  }
  const unit = /Utilization$/.test(name) ? "\u00a0%" : "";
  const values = points.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const near = alarmAt !== null && Math.abs(alarmAt - last.at) < 86_400;
  const times = [first.at, last.at, ...(near ? [alarmAt] : [])];
  const scale = scaleOf([Math.min(...times), Math.max(...times)], [least, most], unit);
  const told =
    points.length === 1
      ? `One value in three hours: ${tidy(last.value)}${unit} at ${clock(last.at)}.`
      : `From ${clock(first.at)} to ${clock(last.at)} UTC: lowest ${tidy(least)}${unit}, highest ${tidy(most)}${unit}, last ${tidy(last.value)}${unit}.`;
  const toldOfAlarm = near ? ` The dashed line marks the alarm at ${clock(alarmAt)} UTC.` : "";
  return html`<figure class="chart">
<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="chart-title" aria-describedby="chart-words">
<title id="chart-title">${name} in the three hours before the question</title>
<desc id="chart-words">${told}${toldOfAlarm}</desc>
${scale.yTicks.map((value) => yTick(value, scale, unit))}${scale.xTicks.map((at) => xTick(at, scale))}${runsOf(points).map((run) => drawn(run, scale))}${near ? alarmMark(alarmAt, scale) : nothing}</svg>
<figcaption><b>${name}</b>, highest value per minute. ${told}${toldOfAlarm}</figcaption>
</figure>`;
}

function yTick(value: number, { y }: Scale, unit: string): Html {
  return html`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y(value)}" y2="${y(value)}"/>
<text x="${plot.left - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle">${tidy(value)}${unit}</text>
`;
}

function xTick(at: number, { x }: Scale): Html {
  return html`<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="${plot.bottom}" y2="${plot.bottom + 6}"/>
<text x="${x(at)}" y="${plot.bottom + 28}" text-anchor="middle">${clock(at)}</text>
`;
}

function alarmMark(at: number, { x }: Scale): Html {
  const place = x(at);
  const anchor = place > (plot.left + plot.right) / 2 ? "end" : "start";
  return html`<line class="alarm" x1="${place}" x2="${place}" y1="${plot.top - 8}" y2="${plot.bottom}"/>
<text class="alarm-name" x="${place}" y="${plot.top - 16}" text-anchor="${anchor}">alarm ${clock(at)}</text>
`;
}

/** A run of neighbouring values as a line over its area; a single one as a dot. */
function drawn(run: readonly Point[], { x, y }: Scale): Html {
  const [first] = run;
  const last = run.at(-1);
  if (first === undefined || last === undefined) return nothing;
  const line = run.map(({ at, value }) => `${x(at)} ${y(value)}`).join("L");
  if (run.length === 1) return html`<circle class="dot" cx="${x(first.at)}" cy="${y(first.value)}" r="4"/>`;
  return html`<path class="area" d="M${x(first.at)} ${y(0)}L${line}L${x(last.at)} ${y(0)}Z"/>
<path class="line" d="M${line}"/>
<circle class="dot" cx="${x(last.at)}" cy="${y(last.value)}" r="4"/>
`;
}

function runsOf(points: readonly Point[]): Point[][] {
  const runs: Point[][] = [];
  for (const point of points) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run === undefined || before === undefined || point.at - before.at > gapSeconds) runs.push([point]);
    else run.push(point);
  }
  return runs;
}

function scaleOf([from, to]: [number, number], [least, most]: [number, number], unit: string): Scale {
  const start = Math.min(from, to - leastSpanSeconds);
  const bound = (value: number) => Math.max(-largest, Math.min(largest, value));
  const bottom = Math.min(0, bound(least));
  // A share of the whole is shown against the whole.
  const top = unit !== "" && least >= 0 && most <= 100 ? 100 : topOf(bottom, bound(most));
  const place = (share: number, a: number, b: number) => Math.round((a + share * (b - a)) * 10) / 10;
  const xStep = xSteps.find((step) => (to - start) / step <= 5) ?? Math.ceil((to - start) / 4);
  const firstTick = Math.ceil(start / xStep) * xStep;
  return {
    x: (at) => place((at - start) / (to - start), plot.left, plot.right),
    y: (value) => place((bound(value) - bottom) / (top - bottom), plot.bottom, plot.top),
    xTicks: [0, 1, 2, 3, 4, 5].map((step) => firstTick + step * xStep).filter((at) => at <= to),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((share) => bottom + share * (top - bottom)),
  };
}

/** Seconds between two times on the axis. */
const xSteps = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400] as const;

/** The least of 1, 2, 4 or 8 times a power of ten that is not below `most`: quarters of it stay short. */
function topOf(bottom: number, most: number): number {
  if (most < 1e-9) return bottom < -1e-9 ? 0 : 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 4, 8].find((times) => times * power >= most) ?? 10) * power;
}

function tidy(value: number): string {
  return Math.abs(value) >= 1e6 ? value.toPrecision(3) : String(Math.round(value * 10) / 10);
}
