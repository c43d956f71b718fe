import type { Worker } from "node:worker_threads";

/** The execution environments of one function, at most `limit` of them. They keep the process alive until `stop`. */
export const environmentPool = <Environment extends { worker: Worker }>(
  start: () => Environment,
  limit: number,
) => {
  const all = new Set<Environment>();
  const idle: Environment[] = [];
  const waiting: PromiseWithResolvers<Environment>[] = [];

  const add = (): Environment => {
    const environment = start();
    all.add(environment);
    // Also one that ends between two events, by itself.
    environment.worker.once("exit", () => {
      all.delete(environment);
      const index = idle.indexOf(environment);
      if (index !== -1) idle.splice(index, 1);
    });
    return environment;
  };

  return {
    take: async (): Promise<Environment> => {
      const environment = idle.pop() ?? (all.size < limit ? add() : undefined);
      if (environment !== undefined) return environment;
      const turn = Promise.withResolvers<Environment>();
      waiting.push(turn);
      return turn.promise;
    },
    /** `reusable: false` ends the thread and makes room for a new one. */
    giveBack: async (environment: Environment, reusable: boolean): Promise<void> => {
      if (!reusable) {
        all.delete(environment);
        await environment.worker.terminate();
      }
      const next = waiting.shift();
      if (next !== undefined) next.resolve(reusable ? environment : add());
      else if (reusable) idle.push(environment);
    },
    /** Whoever still waits for a turn gets none. */
    stop: async (): Promise<void> => {
      for (const { reject } of waiting.splice(0)) reject(new Error("the functions have stopped"));
      await Promise.all([...all].map(({ worker }) => worker.terminate()));
      all.clear();
      idle.length = 0;
    },
  };
};
