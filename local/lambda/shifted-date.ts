/** What a thread knows of its clock, in memory that it shares with whoever runs it. */
export const sharedClock = (pace: number): Float64Array => {
  const clock = new Float64Array(new SharedArrayBuffer(24));
  clock[2] = pace;
  return clock;
};

/** Milliseconds since the epoch at which the present event began, by the clock that the thread is to follow. */
export const setClock = (clock: Float64Array, startedAt: number): void => {
  clock[0] = startedAt;
  clock[1] = Date.now();
};

/**
 * Makes `Date` in this thread follow another clock than the machine's: a function must see the time that its state
 * machine sees, also when that skips hours, and clocks may be skewed. Where its pace is above 1, what the function
 * waits for with `setTimeout` passes as many times as fast, and so does its clock.
 */
export const shiftDate = (clock: Float64Array): void => {
  const RealDate = globalThis.Date;
  const realTimeout = globalThis.setTimeout;
  const pace = clock[2] ?? 1;
  const now = () => {
    const [startedAt = 0, since = 0] = clock;
    const real = RealDate.now();
    return since === 0 ? real : startedAt + (real - since) * pace;
  };
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
  });
  globalThis.setTimeout = new Proxy(realTimeout, {
    apply: (target, self, [run, milliseconds, ...given]) =>
      Reflect.apply(target, self, [run, (milliseconds ?? 0) / pace, ...given]),
  });
};
