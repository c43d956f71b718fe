import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { functionArn, functionEnvironment } from "./function-environment.ts";
import { exited, FunctionError, timedOut } from "./function-error.ts";
import { type Answer, startRuntimeApi } from "./runtime-api.ts";
import { runtimeClient } from "./runtime-client.ts";

export type Runtime = {
  invoke(event: unknown): Promise<Answer>;
  /** From the start of the process until the client asked for its first event. */
  initMilliseconds: number;
  /** What the function has written so far, to either stream. */
  output(): string;
  stop(): Promise<void>;
};

/**
 * Runs one bundle under Lambda's own runtime client, in a process with Lambda's environment and no other.
 *
 * @param bundle the file; its folder is the task root
 * @param handler `<file without extension>.<export>`, as in the template
 * @param timeoutSeconds for the start, and for each event; after it the process is killed
 * @throws FunctionError for what the client reports at the start (a module that is missing, a handler that is none);
 *   Error when the client cannot be fetched
 */
export const startRuntime = async ({
  bundle,
  handler,
  environment,
  functionName = "function",
  region = "us-east-1",
  timeoutSeconds = 60,
}: {
  bundle: string;
  handler: string;
  environment: Record<string, string>;
  functionName?: string;
  region?: string;
  timeoutSeconds?: number;
}): Promise<Runtime> => {
  const client = await runtimeClient();
  const api = await startRuntimeApi();
  const taskRoot = dirname(bundle);
  const startedAt = performance.now();
  const child = spawn(NODE, ["--require", NATIVE_CLIENT, client], {
    cwd: taskRoot,
    env: {
      ...functionEnvironment(functionName, taskRoot, region),
      ...environment,
      AWS_LAMBDA_RUNTIME_API: api.address,
      _HANDLER: handler,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(child, "close").then(([code, signal]) => String(code ?? signal));

  /** What comes first: the result, the end of the process, the end of patience. */
  const first = async <Result>(
    result: Promise<Result>,
    requestId: string,
  ): Promise<Result | { error: FunctionError["payload"] }> => {
    const patience = Promise.withResolvers<{ error: FunctionError["payload"] }>();
    const timer = setTimeout(() => {
      patience.resolve({ error: timedOut(requestId, timeoutSeconds) });
      kill();
    }, timeoutSeconds * 1000);
    const end = ended.then((why) => ({ error: exited(requestId, `exit status ${why}`) }));
    try {
      return await Promise.race([result, patience.promise, end]);
    } finally {
      clearTimeout(timer);
    }
  };

  const stop = async () => {
    process.off("exit", kill);
    kill();
    await ended;
    await api.close();
  };

  const initialised = await first(api.initialised, "init");
  const initMilliseconds = performance.now() - startedAt;
  if (initialised !== "ready") {
    await stop();
    throw new FunctionError("error" in initialised ? initialised.error : initialised);
  }
  return {
    initMilliseconds,
    invoke: (event) => {
      const requestId = randomUUID();
      const deadline = Date.now() + timeoutSeconds * 1000;
      return first(
        api.invoke(event, { requestId, deadline, functionArn: functionArn(functionName, region) }),
        requestId,
      );
    },
    output: () => output,
    stop,
  };
};

/** The Node that the project pins, which is the Lambda's; not the one that happens to run this. */
const NODE = fileURLToPath(new URL("../../node_modules/.bin/node", import.meta.url));
const NATIVE_CLIENT = fileURLToPath(new URL("./native-client.cjs", import.meta.url));
