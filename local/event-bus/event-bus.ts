/** EventBridge: events on their way to whatever the rules say, at least once and independently of each other. */
import type { Clock } from "../states/clock.ts";
import { matches } from "./pattern.ts";
import type { Rule } from "./template-rules.ts";

export type EventBus = {
  /** Which rules take the event; delivery goes on by itself. */
  put(event: unknown, bus?: string): string[];
  /** Hands an event to one target without any rule, as whoever else invokes asynchronously does. */
  send(target: string, event: unknown): void;
  /** Until nothing is under way, retries included. */
  settled(): Promise<void>;
  /** Delivers nothing more; what is under way is waited for, but not tried again. */
  stop(): Promise<void>;
};

/** Lambda tries an asynchronous event three times, after one minute and two more. */
const retryDelaysSeconds = [60, 120];

/** @param deliver to one target by its logical ID; rejects when the target fails */
export const eventBus = ({
  rules,
  deliver,
  clock,
}: {
  rules: readonly Rule[];
  deliver(target: string, event: unknown): Promise<unknown>;
  clock: Clock;
}): EventBus => {
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const { signal } = stopping;

  const attempt = async (target: string, event: unknown): Promise<void> => {
    for (const delay of [0, ...retryDelaysSeconds]) {
      try {
        if (delay > 0) await clock.sleep(delay, signal);
        await deliver(target, event);
        return;
      } catch {
        // What fails to the last goes to a queue, where nobody looks in here.
        if (signal.aborted) return;
      }
    }
  };

  const send = (target: string, event: unknown): void => {
    if (signal.aborted) return;
    const delivery = attempt(target, event);
    underWay.add(delivery);
    void delivery.finally(() => underWay.delete(delivery));
  };

  const settled = async () => {
    while (underWay.size > 0) await Promise.all(underWay);
  };

  return {
    put: (event, bus = "default") => {
      if (signal.aborted) return [];
      const taking = rules.filter((rule) => rule.bus === bus && matches(rule.pattern, event));
      for (const target of taking.flatMap(({ targets }) => targets)) send(target, event);
      return taking.map(({ name }) => name);
    },
    send,
    settled,
    stop: async () => {
      stopping.abort(new Error("the bus stops"));
      await settled();
    },
  };
};
