/** `nat-medic diagnose`, run as a person runs it, against the local stack over HTTP. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { diagnose } from "../../cli/diagnose.ts";
import { readScenario } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";
import { fastClock } from "../../local/states/clock.ts";
import { healthyWorld, natA, natB } from "../../local/world.ts";

const second = "i-0b7c41d9a03e56f12";
let stack: LocalStack;
beforeAll(async () => {
  const host = () => ({ host: recordedStage(readScenario("healthy")).host });
  const world = healthyWorld();
  delete world.instances[natB];
  stack = await startLocalStack({
    world,
    instances: { [natA]: { ...host(), tags: { team: "net" } }, [second]: host() },
    mode: "propose",
    approvalSeconds: 60,
    clock: fastClock(),
    pace: 10,
  });
});
afterAll(() => stack?.stop());

type Ran = { status: number; stdout: string; stderr: string };
const natMedic = (...args: string[]) =>
  new Promise<Ran>((resolve) => {
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL: stack.url,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    };
    const command = [join(root, "cli", "nat-medic.mjs"), "diagnose", ...args];
    execFile(process.execPath, command, { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

/** The executions for single instances that came of the last start, at their end. */
async function cameOf(stdout: string): Promise<string[]> {
  const name = /Started: \S+:(by-hand-[0-9a-f]{12})/.exec(stdout)?.[1] ?? "none";
  await stack.executions().find((execution) => execution.name === name)?.finished;
  await stack.fleetExecutions().find((execution) => execution.name === `${name}-fleet`)?.finished;
  const started = stack.executions().filter((execution) => execution.name.startsWith(`${name}-fleet-`));
  await Promise.all(started.map(({ finished }) => finished));
  return started.map((execution) => execution.name.replace(`${name}-fleet-`, "")).sort();
}

test("one instance, followed to its end", async () => {
  const { status, stdout, stderr } = await natMedic("--instance", natA, "--mode", "propose", "--wait");
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^Started: arn:aws:states:\S+:execution:nat-medic-remediate:by-hand-[0-9a-f]{12}$/m);
  expect(stdout).toContain("Outcome: healthy");
  expect(stdout).toMatch(/nat-medic show inc-/);
});

test.each([
  ["several instances", ["--instance", natA, "--instance", second], [natA, second]],
  ["a tag", ["--tag", "team=net", "--complaint"], [natA]],
  ["the whole fleet", ["--fleet", "--mode", "apply", "--yes"], [natA, second]],
])("%s: each that is enrolled gets an execution", async (_, args, expected) => {
  const { status, stdout } = await natMedic(...args);
  expect(status).toBe(0);
  expect(stdout).toContain("one execution for each instance");
  expect(await cameOf(stdout)).toEqual([...expected].sort());
});

test("one that is not ours is refused, which the exit code tells too", async () => {
  const { status, stdout } = await natMedic("--instance", "i-0f4ad70528be91c63", "--wait");
  expect([status, stdout]).toEqual([1, expect.stringContaining("Outcome: refused")]);
});

test("one in another account and Region is looked for there", async () => {
  const { status, stdout } = await natMedic("--instance", natA, "--place", "222222222222/us-east-1");
  expect(status).toBe(0);
  const asked = stack.requests().filter(({ operation }) => operation === "StartExecution");
  const where = { account: "222222222222", region: "us-east-1" };
  expect(asked.at(-1)?.input).toMatchObject({ input: JSON.stringify({ instanceId: natA, ...where }) });
  const name = /Started: \S+:(by-hand-[0-9a-f]{12})/.exec(stdout)?.[1];
  await stack.executions().find((execution) => execution.name === name)?.finished;
});

test("a stack that is not there is a mistake, and nothing is started", async () => {
  const before = stack.executions().length;
  const { status, stderr } = await natMedic("--fleet", "--stack", "other");
  expect([status, stderr]).toEqual([2, expect.stringContaining("no state machine other-remediate here")]);
  expect(stack.executions()).toHaveLength(before);
});

test.each([
  ["nothing is selected", [], "say which instances"],
  ["two ways are chosen", ["--fleet", "--instance", natA], "say which instances"],
  ["an ID is none", ["--instance", "i-1;reboot"], "is no EC2 instance ID"],
  ["a tag is none", ["--tag", "team"], "--tag takes KEY=VALUE"],
  ["a mode is none", ["--fleet", "--mode", "aply"], "--mode is one of propose, approve, apply"],
  ["the fleet may be changed and nobody said yes", ["--fleet", "--mode", "apply"], "say --yes"],
  ["a tag may change many and nobody said yes", ["--tag", "a=b", "--mode", "approve"], "say --yes"],
  ["several are to be followed", ["--fleet", "--wait"], "--wait follows one instance"],
  ["many are said to be elsewhere", ["--fleet", "--place", "222222222222/us-east-1"], "--place is of one"],
  ["a place is none", ["--instance", natA, "--place", "us-east-1"], "--place takes ACCOUNT/REGION"],
  [
    "a place is more",
    ["--instance", natA, "--place", "222222222222/us-east-1/x"],
    "--place takes ACCOUNT/REGION",
  ],
])("when %s, AWS is not even asked", async (_, args, said) => {
  await expect(diagnose.run(args)).rejects.toThrow(said);
});
