/** The approval page's bundle behind a function URL, over HTTP: what it refuses, and that it decides once. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeIncident, decideRequest, readIncident } from "../../aws/incident-store.ts";
import { style } from "../../core/page/style.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { ask, type Question, useStore } from "../page/question.ts";

let stack: LocalStack;
let broken = "";
const logged: string[] = [];
beforeAll(async () => {
  stack = await startLocalStack({
    instances: {},
    mode: "approve",
    approvalSeconds: 60,
    fault: (_, operation) =>
      operation === broken ? new AwsError("AccessDeniedException", "secret detail") : undefined,
    onLog: (_, text) => logged.push(text),
  });
  useStore(stack);
});
afterAll(() => stack?.stop());

const form = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" };
const open = (url: string, init: RequestInit = {}) => fetch(url, { redirect: "manual", ...init });
const submit = (
  { link, key }: Question,
  fields: Record<string, string>,
  headers: Record<string, string> = form,
) => open(link, { method: "POST", headers, body: new URLSearchParams({ key, ...fields }) });
const decided = async ({ id }: Question) => (await readIncident(stack.table, id))?.requests[0]?.decided;
const answersSent = () => stack.requests().filter(({ operation }) => operation === "SendTaskSuccess").length;

describe("opening the link", () => {
  test("shows the page under a policy that allows its own style and nothing else", async () => {
    const response = await open((await ask(stack)).link);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-robots-tag": "noindex, nofollow",
      "cache-control": "no-store",
      "strict-transport-security": "max-age=31536000",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "permissions-policy": expect.stringContaining("camera=()"),
    });
    expect(await response.text()).toContain("The connection tracking table is full");
  });

  test("decides nothing, however often and with whatever words, as scanners of mail do", async () => {
    const question = await ask(stack);
    const before = answersSent();
    for (const more of ["", "&decision=approve", "&said=approve", "&decision=reject&note=x"]) {
      expect((await open(question.link + more)).status).toBe(200);
    }
    const head = await open(`${question.link}&decision=approve`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(await decided(question)).toBeNull();
    expect(answersSent()).toBe(before);
  });

  test("with another key, of an incident or a path that is not there: one and the same answer", async () => {
    const question = await ask(stack);
    const other = await ask(stack);
    const wrong = [
      question.link.replace(/key=.*/, `key=${other.key}`),
      question.link.replace(/key=.*/, "key="),
      question.link.replace(/\?.*/, ""),
      `${stack.pageUrl}/incidents/inc-not-there-1?key=${question.key}`,
      `${stack.pageUrl}/incidents/../incidents/x?key=${question.key}`,
      `${stack.pageUrl}/incidents/${question.id}/more?key=${question.key}`,
      `${stack.pageUrl}/incidents/INC-%3Cscript%3E?key=${question.key}`,
      stack.pageUrl,
    ];
    const answers = await Promise.all(wrong.map(async (url) => (await open(url)).text()));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain("There is nothing here");
    for (const url of wrong) {
      expect((await open(url)).status).toBe(404);
      expect((await submit({ ...question, link: url, key: other.key }, { decision: "approve" })).status).toBe(
        404,
      );
    }
    expect(await decided(question)).toBeNull();
    expect(await decided(other)).toBeNull();
  });

  test("finishes what a function that died left undone: a person's answer that Step Functions has not heard", async () => {
    const question = await ask(stack);
    const at = new Date().toISOString();
    const answer = { decision: "reject", by: "Ana", note: "", at } as const;
    await decideRequest(stack.table, question.id, question.request.secretHash, answer, at);
    const before = answersSent();
    await open(question.link);
    expect(answersSent()).toBe(before + 1);
    await closeIncident(stack.table, question.id, { at, outcome: "proposed", subject: "s", body: "b" });
    await open(question.link);
    expect(answersSent()).toBe(before + 1);
  });
});

describe("the form", () => {
  test.each(["approve", "reject"])(
    "%s: recorded with who, whence, when and why, and back to the page",
    async (decision) => {
      const question = await ask(stack);
      const response = await submit(question, {
        decision,
        name: "Ana <b>\u202e",
        note: "only\r\nthis \u001b[2J once",
      });
      expect(response.status).toBe(303);
      const location = new URL(response.headers.get("location")!, question.link);
      expect(location.href).toBe(`${question.link}&said=${decision}`);
      expect(await decided(question)).toMatchObject({
        decision,
        by: "Ana b, 127.0.0.1 (approval page)",
        note: "only this 2J once",
      });
      expect(Date.now() - Date.parse((await decided(question))!.at)).toBeLessThan(10_000);
      const page = await (await open(location.href)).text();
      expect(page).toContain("Ana b, 127.0.0.1 (approval page)");
      expect(page).not.toContain("<form");
    },
  );

  test("sent many times at once decides once", async () => {
    const question = await ask(stack);
    const responses = await Promise.all(
      ["approve", "reject", "approve", "reject", "approve", "approve"].map((decision, index) =>
        submit(question, { decision, name: `person ${index}` }),
      ),
    );
    expect(responses.map(({ status }) => status)).toEqual(Array(6).fill(303));
    const first = await decided(question);
    await submit(question, { decision: first!.decision === "approve" ? "reject" : "approve" });
    expect(await decided(question)).toEqual(first);
  });

  test("after the time, after a withdrawal and after the end changes nothing, and the page says so", async () => {
    const past = new Date(Date.now() - 1_000).toISOString();
    const lapsed = await ask(stack, (record) => {
      record.requests[0]!.expiresAt = past;
    });
    const withdrawn = await ask(stack);
    const withdrawal = { decision: "withdrawn", by: "the alarm", note: "", at: past } as const;
    await decideRequest(stack.table, withdrawn.id, withdrawn.request.secretHash, withdrawal, past);
    const over = await ask(stack);
    await closeIncident(stack.table, over.id, { at: past, outcome: "failed", subject: "s", body: "b" });
    for (const [question, kept, words] of [
      [lapsed, null, "Nobody answered in time"],
      [withdrawn, withdrawal, "Withdrawn: the alarm cleared"],
      [over, null, "Closed before anybody decided"],
    ] as const) {
      const response = await submit(question, { decision: "approve" });
      expect(response.status).toBe(303);
      expect(await decided(question)).toEqual(kept);
      const page = await (await open(new URL(response.headers.get("location")!, question.link).href)).text();
      expect(page).toContain(words);
      expect(page).toContain("Your answer came after this was settled and changed nothing");
    }
  });

  test.each<[string, number, Record<string, string>, Record<string, string>]>([
    ["from another site", 403, { decision: "approve" }, { ...form, "sec-fetch-site": "cross-site" }],
    [
      "from another site of the same domain",
      403,
      { decision: "approve" },
      { ...form, "sec-fetch-site": "same-site" },
    ],
    ["as plain text", 415, { decision: "approve" }, { ...form, "content-type": "text/plain" }],
    ["as JSON", 415, { decision: "approve" }, { ...form, "content-type": "application/json" }],
    ["with a very long note", 413, { decision: "approve", note: "x".repeat(20_000) }, form],
    ["without a decision", 400, {}, form],
    ["with another decision", 400, { decision: "nobody" }, form],
    ["with the key in the link alone", 404, { decision: "approve", key: "" }, form],
  ])("%s is refused with %i and decides nothing", async (_, status, fields, headers) => {
    const question = await ask(stack);
    const response = await submit(question, fields, headers);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await decided(question)).toBeNull();
  });

  test("a long note in letters of four bytes is taken", async () => {
    const question = await ask(stack);
    expect((await submit(question, { decision: "reject", note: "\u{20000}".repeat(250) })).status).toBe(303);
    expect((await decided(question))?.note).toBe("\u{20000}".repeat(250));
  });
});

test.each(["PUT", "DELETE", "PATCH", "OPTIONS"])(
  "%s is not allowed, and the answer says what is",
  async (method) => {
    const response = await open((await ask(stack)).link, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD, POST");
  },
);

test("when the store does not answer, the visitor learns no detail, and the log does, but never the key", async () => {
  const question = await ask(stack);
  broken = "Query";
  try {
    for (const response of [await open(question.link), await submit(question, { decision: "approve" })]) {
      expect(response.status).toBe(500);
      const page = await response.text();
      expect(page).toContain("Something went wrong on our side");
      expect(page).not.toMatch(/secret detail|AccessDenied|at .*\.mjs/);
    }
  } finally {
    broken = "";
  }
  await expect.poll(() => logged.join("")).toContain("secret detail");
  expect(logged.join("")).toContain(question.id);
  expect(logged.join("")).not.toContain(question.key);
});
