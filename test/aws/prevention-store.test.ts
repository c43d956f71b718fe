/** What looks leave in the table, against an embedded DynamoDB over HTTP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Review } from "../../core/prevention/finding.ts";
import { type Dynamodb, startDynamodb } from "../../local/endpoint/dynamodb.ts";
import { type Endpoint, startEndpoint } from "../../local/endpoint/wire.ts";
import { captured } from "../core/captured.ts";
import { id, look, morning, seen } from "../core/prevention/looks.ts";

const table = "nat-medic-incidents";
let dynamodb: Dynamodb;
let endpoint: Endpoint;
let store: typeof import("../../aws/prevention-store.ts");
beforeAll(async () => {
  dynamodb = await startDynamodb([table]);
  endpoint = await startEndpoint({ services: [dynamodb.service] });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
  store = await import("../../aws/prevention-store.ts");
});
afterAll(async () => {
  await endpoint.close();
  await dynamodb.close();
});

const review = look({ evidence: seen(captured("conntrack-settings-not-persistent")) });

test("a look is found again as the instance's latest, and by its run", async () => {
  await store.keepReview(table, review);
  expect(await store.latestReview(table, review)).toEqual(review);
  expect(await store.reviewsOf(table, review.runId)).toEqual([{ ...review, portUse: [] }]);
  const next: Review = { ...review, runId: "another", at: morning(1) };
  await store.keepReview(table, next);
  expect(await store.latestReview(table, review)).toEqual(next);
  expect(await store.reviewsOf(table, review.runId)).toHaveLength(1);
});

test("the same instance ID elsewhere is another instance", async () => {
  const place = { account: "222222222222", region: "us-east-1" };
  expect(await store.latestReview(table, { instanceId: id, place })).toBeUndefined();
  await store.keepReview(table, { ...review, place });
  expect(await store.latestReview(table, { instanceId: id, place })).toMatchObject({ place });
  expect(await store.reviewsOf(table, review.runId)).toHaveLength(2);
});

test("a run of more than a page is read whole", async () => {
  const ids = Array.from({ length: 6 }, (_, n) => `i-${n.toString(16).padStart(17, "0")}`);
  const unjudged = [{ key: "a", missing: "x".repeat(300_000) }];
  await Promise.all(
    ids.map((instanceId) => store.keepReview(table, { ...review, runId: "many", instanceId, unjudged })),
  );
  const before = endpoint.requests().length;
  expect((await store.reviewsOf(table, "many")).map(({ instanceId }) => instanceId)).toEqual(ids);
  expect(endpoint.requests().length).toBeGreaterThan(before + 1);
});

test("nothing is kept for ever", async () => {
  const items = await dynamodb.scan(table);
  const days = items.map(({ ttl }) => (Number(ttl?.N) - Date.now() / 1000) / 86_400);
  expect(Math.min(...days)).toBeGreaterThan(6.9);
  expect(Math.max(...days)).toBeLessThan(31);
});

test("when people were told is that of the run before, however often a run asks", async () => {
  expect(await store.lastTold(table, "first")).toBeNull();
  await store.keepTold(table, { runId: "first", at: morning(0), before: null });
  expect(await store.lastTold(table, "first")).toBeNull();
  expect(await store.lastTold(table, "second")).toBe(morning(0));
  await store.keepTold(table, { runId: "second", at: morning(1), before: morning(0) });
  expect(await store.lastTold(table, "second")).toBe(morning(0));
  expect(await store.lastTold(table, "third")).toBe(morning(1));
});
