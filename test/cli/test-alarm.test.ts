/** A test alarm as a person fires it, against the local stack over HTTP: its rules start the machine, nothing else does. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { readScenario } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { recordedStage, stackOn } from "../../local/stage.ts";
import { natA } from "../../local/world.ts";

const denied =
  "User: arn:aws:iam::123456789012:user/me is not authorized to perform: cloudwatch:SetAlarmState on resource: arn:aws:cloudwatch:eu-central-1:123456789012:alarm:x because no policy allows it";
let stack: LocalStack;
let strict: LocalStack;
const start = (mode: "propose" | "apply") =>
  startLocalStack({
    ...stackOn(recordedStage(readScenario("conntrack-table-full")), [natA]),
    series: [],
    mode,
    approvalSeconds: 60,
    watch: true,
    pace: 20,
    fault: (_, operation) =>
      mode === "apply" && operation === "SetAlarmState"
        ? new AwsError("AccessDenied", denied, { status: 403 })
        : undefined,
  });

beforeAll(async () => {
  [stack, strict] = await Promise.all([start("propose"), start("apply")]);
});
afterAll(() => Promise.all([stack?.stop(), strict?.stop()]));

type Ran = { status: number; stdout: string; stderr: string };

function testAlarm(on: LocalStack, ...args: string[]): Promise<Ran> {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: on.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
  return new Promise((resolve) => {
    const command = [join(root, "cli", "nat-medic.mjs"), "test-alarm", ...args];
    execFile(process.execPath, command, { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
const keepAlarms = (on: LocalStack) =>
  on.invoke("keep-alarms", { source: "aws.ec2", detail: { "instance-id": natA } });
const wasSet = (on: LocalStack) => on.requests().some(({ operation }) => operation === "SetAlarmState");

test("before an instance has an alarm of its own, there is none to test", async () => {
  const { status, stderr } = await testAlarm(stack);
  expect(status).toBe(2);
  expect(stderr).toContain("no instance has an alarm of its own yet");
  expect((await testAlarm(stack, "--instance", natA)).stderr).toContain(`no alarm nat-medic-silent-${natA}`);
});

test("a test alarm opens an incident, which is followed to its end, and changes nothing in mode propose", async () => {
  await keepAlarms(stack);
  const { status, stdout, stderr } = await testAlarm(stack);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toContain(`The mode on ${natA} is propose: nothing is changed`);
  expect(stdout).toContain(`nat-medic-silent-${natA} is in ALARM`);
  expect(stdout).toMatch(/\d\d:\d\d:\d\d {2}opened by the alarm nat-medic-silent-i-/);
  expect(stdout).toMatch(/diagnosed: conntrack-table-full/);
  expect(stdout).toMatch(/The incident ended: proposed.* nat-medic show inc-\S+ tells it whole\./);
  const [incident, ...others] = await stack.incidents();
  expect(others).toEqual([]);
  expect(incident?.triggers[0]?.trigger).toMatchObject({
    reason: expect.stringContaining("A test by nat-medic test-alarm"),
  });
  expect(new Set(incident?.steps.map(({ applied }) => applied))).toEqual(new Set([null]));
});

test("what is found is real: where it may be changed, the test has to be meant", async () => {
  await keepAlarms(strict);
  const { status, stdout, stderr } = await testAlarm(strict, "--instance", natA);
  expect(status).toBe(2);
  expect(stdout).toContain(`The mode on ${natA} is apply`);
  expect(stderr).toContain("add --yes");
  expect(wasSet(strict)).toBe(false);
});

test("a right that is missing is named", async () => {
  const { status, stderr } = await testAlarm(strict, "--instance", natA, "--yes");
  expect(status).toBe(2);
  expect(stderr).toContain("these credentials may not cloudwatch:SetAlarmState on arn:aws:cloudwatch:");
});

test.each([
  [["--instance", natA, "--alarm", "x"], "--instance and --alarm exclude each other"],
  [["--instance", "i-1"], "--instance takes an EC2 instance ID"],
  [["--alarm", "nat-medic-fleet-drops"], "nat-medic-fleet-drops is no alarm of one instance"],
  [["--alarm", "no-such"], "there is no alarm no-such"],
  [["--stack", "-"], "--stack takes the name of a CloudFormation stack"],
])("%j is a mistake that is named", async (args, said) => {
  const { status, stderr } = await testAlarm(stack, ...args);
  expect(status).toBe(2);
  expect(stderr).toContain(said);
});
