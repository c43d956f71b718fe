/**
 * The commands that work on a deployed stack, run as a person runs them, against the local stack over HTTP. The host
 * shows what a real kernel showed, and is changed by the real scripts, in a folder of its own.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import type { IncidentRecord } from "../../core/incident-record.ts";
import type { NatHost } from "../../local/host.ts";
import { readRecording } from "../../local/recording.ts";
import { readScenario, recordingFile } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { fastClock } from "../../local/states/clock.ts";
import { type FolderHost, folderHost } from "../host/folder-host.ts";

const instanceId = "i-0a1b2c3d4e5f67890";
const max = "nf_conntrack_max";
const [before, after] = readRecording(recordingFile(readScenario("conntrack-heavy-hitter"))).answers.filter(
  ({ document }) => document.endsWith("CollectHostEvidence"),
);

let stack: LocalStack;
let folder: FolderHost;
const clock = fastClock();
let onAsked = () => {};

/** Its evidence is of before the change or after it, by what the scripts have set. */
const host: NatHost = {
  description: "a folder",
  run: async ({ document, environment }) => {
    const changed = folder.settingNow(max) > 8192;
    if (document.endsWith("CollectHostEvidence")) {
      const { stdout, stderr, exitCode } = (changed ? after : before)!;
      return { kind: "exited", exitCode, stdout, stderr, seconds: 1 };
    }
    const { stdout, stderr, exitCode } = folder.run("raise-conntrack-max.sh", environment);
    return { kind: "exited", exitCode: exitCode ?? 1, stdout, stderr, seconds: 1 };
  },
  stop: async () => {},
};

beforeAll(async () => {
  folder = folderHost();
  stack = await startLocalStack({
    instances: { [instanceId]: { host, type: "t3.micro" } },
    mode: "approve",
    approvalSeconds: 14_400,
    clock,
    onEvent: ({ type }) => {
      if (type === "WaitingForTaskToken") onAsked();
    },
  });
});
afterAll(async () => {
  await stack?.stop();
  folder?.remove();
});

type Ran = { status: number; stdout: string; stderr: string };

/** Time stands still for the state machine while it runs. The last argument may be environment variables. */
function natMedic(...given: (string | Record<string, string>)[]): Promise<Ran> {
  const args = given.filter((each) => typeof each === "string");
  const env = Object.assign(
    {
      ...process.env,
      AWS_ENDPOINT_URL: stack.url,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    },
    ...given.filter((each) => typeof each === "object"),
  );
  const ran = new Promise<Ran>((resolve) => {
    const command = [join(root, "cli", "nat-medic.mjs"), ...args];
    execFile(process.execPath, command, { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
  return clock.working(ran);
}

/** Starts a diagnosis by hand; when people are asked, `meanwhile` has all the time it needs. */
async function incident(
  mode: "propose" | "approve",
  meanwhile: (id: string) => Promise<unknown> = async () => {},
): Promise<IncidentRecord> {
  const asked = Promise.withResolvers<void>();
  const execution = stack.start({ instanceId, mode });
  onAsked = () => {
    const decide = async () => meanwhile((await stack.incidentOf(execution.arn))!.incident.id);
    clock.working(decide()).then(() => asked.resolve(), asked.reject);
  };
  await execution.finished;
  await stack.settled();
  if (mode === "approve") await asked.promise;
  return (await stack.incidentOf(execution.arn))!;
}

test("approve lets the change happen, show tells of it, and undo puts it back", async () => {
  const answers: Ran[] = [];
  const record = await incident("approve", async (id) => {
    answers.push(await natMedic("show", id));
    answers.push(await natMedic("approve", id, "--note", "go <b>ahead</b>\u001b[31m"));
    answers.push(await natMedic("approve", id), await natMedic("reject", id));
  });
  const { id } = record.incident;
  const [asked, approved, again, opposite] = answers;
  expect(asked).toMatchObject({ status: 0, stderr: "" });
  expect(asked!.stdout).toMatch(/Status +open since/);
  expect(asked!.stdout).toContain(`nat-medic approve ${id}`);
  expect(approved).toMatchObject({ status: 0, stderr: "" });
  expect(approved!.stdout).toContain(
    "Approved on i-0a1b2c3d4e5f67890:\n  Raise the connection tracking table",
  );
  expect(again).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("was decided before: approved by"),
  });
  expect(opposite).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringContaining("was decided before: approved by"),
  });

  expect(record.closing?.outcome).toBe("fixed");
  expect(folder.settingNow(max)).toBe(65_536);
  const [request] = record.requests;
  expect(request).toMatchObject({
    decided: {
      decision: "approve",
      by: expect.stringContaining("nat-medic approve"),
      note: "go b ahead /b 31m",
    },
    delivered: true,
  });

  const { stdout: shown } = await natMedic("show", id);
  expect(shown).toMatch(/Status +fixed, closed/);
  expect(shown).toMatch(/approved by .*, nat-medic approve, who says: go b ahead/);
  expect(shown).toMatch(/net\.netfilter\.nf_conntrack_max +8192 -> 65536/);
  expect(shown).toMatch(/raise-conntrack-max: better in 2 windows/);
  expect(shown).toContain(`To undo: nat-medic undo ${id}`);
  expect(shown).not.toMatch(/[^\P{C}\n]/u);

  const json = await natMedic("show", id, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ status: "closed", closing: { outcome: "fixed" } });
  for (const secret of [request!.secretHash, request!.taskToken]) expect(json.stdout).not.toContain(secret);

  const undone = await natMedic("undo", id);
  expect(undone).toMatchObject({ status: 0, stderr: "" });
  const [announced, done] = undone.stdout.split("Done:");
  expect(announced).toMatch(/raise-conntrack-max\n.*nf_conntrack_max +65536 -> 8192/s);
  expect(done).toMatch(/raise-conntrack-max: put back\n.*nf_conntrack_max +65536 -> 8192/s);
  expect(folder.settingNow(max)).toBe(8192);
  expect((await natMedic("show", id)).stdout).toMatch(/Status +undone, closed/);
  expect(await natMedic("undo", id)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("nothing to undo"),
  });
});

test("undo leaves alone what somebody else has changed since, says so, and puts it back when forced", async () => {
  const {
    incident: { id },
  } = await incident("approve", (asked) => natMedic("approve", asked));
  folder.setting(max, 131_072);
  const refused = await natMedic("undo", id);
  expect(refused).toMatchObject({ status: 1, stderr: "" });
  expect(refused.stdout).toMatch(/left alone: nf_conntrack_max is 131072: somebody has changed it since/);
  expect(refused.stdout).toContain(`nat-medic undo ${id} --force`);
  expect(folder.settingNow(max)).toBe(131_072);
  expect(await natMedic("undo", id, "--force")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/put back\n.*131072 -> 8192/s),
  });
  expect(folder.settingNow(max)).toBe(8192);
});

test("undo --no-wait only starts it, and says which execution", async () => {
  const {
    incident: { id },
  } = await incident("approve", (asked) => natMedic("approve", asked));
  const { status, stdout } = await natMedic("undo", id, "--no-wait");
  expect(status).toBe(0);
  const [, arn] = /Started: (\S+)/.exec(stdout)!;
  await stack.executions().find((execution) => execution.arn === arn)!.finished;
  expect(folder.settingNow(max)).toBe(8192);
});

describe("what cannot be decided is said kindly, and nothing is changed", () => {
  test("rejected: nothing is changed, and approving comes too late", async () => {
    const answers: Ran[] = [];
    const record = await incident("approve", async (id) => {
      answers.push(await natMedic("undo", id), await natMedic("reject", id));
    });
    answers.push(await natMedic("approve", record.incident.id));
    const [open, rejected, late] = answers;
    expect(rejected).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("Rejected, nothing of this"),
    });
    expect(open).toMatchObject({ status: 1, stderr: expect.stringContaining("still being worked on") });
    expect(late).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("was decided before: rejected by"),
    });
    expect(record.closing?.outcome).toBe("proposed");
    expect(folder.settingNow(max)).toBe(8192);
  });

  test("lapsed: nobody decided in time", async () => {
    const {
      incident: { id },
    } = await incident("approve");
    expect(await natMedic("approve", id)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Nobody decided"),
    });
  });

  test("never asked: the incident was closed without a question", async () => {
    const {
      incident: { id },
    } = await incident("propose");
    expect(await natMedic("approve", id)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/nothing to decide about inc-.*closed .*\(proposed\)/),
    });
    expect(await natMedic("undo", id)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("nothing to undo"),
    });
  });
});

const unknown = "inc-20260101t000000z-00000000-000000000000";
describe.concurrent("refusals of AWS are one line with the way out", () => {
  const nowhere = { AWS_CONFIG_FILE: "/nowhere", AWS_SHARED_CREDENTIALS_FILE: "/nowhere" };
  test.each([
    ["an unknown incident", ["show", unknown], /knows no incident inc-/],
    [
      "another stack's table",
      ["approve", unknown, "--stack", "other"],
      /no table other-incidents in eu-central-1/,
    ],
    ["no region", ["undo", unknown, { ...nowhere, AWS_REGION: "", AWS_DEFAULT_REGION: "" }], /no AWS region/],
    [
      "no credentials",
      [
        "show",
        unknown,
        { ...nowhere, AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_EC2_METADATA_DISABLED: "true" },
      ],
      /no AWS credentials/,
    ],
    [
      "an endpoint that does not answer",
      ["reject", unknown, { AWS_ENDPOINT_URL: "http://127.0.0.1:9" }],
      /cannot reach AWS at .*ECONNREFUSED/,
    ],
  ] as [string, (string | Record<string, string>)[], RegExp][])("%s", async (_, args, said) => {
    const { status, stdout, stderr } = await natMedic(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^nat-medic: .+ \(see nat-medic \w+ --help\)\n$/);
    expect(stderr).toMatch(said);
  });

  test("AWS_DEFAULT_REGION is enough, as it is for the AWS CLI", async () => {
    const { stderr } = await natMedic("show", unknown, {
      AWS_REGION: "",
      AWS_DEFAULT_REGION: "eu-central-1",
    });
    expect(stderr).toContain("knows no incident");
  });
});
