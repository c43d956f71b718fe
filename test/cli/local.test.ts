/** The embedded AWS kept running, and a diagnosis started by hand on it as README says. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { pageLink } from "../../local/page-visitor.ts";

const machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:nat-medic-remediate";
const input = '{"instanceId": "i-0a1b2c3d4e5f67890", "mode": "propose"}';
const credentials = { accessKeyId: "local", secretAccessKey: "local" };

const child = spawn(process.execPath, [join(root, "cli", "nat-medic.mjs"), "local", "--port", "0"], {
  stdio: ["ignore", "pipe", "inherit"],
});
let printed = "";
let url = "";
beforeAll(async () => {
  for await (const line of createInterface(child.stdout)) {
    const found = /Listening on (http:\S+);/.exec(line);
    if (found === null) continue;
    url = found[1]!;
    break;
  }
  child.stdout.on("data", (text) => {
    printed += text;
  });
  child.stdout.resume();
});
afterAll(async () => {
  child.kill("SIGTERM");
  const [code] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
  expect(code).toBe(0);
});

test("the SDK starts a diagnosis and sees how it ends", async () => {
  const states = new SFNClient({ endpoint: url, region: "eu-central-1", credentials });
  const { executionArn } = await states.send(new StartExecutionCommand({ stateMachineArn: machine, input }));
  await expect
    .poll(async () => (await states.send(new DescribeExecutionCommand({ executionArn }))).status, {
      timeout: 30_000,
    })
    .toBe("SUCCEEDED");
  const { output = "" } = await states.send(new DescribeExecutionCommand({ executionArn }));
  expect(JSON.parse(output)).toMatchObject({
    outcome: "proposed",
    diagnosis: { causes: [{ id: "conntrack-table-full" }, {}, {}] },
  });
  await expect
    .poll(() => printed)
    .toContain(
      "Subject: NAT Medic proposes changes for i-0a1b2c3d4e5f67890: The connection tracking table is full",
    );
});

test("a decision that is needed is printed with its page, and the commands that decide it elsewhere", async () => {
  const states = new SFNClient({ endpoint: url, region: "eu-central-1", credentials });
  const asking = input.replace("propose", "approve");
  await states.send(new StartExecutionCommand({ stateMachineArn: machine, input: asking }));
  await expect
    .poll(() => printed, { timeout: 30_000 })
    .toMatch(/Decide on the page:\n\n {2}http:\S+\/incidents\/inc-/);
  const [link, id] = pageLink.exec(printed.slice(printed.indexOf("Decide on the page")))!;
  expect((await fetch(link)).status).toBe(200);
  expect(printed).toContain(`export AWS_ENDPOINT_URL=${url}`);
  expect(printed).toContain(`npx nat-medic approve ${id}`);
});

const awsCli = spawnSync("aws", ["--version"]).status === 0;
test.skipIf(!awsCli)("so does the AWS CLI (skipped without it)", () => {
  const { status, stdout, stderr } = spawnSync(
    "aws",
    [
      "stepfunctions",
      "start-execution",
      "--endpoint-url",
      url,
      "--region",
      "eu-central-1",
      "--state-machine-arn",
      machine,
      "--input",
      input,
    ],
    { encoding: "utf8", env: { ...process.env, AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" } },
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(JSON.parse(stdout).executionArn).toContain(":execution:nat-medic-remediate:");
});
