/**
 * Makes `Date` in this thread run ahead of (or behind) the machine's clock, by as many milliseconds as `shift` holds:
 * a function must see the time that its state machine sees, also when that skips hours, and clocks may be skewed.
 */
export const shiftDate = (shift: Float64Array): void => {
  const RealDate = globalThis.Date;
  const now = () => RealDate.now() + (shift[0] ?? 0);
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
  });
};
