/** "Maximum execution event history: 25,000 events" in the quotas. It also ends a loop that never waits. */
export const mostEvents = 25_000;

export const tooManyEvents = `The execution reached the maximum number of history events (${mostEvents}).`;
