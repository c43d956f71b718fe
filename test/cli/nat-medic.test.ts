/** The command line as a person or a script runs it. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { decideOnPage, pageLink } from "../../local/page-visitor.ts";
import { readRecording } from "../../local/recording.ts";
import { readScenario, recordingFile, scenarioIds } from "../../local/scenario.ts";

/** The last argument may be environment variables. */
function natMedic(
  ...given: (string | Record<string, string>)[]
): Promise<{ status: number; stdout: string; stderr: string }> {
  const args = given.filter((each) => typeof each === "string");
  const env = Object.assign({ ...process.env }, ...given.filter((each) => typeof each === "object"));
  return new Promise((resolve) => {
    const command = [join(root, "cli", "nat-medic.mjs"), ...args];
    execFile(process.execPath, command, { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A file with the evidence that a scenario's host gave. */
function evidenceFile(scenario: string): string {
  const { answers } = readRecording(recordingFile(readScenario(scenario)));
  const file = join(mkdtempSync(join(tmpdir(), "nat-medic-")), "evidence.json");
  writeFileSync(file, answers[0]!.stdout);
  return file;
}

/** A drill on the recorded host; `started` is the link to the page, once the drill waits there. */
function startDrill(...args: string[]) {
  const command = [join(root, "cli", "nat-medic.mjs"), "drill", "--host", "recorded", ...args];
  const child = spawn(process.execPath, command, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const printed = { stdout: "", stderr: "" };
  const { promise: started, resolve, reject } = Promise.withResolvers<string>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
      const waiting = /Time stands still/.test(printed[name]) && pageLink.exec(printed[name]);
      if (waiting) resolve(waiting[0]);
    });
  }
  const ended = once(child, "close").then(([status]) => {
    reject(new Error(`the drill ended before it asked: ${JSON.stringify(printed)}`));
    return { status, ...printed };
  });
  return { started, ended, interrupt: () => child.kill("SIGINT") };
}

describe.concurrent("help and mistakes", () => {
  test("every command explains itself", async () => {
    expect((await natMedic("--help")).stdout).toContain("drill");
    for (const command of ["drill", "doctor", "triage", "show", "approve", "reject", "undo", "local"]) {
      const { status, stdout } = await natMedic(command, "--help");
      expect(status).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Usage: nat-medic ${command}`));
    }
  });

  test.each([
    [["cure"]],
    [["drill", "earthquake"]],
    [["drill", "--mode", "yolo"]],
    [["drill", "--host", "moon"]],
    [["drill", "--event", "nowhere.json"]],
    [["drill", "--answer", "perhaps"]],
    [["drill", "--verbose"]],
    [["doctor", "--sample", "0"]],
    [["doctor", "--ssh", "-oProxyCommand=reboot"]],
    [["doctor", "--evidence", "nowhere.json"]],
    [["doctor", "--ssh", "a@b", "--evidence", "c"]],
    [["triage"]],
    [["triage", "package.json", "tsconfig.json"]],
    [["triage", "README.md"]],
    [["local", "--port", "x"]],
    [["show"]],
    [["show", "inc-1"]],
    [["approve", "i-0a1b2c3d4e5f67890"]],
    [["reject", "inc-20260101t000000z-00000000-000000000000", "inc-20260101t000000z-00000000-000000000001"]],
    [["undo", "inc-20260101t000000z-00000000-000000000000", "--stack", "no/name"]],
  ])("%j is one line that says what and the way out, and exit 2", async (args) => {
    const { status, stdout, stderr } = await natMedic(...args);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^nat-medic: .+ \(see nat-medic .*--help\)\n$/);
  });

  test("no command at all shows the help and is a mistake", async () => {
    expect(await natMedic()).toMatchObject({ status: 2, stdout: expect.stringContaining("Usage") });
  });
});

describe.concurrent("drill", () => {
  // Where nothing is applied, the grid of captured evidence says the same.
  const applying = scenarioIds.filter((id) => readScenario(id).expect.fixes.length > 0);
  test.each([...applying, "healthy", "not-the-nat", "source-ports-exhausted"])(
    "%s ends as expected on its recorded host",
    async (id) => {
      const { status, stdout } = await natMedic("drill", id, "--host", "recorded", "--json");
      const { outcome, diagnosis, incident, plan, changes, verification, timeline, record } =
        JSON.parse(stdout);
      const { expect: expected } = readScenario(id);
      expect(status).toBe(0);
      expect(outcome).toBe(expected.outcome);
      expect(diagnosis.causes[0]?.id ?? null).toBe(expected.leading);
      expect(incident.instanceId).toBe("i-0a1b2c3d4e5f67890");
      expect(plan.steps.length).toBeGreaterThanOrEqual(expected.fixes.length);
      expect(
        changes
          .filter(({ status }: { status: string }) => status === "in-force")
          .map(({ fix }: { fix: string }) => fix),
      ).toEqual(expected.fixes);
      expect(verification.map(({ verdict }: { verdict: string }) => verdict)).toEqual(
        expected.fixes.map(() => "better"),
      );
      expect(timeline[0]).toMatchObject({ state: "Begin" });
      expect(record).toMatchObject({ incident: { id: incident.id }, status: "closed", closing: { outcome } });
    },
  );

  test.each([
    ["propose", "approve", "proposed", 0],
    ["approve", "approve", "fixed", 2],
    ["approve", "reject", "proposed", 0],
    ["approve", "nobody", "proposed", 0],
    ["apply", "nobody", "fixed", 1],
  ])("mode %s, a person who says %s: %s", async (mode, answer, outcome, changed) => {
    const { status, stdout } = await natMedic(
      "drill",
      "--host",
      "recorded",
      "--mode",
      mode,
      "--answer",
      answer,
      "--json",
    );
    const result = JSON.parse(stdout);
    expect(status).toBe(0);
    expect(result.outcome).toBe(outcome);
    expect(result.changes.filter(({ applied }: { applied: unknown }) => applied !== null)).toHaveLength(
      changed,
    );
    const asked = result.messages.filter(({ message }: { message: string }) => message.includes(result.page));
    expect(asked).toHaveLength(result.page === null ? 0 : 1);
    expect(result.page === null).toBe(mode === "propose");
    const answers = result.changes.flatMap(
      (change: { answer: { decision: string } | null }) => change.answer ?? [],
    );
    expect(answers.every(({ decision }: { decision: string }) => decision === answer)).toBe(true);
    expect(result.chat).toHaveLength(result.messages.length);
    for (const { metadata } of result.chat) expect(metadata.threadId).toBe(result.incident.id);
  });

  test("without a terminal it prints plain lines and ends with the notification", async () => {
    const { status, stdout } = await natMedic("drill", "--host", "recorded");
    expect(status).toBe(0);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toMatch(/CollectHostEvidence +\d+\.\d\d s/);
    expect(stdout).toContain(
      "Subject: NAT Medic fixed i-0a1b2c3d4e5f67890: The connection tracking table is full",
    );
    expect(stdout).toMatch(/nf_conntrack_max +8192 -> 65536/);
    expect(stdout).toContain("Ended as expected: fixed");
    expect(stdout).toMatch(/The incident, as the store has it.*opened by the alarm.*closed: fixed/s);
    expect(stdout).toMatch(
      /People were told before.*NAT Medic is changing .*NAT Medic asks about .*and at last:/s,
    );
  });

  test("with --mode approve it waits for the click, and goes on with what was clicked", async () => {
    const { started, ended } = startDrill("--mode", "approve", "--json");
    const link = await started;
    expect((await fetch(link)).status).toBe(200);
    await decideOnPage(link, "reject", "not now");
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    const { outcome, changes, page } = JSON.parse(stdout);
    expect(outcome).toBe("proposed");
    expect(page).toBe(link);
    expect(changes[0]).toMatchObject({
      status: "rejected",
      answer: { decision: "reject", by: expect.stringContaining("127.0.0.1"), note: "not now" },
    });
  });

  test("Ctrl-C ends a drill that waits, and what it served", async () => {
    const { started, ended, interrupt } = startDrill("--mode", "approve");
    const link = await started;
    interrupt();
    expect(await ended).toMatchObject({ status: 130, stderr: expect.stringContaining("Interrupted") });
    await expect(fetch(link)).rejects.toThrow();
  });

  test("an event that is not ours does not end as the scenario expects", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "nat-medic-")), "event.json");
    writeFileSync(
      file,
      JSON.stringify({ source: "aws.ec2", "detail-type": "EC2 Instance State-change Notification" }),
    );
    expect(await natMedic("drill", "--host", "recorded", "--event", file)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("not an event"),
    });
  });
});

describe.concurrent("doctor", () => {
  test("saved evidence of a full table: cause found, exit 1, the leading cause first, and a way back for each step", async () => {
    const { status, stdout } = await natMedic(
      "doctor",
      "--evidence",
      evidenceFile("conntrack-table-full"),
      "--json",
    );
    expect(status).toBe(1);
    const { host, diagnosis, plan } = JSON.parse(stdout);
    expect(host.kernel).toMatch(/^6\./);
    expect(diagnosis).toMatchObject({
      status: "cause-found",
      unknown: [],
      causes: [{ id: "conntrack-table-full", severity: "critical" }, {}, {}],
    });
    for (const { signal, observed, expected } of diagnosis.causes[0].evidence) {
      expect([signal, observed, expected].every((text) => text.length > 0)).toBe(true);
    }
    for (const step of plan)
      expect(Object.keys(step).sort()).toEqual(["action", "commands", "fix", "risk", "undo"]);
  });

  test("saved evidence of a healthy host: exit 0", async () => {
    expect(await natMedic("doctor", "--evidence", evidenceFile("healthy"))).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^HEALTHY/),
    });
  });

  test("evidence that is none: could not tell, exit 2, and still JSON when asked", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "nat-medic-")), "evidence.json");
    writeFileSync(file, "Killed\n");
    const { status, stdout } = await natMedic("doctor", "--evidence", file, "--json");
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      host: { status: "unread" },
      diagnosis: { status: "undetermined" },
      plan: [],
    });
  });

  test("another machine is read over ssh, with nothing to install there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "nat-medic-"));
    // Stands for ssh and the shell at its other end: runs its last argument, and says what it was called with.
    writeFileSync(
      join(folder, "ssh"),
      `#!/bin/sh\nfor last; do :; done\necho "$*" >${folder}/called\nexec sh -c "$last"\n`,
      { mode: 0o755 },
    );
    const path = process.env.PATH;
    const { status, stdout } = await natMedic("doctor", "--ssh", "ec2-user@nat", "--json", "--sample", "1", {
      PATH: `${folder}:${path}`,
    });
    expect([0, 1, 2]).toContain(status);
    expect(JSON.parse(stdout).host).toMatchObject({ name: "ec2-user@nat", status: "read" });
    expect(readFileSync(join(folder, "called"), "utf8")).toContain(
      "BatchMode=yes -o ConnectTimeout=5 -- ec2-user@nat",
    );
  });

  test("a machine that ssh does not reach: could not tell, with ssh's own words", async () => {
    const { status, stdout } = await natMedic("doctor", "--ssh", "nobody@127.0.0.1", { PATH: "/nowhere" });
    expect(status).toBe(2);
    expect(stdout).toMatch(/^COULD NOT TELL/);
    expect(stdout).toContain("the host could not be read: ssh");
  });

  test("this machine is read as it is, whatever comes of it", async () => {
    const { status, stdout } = await natMedic("doctor", "--json", "--sample", "1");
    expect([0, 1, 2]).toContain(status);
    expect(["healthy", "cause-found", "undetermined"]).toContain(JSON.parse(stdout).diagnosis.status);
  });
});

describe.concurrent("triage", () => {
  test("an alarm of ours opens an incident", async () => {
    const { status, stdout } = await natMedic("triage", "events/alarm-conntrack-utilization.json", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      decision: "open",
      instanceIds: ["i-0a1b2c3d4e5f67890"],
      reason: expect.any(String),
    });
  });

  test("a request to undo an incident is one", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "nat-medic-")), "undo.json");
    writeFileSync(file, JSON.stringify({ undo: "inc-20260101t000000z-00000000-000000000000" }));
    expect(JSON.parse((await natMedic("triage", file, "--json")).stdout)).toMatchObject({
      decision: "undo",
      instanceIds: [],
    });
  });
});
