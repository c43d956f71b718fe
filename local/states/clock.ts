/**
 * The one source of time for an execution: waits, retry delays, timeouts and `$now()` all come from here.
 *
 * `now` is in milliseconds since the epoch, `sleep` takes seconds (fractions allowed, negative counts as 0).
 * A sleep rejects with the signal's reason as soon as the signal aborts, and leaves no timer behind.
 */
export type Clock = {
  now(): number;
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
};

/** A clock that skips the time in which everybody sleeps. */
export type VirtualClock = Clock & {
  /**
   * Declares work that takes real time (a request, a process): nothing is skipped until it settles.
   * Without this a timeout that guards the work would be due at once.
   */
  working<T>(work: Promise<T>): Promise<T>;
};

/** Node's timers fire at once when the delay does not fit 31 bits, so longer sleeps are taken in parts. */
const longestTimerMs = 2 ** 31 - 1;

type Sleeper = { wakeAt: number; wake: () => void };

export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (seconds, signal) => {
    const wakeAt = Date.now() + Math.max(0, seconds) * 1000;
    let timer: NodeJS.Timeout | undefined;
    return untilAborted(
      signal,
      (wake) => {
        const arm = () => {
          const left = wakeAt - Date.now();
          timer =
            left > longestTimerMs ? setTimeout(arm, longestTimerMs) : setTimeout(wake, Math.max(0, left));
        };
        arm();
      },
      () => clearTimeout(timer),
    );
  },
};

/**
 * Time stands still except that it jumps to the next sleeper when nothing else is left to do.
 * @param startAt milliseconds since the epoch
 */
export function virtualClock(startAt = Date.UTC(2026, 0, 1)): VirtualClock {
  return skippingClock(() => startAt, false);
}

/**
 * Runs with the real time, and skips ahead to the next sleeper when nobody declared real work.
 * While work is under way it is an ordinary clock, so timeouts guard that work as they would in AWS.
 */
export function fastClock(): VirtualClock {
  return skippingClock(() => Date.now(), true);
}

function skippingClock(base: () => number, runs: boolean): VirtualClock {
  const sleepers: Sleeper[] = [];
  let skipped = 0;
  let working = 0;
  let turn: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  const now = () => base() + skipped;

  const schedule = () => {
    clearImmediate(turn);
    clearTimeout(timer);
    const next = sleepers[0];
    if (next === undefined) return;
    if (working === 0) turn = setImmediate(wakeNext);
    else if (runs) timer = setTimeout(wakeNext, Math.min(longestTimerMs, Math.max(0, next.wakeAt - now())));
  };
  // One sleeper a turn: what it does on waking (abort the others, sleep again) must happen before the next one wakes.
  const wakeNext = () => {
    const next = sleepers[0];
    if (next === undefined) return;
    if (working === 0) skipped += Math.max(0, next.wakeAt - now());
    if (next.wakeAt <= now()) {
      sleepers.shift();
      next.wake();
    }
    schedule();
  };

  return {
    now,
    sleep: (seconds, signal) => {
      let sleeper: Sleeper | undefined;
      return untilAborted(
        signal,
        (wake) => {
          const wakeAt = now() + Math.max(0, seconds) * 1000;
          sleeper = { wakeAt, wake };
          const later = sleepers.findIndex((other) => other.wakeAt > wakeAt);
          sleepers.splice(later === -1 ? sleepers.length : later, 0, sleeper);
          schedule();
        },
        () => {
          const index = sleeper === undefined ? -1 : sleepers.indexOf(sleeper);
          if (index !== -1) sleepers.splice(index, 1);
          schedule();
        },
      );
    },
    working: async (work) => {
      working += 1;
      schedule();
      try {
        return await work;
      } finally {
        working -= 1;
        schedule();
      }
    },
  };
}

function untilAborted(
  signal: AbortSignal,
  start: (wake: () => void) => void,
  cancel: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const abort = () => {
      cancel();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    start(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}
