/** CloudWatch's own clockwork: alarms are evaluated again and again, by the clock. */
import type { MetricSeries } from "../endpoint/metric-series.ts";
import type { Clock } from "../states/clock.ts";
import type { AlarmStore } from "./alarm-store.ts";
import { evaluateAlarm, evaluationEveryMs } from "./evaluate.ts";
import { planOf } from "./plan.ts";

/**
 * Evaluates the alarms that are due at a moment, a mark of ten seconds: those with a shorter period than a minute always,
 * the others (`wholeMinute`) once a minute.
 *
 * @param now milliseconds since the epoch
 */
export const evaluateAlarms = (
  store: AlarmStore,
  series: readonly MetricSeries[],
  now: number,
  wholeMinute = true,
): void => {
  for (const stored of store.list()) {
    if (stored.kind !== "metric" || !stored.evaluated) continue;
    if (!wholeMinute && evaluationEveryMs(planOf(stored.alarm)) > MARK_MS) continue;
    const verdict = evaluateAlarm(stored.alarm, series, now, new Set(stored.contributors.keys()));
    if (verdict.kind === "several") {
      store.setContributors(stored.name, verdict.active, verdict.okReason);
      store.setState(stored.name, {
        value: verdict.state,
        reason: verdict.reason,
        evaluationState: verdict.partial ? "PARTIAL_DATA" : undefined,
      });
    } else if (verdict.state !== "retain" && verdict.state !== stored.alarm.StateValue) {
      store.setState(stored.name, {
        value: verdict.state,
        reason: verdict.reason,
        reasonData: verdict.reasonData,
      });
    }
  }
};

/** How often any alarm is evaluated, and how long after the end of a period, so that its last data have arrived. */
const MARK_MS = 10_000;
const ARRIVAL_MS = 2000;

export type Watch = {
  /** Rejects when an evaluation failed, which ends the watch. */
  stop(): Promise<void>;
};

/** @param working declares what takes real time, where the clock skips what does not */
export const watchAlarms = ({
  store,
  series,
  clock,
  working,
}: {
  store: AlarmStore;
  series: readonly MetricSeries[];
  clock: Clock;
  working<T>(work: Promise<T>): Promise<T>;
}): Watch => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const markAt = (now: number): number => Math.floor((now - ARRIVAL_MS) / MARK_MS) * MARK_MS;
  const minuteOf = (mark: number): number => Math.floor(mark / 60_000);

  const run = async (): Promise<void> => {
    let last = markAt(clock.now());
    while (!signal.aborted) {
      const next = last + MARK_MS + ARRIVAL_MS;
      await clock.sleep((next - clock.now()) / 1000, signal);
      const mark = markAt(clock.now());
      evaluateAlarms(store, series, mark, minuteOf(mark) > minuteOf(last));
      last = mark;
      // Where time is skipped, others must get their turn between two marks.
      await working(new Promise((resolve) => setTimeout(resolve, 1)));
    }
  };

  const running = run().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  // Whoever stops the watch is told; until then nobody waits for it.
  running.catch(() => {});
  return {
    stop: async () => {
      stopping.abort(new Error("the watch stops"));
      await running;
    },
  };
};
