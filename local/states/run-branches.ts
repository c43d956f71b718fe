import type { Json } from "./json.ts";

/**
 * Runs jobs, at most `limit` at a time, and returns their results in the order of the jobs.
 * The first that fails aborts all others, and its error is thrown once they have stopped.
 */
export async function runBranches(
  jobs: ((signal: AbortSignal) => Promise<Json>)[],
  limit: number,
  signal: AbortSignal,
): Promise<Json[]> {
  const sibling = new AbortController();
  const either = AbortSignal.any([signal, sibling.signal]);
  const results: Json[] = new Array(jobs.length).fill(null);
  const failures: unknown[] = [];
  const queue = jobs.entries();
  const worker = async () => {
    for (const [index, job] of queue) {
      try {
        results[index] = await job(either);
      } catch (thrown) {
        failures.push(thrown);
        sibling.abort(new Error("another branch failed"));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, jobs.length) }, worker));
  signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  return results;
}
