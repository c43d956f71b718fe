/** Keeping below a service's quota of calls. */

/**
 * A gate that lets so many calls a second through, evenly, also when they come at once. It knows of this process only.
 */
export function paced(perSecond: number): () => Promise<void> {
  let next = 0;
  return async () => {
    const now = Date.now();
    const mine = Math.max(now, next);
    next = mine + 1000 / perSecond;
    if (mine > now) await new Promise((resolve) => setTimeout(resolve, mine - now));
  };
}
