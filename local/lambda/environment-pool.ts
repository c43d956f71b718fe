import type { Worker } from "node:worker_threads";

/** The execution environments of one function, at most `limit` of them. They keep the process alive until `stop`. */
export const environmentPool = (start: () => Worker, limit: number) => {
  const all = new Set<Worker>();
  const idle: Worker[] = [];
  const waiting: ((worker: Worker) => void)[] = [];

  const add = (): Worker => {
    const worker = start();
    all.add(worker);
    return worker;
  };

  return {
    take: async (): Promise<Worker> => {
      const worker = idle.pop() ?? (all.size < limit ? add() : undefined);
      return worker ?? new Promise((resolve) => waiting.push(resolve));
    },
    /** `reusable: false` ends the thread and makes room for a new one. */
    giveBack: async (worker: Worker, reusable: boolean): Promise<void> => {
      if (!reusable) {
        all.delete(worker);
        await worker.terminate();
      }
      const next = waiting.shift();
      if (next !== undefined) next(reusable ? worker : add());
      else if (reusable) idle.push(worker);
    },
    stop: async (): Promise<void> => {
      await Promise.all([...all].map((worker) => worker.terminate()));
      all.clear();
      idle.length = 0;
    },
  };
};
