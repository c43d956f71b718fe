/** Functions that die between two effects, as a sandbox may at any moment. */
import { afterEach, beforeAll, expect, test } from "vitest";
import { sns } from "../../../local/endpoint/sns.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { type Functions, inProcess, type Kill } from "../../../local/lambda/in-process.ts";
import { bundle } from "./bundles.ts";

const topic = "arn:aws:sns:us-east-1:123456789012:topic";
let bundles: ReturnType<typeof bundle>;
beforeAll(() => {
  bundles = bundle(
    {
      publisher: `
      import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
      const client = new SNSClient({ maxAttempts: 5 });
      let count = 0;
      export const handler = async ({ messages, wait = 0 }) => {
        count += 1;
        for (const Message of messages) {
          await new Promise((resolve) => setTimeout(resolve, wait));
          await client.send(new PublishCommand({ TopicArn: "${topic}", Message }));
        }
        return { count };
      };`,
    },
    "cjs",
  );
  return bundles.remove;
});

let endpoint: Endpoint;
let functions: Functions;
afterEach(async () => {
  await functions.stop();
  await endpoint.close();
});

const start = async (kill: Kill) => {
  const published: string[] = [];
  endpoint = await startEndpoint({
    services: [sns({ topics: [topic], onPublish: ({ message }) => published.push(message) })],
    onCarriedOut: (call) => functions.carriedOut(call),
  });
  functions = inProcess({
    bundles: { One: bundles.file("publisher"), Other: bundles.file("publisher") },
    environment: { AWS_ENDPOINT_URL: endpoint.url },
    kill,
  });
  return published;
};
const messages = ["a", "b", "c"];

test.each([1, 2, 3])(
  "killed after effect %i, a function has had that effect and none after it",
  async (n) => {
    const published = await start((invocation) => invocation.n === n);
    await expect(functions.invoke("One", { messages })).rejects.toMatchObject({ name: "Runtime.ExitError" });
    expect(published).toEqual(messages.slice(0, n));
  },
);

test("the next event finds a fresh environment, and is counted from its own beginning", async () => {
  let kills = 0;
  const seen: number[] = [];
  const published = await start(({ n }) => {
    seen.push(n);
    return n === 2 && kills++ === 0;
  });
  await expect(functions.invoke("One", { messages })).rejects.toThrow("Runtime exited");
  expect(await functions.invoke("One", { messages })).toEqual({ count: 1 });
  expect(await functions.invoke("One", { messages: ["d"] })).toEqual({ count: 2 });
  expect(published).toEqual(["a", "b", ...messages, "d"]);
  expect(seen).toEqual([1, 2, 1, 2, 3, 1]);
});

test("each operation is attributed to the invocation that asked for it, among many at once", async () => {
  const published = await start(
    ({ functionName, payload, operation, service, n }) =>
      functionName === "One" &&
      JSON.stringify(payload).includes("doomed") &&
      `${service}.${operation}` === "sns.Publish" &&
      n === 2,
  );
  const invoke = (name: string, which: string) =>
    functions.invoke(name, { messages: messages.map((each) => `${which} ${each}`), wait: 20 });
  const results = await Promise.allSettled([
    invoke("One", "spared"),
    invoke("One", "doomed"),
    invoke("Other", "doomed too?"),
    invoke("One", "spared as well"),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(published.filter((message) => /^doomed [abc]/.test(message))).toEqual(["doomed a", "doomed b"]);
  expect(published).toHaveLength(11);
});

test("five hundred events at once share four environments, and the wait for a turn is nobody's timeout", async () => {
  const published = await start(() => false);
  await functions.stop();
  functions = inProcess({
    bundles: { One: bundles.file("publisher") },
    environment: { AWS_ENDPOINT_URL: endpoint.url },
    timeoutSeconds: 4,
  });
  const counts = await Promise.all(
    Array.from({ length: 500 }, (_, n) => functions.invoke("One", { messages: [`${n}`], wait: 40 })),
  );
  const fresh = counts.filter((result) => Reflect.get(Object(result), "count") === 1);
  expect(fresh).toHaveLength(4);
  expect(new Set(published).size).toBe(500);
});
