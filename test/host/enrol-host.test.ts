import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FolderHost, folderHost, shells } from "./folder-host.ts";

const identity = { AWS_SSM_INSTANCE_ID: "i-0a1b2c3d4e5f67890", AWS_SSM_REGION_NAME: "eu-central-1" };
const program = "usr/local/lib/nat-medic/publish-metrics";
const service = "etc/systemd/system/nat-medic-metrics.service";
const timer = "etc/systemd/system/nat-medic-metrics.timer";
const link = "etc/systemd/system/timers.target.wants/nat-medic-metrics.timer";

let host: FolderHost;
beforeEach(() => {
  host = plainInstance();
});
afterEach(() => host.remove());

/** With systemd and the AWS CLI, and not enrolled. */
function plainInstance(): FolderHost {
  const made = folderHost();
  for (const tool of ["rmdir", "ln"]) made.link(tool);
  made.write("run/systemd/system/.keep", "");
  made.write("etc/systemd/system/.keep", "");
  made.write("usr/local/lib/.keep", "");
  made.write("proc/sys/kernel/random/boot_id", "43d60a6c-4452-448d-bee5-382c03c4eb42\n");
  made.write("proc/sys/net/ipv4/ip_forward", 1);
  made.tool("aws", "exit 0");
  // Enough of systemd to enable a timer and to run the service with the environment of its unit.
  made.tool(
    "systemctl",
    `echo "$*" >>"${made.base}/asked"
cd "${made.root}/etc/systemd/system" || exit 1
case $1 in
  enable) mkdir -p timers.target.wants && ln -sf ../nat-medic-metrics.timer timers.target.wants/nat-medic-metrics.timer ;;
  is-enabled) [ -L timers.target.wants/nat-medic-metrics.timer ] ;;
  restart) : >"${made.base}/active" ;;
  is-active) [ -e "${made.base}/active" ] ;;
  disable) rm -f "${made.base}/active" timers.target.wants/nat-medic-metrics.timer ;;
  start) env $(sed -n 's/^Environment=//p' nat-medic-metrics.service) sh "${made.root}/${program}" 2>>"${made.base}/journal" ;;
esac`,
  );
  return made;
}

function run(
  script: "enrol-host.sh" | "remove-host.sh",
  environment: Record<string, string> = {},
  shell?: string,
) {
  rmSync(join(host.base, "asked"), { force: true });
  const ran = host.run(script, { ...identity, ...environment }, shell);
  return { exitCode: ran.exitCode, stderr: ran.stderr, answer: JSON.parse(ran.stdout) };
}
const enrol = (environment?: Record<string, string>, shell?: string) =>
  run("enrol-host.sh", environment, shell);
const remove = (shell?: string) => run("remove-host.sh", {}, shell);
const asked = () => readFileSync(join(host.base, "asked"), "utf8").trim().split("\n");
const tree = () => readdirSync(host.root, { recursive: true }).map(String).sort();
const written = (path: string) => ({ path: `/${path}`, action: "written" });

describe.each(shells)("under %s", (shell) => {
  it("installs, publishes, finds nothing to do the next time, and leaves no trace when it is removed", () => {
    const before = tree();
    expect(enrol({}, shell)).toEqual({
      exitCode: 0,
      stderr: "",
      answer: {
        schema: "nat-medic/enrolment/1",
        action: "enrol",
        status: "changed",
        reason: "",
        transport: "cli",
        files: [written(program), written(service), written(timer)],
      },
    });
    expect(host.exists(link)).toBe(true);
    const enrolled = tree();
    expect(enrol({}, shell).answer).toMatchObject({ status: "unchanged", transport: "cli", files: [] });
    // It asks, and restarts nothing.
    expect(asked()).toEqual(["is-enabled nat-medic-metrics.timer", "is-active nat-medic-metrics.timer"]);
    expect(tree()).toEqual(enrolled);
    expect(remove(shell)).toMatchObject({
      exitCode: 0,
      answer: { action: "remove", status: "changed", reason: "" },
    });
    expect(tree()).toEqual(before);
    expect(remove(shell).answer).toMatchObject({ status: "unchanged", files: [] });
  });
});

describe("what is installed", () => {
  it("runs every minute at a second of its own, below what forwards, and never for long", () => {
    enrol();
    expect(host.read(timer)).toContain(`OnCalendar=*:*:${0x890 % 60}\nAccuracySec=1s\n`);
    for (const limit of ["TimeoutStartSec=45s", "Nice=5", "MemoryMax=160M", "NoNewPrivileges=yes"]) {
      expect(host.read(service)).toContain(`${limit}\n`);
    }
  });

  it("runs every ten seconds where that is asked for", () => {
    enrol({ SSM_Period: "10", SSM_LogGroup: "/prod/metrics", SSM_Transport: "cli" });
    expect(host.read(timer)).toContain(`OnCalendar=*:*:${0x890 % 10}/10\nAccuracySec=100ms\n`);
    expect(host.read(service)).toContain(
      "Environment=NAT_MEDIC_PERIOD=10 NAT_MEDIC_TRANSPORT=cli NAT_MEDIC_LOG_GROUP=/prod/metrics\nTimeoutStartSec=8s\n",
    );
  });

  it("is the publisher itself", () => {
    enrol();
    expect(host.read(program)).toMatch(/^#!\/bin\/sh\n# publish-metrics/);
    expect(host.read(program)).toMatch(/\nmain <\/dev\/null\n$/);
  });

  it("is updated when it is of another version, and the timer restarted", () => {
    enrol();
    host.write(program, "#!/bin/sh\n# an older one\n");
    expect(enrol().answer).toMatchObject({ status: "changed", files: [written(program)] });
    expect(asked()).toContain("restart nat-medic-metrics.timer");
    expect(enrol({ SSM_Period: "10" }).answer).toMatchObject({ files: [written(service), written(timer)] });
  });

  it("is completed when a run before was killed in the middle", () => {
    enrol();
    for (const path of [timer, link]) rmSync(host.at(path));
    host.write(`${service}.nat-medic-new`, "[Unit]\nDescr");
    expect(enrol().answer).toMatchObject({ status: "changed", files: [written(timer)] });
    expect(enrol().answer).toMatchObject({ status: "unchanged" });
  });

  it("runs again when somebody has disabled it", () => {
    enrol();
    rmSync(host.at(link));
    expect(enrol().answer).toMatchObject({ status: "changed", files: [] });
    expect(host.exists(link)).toBe(true);
  });
});

describe("a host on which nothing can be published", () => {
  const nothing =
    /no CloudWatch agent listens at 127\.0\.0\.1:25888 .* there is no AWS CLI\. It needs the CloudWatch agent/;

  it("has the publisher, and the association fails with what to do", () => {
    rmSync(join(host.base, "tools", "aws"));
    const { exitCode, stderr, answer } = enrol();
    expect({ exitCode, answer }).toMatchObject({
      exitCode: 1,
      answer: { status: "failed", transport: "none" },
    });
    expect(answer.reason).toMatch(nothing);
    expect(stderr).toContain("InstancePolicy");
    expect(host.exists(link)).toBe(true);
    // Also the next time, although nothing has changed.
    expect(enrol()).toMatchObject({ exitCode: 1, answer: { status: "failed", files: [] } });
    host.tool("aws", "exit 0");
    expect(enrol()).toMatchObject({ exitCode: 0, answer: { status: "unchanged", transport: "cli" } });
  });

  it("is waited for while the agent is being installed, and no longer than was asked", () => {
    const aws = join(host.base, "tools", "aws");
    rmSync(aws);
    host.tool(
      "sleep",
      `echo x >>"${host.base}/slept"; [ "$(cat "${host.base}/slept" | tr -d '\\n')" != xxx ] || { echo '#!/bin/sh' >"${aws}"; chmod +x "${aws}"; }`,
    );
    expect(enrol({ SSM_WaitSeconds: "20" }).exitCode).toBe(1);
    expect(host.read("../slept")).toBe("x\nx\n");
    expect(enrol({ SSM_WaitSeconds: "240" })).toMatchObject({ exitCode: 0, answer: { transport: "cli" } });
    expect(host.read("../slept")).toBe("x\nx\nx\n");
  });

  it("says so when the role lacks the right, in words that carry no markup", () => {
    host.tool("aws", "echo 'An error occurred (AccessDenied): \"<b>\" $(reboot)' >&2; exit 254");
    const { exitCode, answer } = enrol();
    expect(exitCode).toBe(1);
    expect(answer.reason).toMatch(/AccessDenied\)[A-Za-z0-9_.,:;/()=%+ -]*$/);
  });

  it.each([
    ["without systemd", () => rmSync(host.at("run/systemd"), { recursive: true }), "needs systemd"],
    ["without systemctl", () => rmSync(join(host.base, "tools", "systemctl")), "systemctl is missing"],
  ])("%s has nothing installed", (_what, happens, reason) => {
    happens();
    const before = tree();
    const { exitCode, answer } = enrol();
    expect(exitCode).toBe(1);
    expect(answer.reason).toContain(reason);
    expect(tree()).toEqual(before);
  });

  it.each([
    { AWS_SSM_INSTANCE_ID: "" },
    { AWS_SSM_INSTANCE_ID: "mi-0a1b2c3d4e5f67890" },
    { AWS_SSM_INSTANCE_ID: "i-0a1b2c3d\nExecStart=/bin/reboot" },
    { AWS_SSM_REGION_NAME: "eu-central-1 X=1" },
    { SSM_Period: "5" },
    { SSM_Transport: "statsd" },
    { SSM_LogGroup: "/a\nExecStart=/bin/reboot" },
    { SSM_WaitSeconds: "1e9" },
  ])("is refused with %j, and nothing is installed", (environment) => {
    const before = tree();
    expect(enrol(environment)).toMatchObject({ exitCode: 1, answer: { status: "failed" } });
    expect(tree()).toEqual(before);
  });
});

describe("removing", () => {
  const agent = "opt/aws/amazon-cloudwatch-agent";
  const parts = `${agent}/etc/amazon-cloudwatch-agent.d`;
  const ours = `${parts}/ssm_AmazonCloudWatch-nat-medic`;

  it("takes what an enrolment left that was killed half way, and what other parts of NAT Medic have stays", () => {
    host.write("usr/local/lib/nat-medic/rules.sh", "of a fix\n");
    host.write("run/nat-medic/inc-20261121-a1b2c3d4/lock", "");
    host.write("etc/systemd/system/nat-medic-rules.service", "of a fix\n");
    const before = tree();
    host.write(`${program}.nat-medic-new`, "#!/bin/s");
    host.write(service, "[Unit]\n");
    host.write("run/nat-medic/publisher/next", "boot");
    expect(remove().answer).toMatchObject({ status: "changed" });
    expect(tree()).toEqual(before);
  });

  it("works where systemd is gone", () => {
    const before = tree();
    enrol();
    rmSync(join(host.base, "tools", "systemctl"));
    expect(remove().answer).toMatchObject({ status: "changed" });
    expect(tree()).toEqual(before);
  });

  function withAgent() {
    const tool = join(host.base, "ctl");
    host.write(`${agent}/bin/amazon-cloudwatch-agent-ctl`, `#!/bin/sh\necho "$*" >>"${tool}"\n`);
    host.write(ours, "{}");
    return () => readFileSync(tool, "utf8").trim().split("\n");
  }

  it("leaves the agent and the configuration of others as they are, less our part", () => {
    const calls = withAgent();
    chmodExecutable();
    host.write(`${parts}/file_config.json`, '{"metrics":{}}');
    expect(remove().answer).toMatchObject({
      status: "changed",
      files: [{ path: `/${ours}`, action: "removed" }],
    });
    expect(calls()).toEqual(["-a remove-config -m ec2 -c ssm:AmazonCloudWatch-nat-medic"]);
    expect(asked()).toContain("restart amazon-cloudwatch-agent");
    expect(host.read(`${parts}/file_config.json`)).toBe('{"metrics":{}}');
  });

  it("stops an agent that is left without any configuration", () => {
    const calls = withAgent();
    chmodExecutable();
    expect(remove().answer).toMatchObject({ status: "changed" });
    expect(calls()).toEqual(["-a remove-config -m ec2 -c ssm:AmazonCloudWatch-nat-medic", "-a stop -m ec2"]);
    expect(host.exists(ours)).toBe(false);
  });

  const chmodExecutable = () => chmodSync(host.at(`${agent}/bin/amazon-cloudwatch-agent-ctl`), 0o755);

  it("does not touch an agent that has nothing of ours", () => {
    host.write(`${agent}/bin/amazon-cloudwatch-agent-ctl`, "#!/bin/sh\nexit 9\n");
    chmodExecutable();
    host.write(`${parts}/file_config.json`, "{}");
    const before = tree();
    expect(remove()).toMatchObject({ exitCode: 0, answer: { status: "unchanged" } });
    expect(tree()).toEqual(before);
  });
});
