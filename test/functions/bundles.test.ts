/** The built bundles under Lambda's own runtime client, with the events that README gives to `sam local invoke`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { functionNames } from "../../build/bundle.ts";
import { bundleFolder, root } from "../../build/layout.ts";
import { startRuntime } from "../../local/lambda/runtime.ts";
import { readScenario } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";

const event = (name: string) =>
  JSON.parse(readFileSync(join(root, "events", "functions", `${name}.json`), "utf8"));

/** What each function answers to its event, as far as it does not depend on the moment. */
const answers: Record<string, object | null> = {
  "open-incident": { decision: "open" },
  "collect-host-evidence": { status: "read" },
  "collect-cloud-evidence": { unread: [] },
  "collect-source-evidence": [],
  // The recorded host was never asked for active tests.
  "run-probes": { timestamps: null, fragments: null },
  diagnose: { status: "cause-found" },
  "decide-plan": {
    plan: { steps: [{ fix: "raise-conntrack-max", decision: "apply" }, {}, {}] },
    messages: [{ subject: expect.stringContaining("is changing") }, {}],
  },
  "ask-approval": null,
  "review-step": { due: true },
  "apply-fix": { status: "told", change: { status: "changed" } },
  "verify-fix": { verdict: "better", quietWindows: 1 },
  "persist-fix": { status: "told", change: { action: "persist" } },
  "record-step": {},
  "close-incident": { outcome: "fixed", messages: [{}, {}] },
  "rescue-incident": { told: true },
  "serve-approval-page": { statusCode: 404 },
  "receive-alarm": { execution: expect.stringMatching(/^alarm-[0-9a-f]{40}$/) },
  "keep-alarms": { put: 1 },
  "list-instances": { items: [{ instanceId: "i-0a1b2c3d4e5f67890" }], skipped: [] },
  "report-fleet": { messages: [{}, {}] },
  "look-ahead": { instanceId: "i-0a1b2c3d4e5f67890" },
  "report-prevention": { messages: [{}, {}] },
};

describe("under Lambda's runtime client", () => {
  let stack: LocalStack;
  const published: string[] = [];
  beforeAll(async () => {
    const { host } = recordedStage(readScenario("conntrack-table-full"));
    stack = await startLocalStack({
      instances: { "i-0a1b2c3d4e5f67890": { host, type: "t3.micro", tags: { team: "network" } } },
      mode: "apply",
      approvalSeconds: 60,
      onPublish: ({ message }) => published.push(message),
    });
  });
  afterAll(() => stack?.stop());

  const start = (name: string) =>
    startRuntime({
      bundle: join(bundleFolder(name), "handler.mjs"),
      handler: "handler.handler",
      environment: { ...stack.environment, AWS_REGION: "eu-central-1" },
    });

  // In the order of the incident: the recorded host tells its story once.
  test.each(Object.entries(answers))("%s answers its event", async (name, answer) => {
    const runtime = await start(name);
    try {
      expect(await runtime.invoke(event(name))).toMatchObject({ payload: answer });
    } finally {
      await runtime.stop();
    }
  });

  test("every function has its turn above, but for the one that undoes, which the recorded incident did not need", () => {
    expect([...Object.keys(answers), "undo-fix"].sort()).toEqual([...functionNames].sort());
  });

  // Its events are EventBridge's and CloudFormation's: what it does not know it leaves alone.
  test.each(functionNames.filter((name) => name !== "keep-alarms"))(
    "%s refuses an input that does not fit with the error that the state machine reports",
    async (name) => {
      const runtime = await start(name);
      try {
        expect(await runtime.invoke({ incident: { instanceId: "i-0; rm -rf /" } })).toMatchObject({
          error: { errorType: "ParseError" },
        });
      } finally {
        await runtime.stop();
      }
    },
  );
});
