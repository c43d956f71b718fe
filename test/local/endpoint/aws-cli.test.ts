import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloudwatch } from "../../../local/endpoint/cloudwatch.ts";
import { ec2 } from "../../../local/endpoint/ec2.ts";
import { lambda } from "../../../local/endpoint/lambda.ts";
import { type Publication, sns } from "../../../local/endpoint/sns.ts";
import { ssm } from "../../../local/endpoint/ssm.ts";
import { type Machine, stepfunctions } from "../../../local/endpoint/stepfunctions.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { healthyWorld, natA, natInterfaceA } from "../../../local/world.ts";
import { document } from "../run-command/documents.ts";
import { shellHost } from "../run-command/shell-host.ts";
import { askingMachine } from "./machine.ts";

const version = (() => {
  try {
    return execFileSync("aws", ["--version"], { encoding: "utf8", stdio: "pipe" });
  } catch {
    console.warn("There is no AWS CLI (`aws`) here, so its tests are skipped.");
    return undefined;
  }
})();
/** From before an interface's timeouts, November 2023: 1.31 and 2.14 have them. */
const isOld = /^aws-cli\/(1\.([12]?\d|30)|2\.(\d|1[0-3]))\./.test(version ?? "");

const instance = natA;
const world = healthyWorld();
const topic = "arn:aws:sns:us-east-1:123456789012:nat-medic";

describe.skipIf(version === undefined)("the AWS CLI", { timeout: 60_000 }, () => {
  const published: Publication[] = [];
  const asked = Promise.withResolvers<string>();
  let machine: Machine;
  let endpoint: Endpoint;
  beforeAll(async () => {
    machine = askingMachine((token) => asked.resolve(token));
    const echo = document("printf 'max is %s' \"$SSM_Max\"", {
      Max: { type: "String", allowedPattern: "^[0-9]{1,7}$", interpolationType: "ENV_VAR" },
    });
    endpoint = await startEndpoint({
      services: [
        cloudwatch({
          series: [
            {
              namespace: "NatMedic",
              metricName: "ConntrackUtilization",
              dimensions: { InstanceId: instance },
              points: [{ at: new Date("2026-11-21T10:00:00Z"), value: 97.5 }],
            },
          ],
        }),
        ec2(world),
        lambda({ invoke: async (name, payload) => ({ name, payload }) }),
        sns({ topics: [topic], onPublish: (publication) => published.push(publication) }),
        ssm({ documents: { Echo: echo }, instances: { [instance]: { host: shellHost() } } }),
        stepfunctions({ machines: [machine] }),
      ],
    });
  });
  afterAll(async () => {
    for (const execution of machine.executions()) execution.stop();
    await endpoint.close();
  });

  const aws = async (...words: string[]) => {
    // Not by AWS_ENDPOINT_URL: Debian 12's own CLI (2.9) does not read it yet.
    const options = ["--endpoint-url", endpoint.url, "--output", "json"];
    const { stdout } = await promisify(execFile)("aws", [...words, ...options], {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_DEFAULT_REGION: "us-east-1",
        AWS_MAX_ATTEMPTS: "1",
      },
    });
    return stdout === "" ? undefined : JSON.parse(stdout);
  };
  const refusal = (...words: string[]) => expect(aws(...words)).rejects;

  test("starts an execution, answers its question and reads how it ended", async () => {
    const { executionArn } = await aws(
      ...["stepfunctions", "start-execution", "--state-machine-arn", machine.arn],
      ...["--name", "by-hand", "--input", '{"ask":true}'],
    );
    const token = await asked.promise;
    await aws("stepfunctions", "send-task-heartbeat", "--task-token", token);
    await aws(
      "stepfunctions",
      "send-task-success",
      "--task-token",
      token,
      "--task-output",
      '{"approved":true}',
    );
    await machine.executions()[0]?.finished;
    expect(await aws("stepfunctions", "describe-execution", "--execution-arn", executionArn)).toMatchObject({
      name: "by-hand",
      status: "SUCCEEDED",
      output: '{"answer":{"approved":true}}',
    });
    const { events } = await aws("stepfunctions", "get-execution-history", "--execution-arn", executionArn);
    expect(events.at(-1)).toMatchObject({ type: "ExecutionSucceeded" });
    const again = refusal("stepfunctions", "send-task-success", "--task-token", token, "--task-output", "1");
    await again.toThrow("(TaskTimedOut)");
  });

  test("sends a command and reads its output", async () => {
    const { Command } = await aws(
      ...["ssm", "send-command", "--document-name", "Echo", "--instance-ids", instance],
      ...["--parameters", "Max=65536", "--comment", "by hand"],
    );
    const target = ["--command-id", Command.CommandId, "--instance-id", instance];
    await expect
      .poll(() => aws("ssm", "get-command-invocation", ...target), { timeout: 20_000 })
      .toMatchObject({ Status: "Success", ResponseCode: 0, StandardOutputContent: "max is 65536" });
  });

  test("is refused a hostile parameter", async () => {
    const command = ["ssm", "send-command", "--document-name", "Echo", "--instance-ids", instance];
    await refusal(...command, "--parameters", "Max=$(reboot)").toThrow("(InvalidParameters)");
  });

  test("describes an instance, and is told which does not exist", async () => {
    const describeInstances = ["ec2", "describe-instances", "--instance-ids"];
    expect(await aws(...describeInstances, instance)).toMatchObject({
      Reservations: [
        { Instances: [{ InstanceId: instance, InstanceType: "t3.micro", SourceDestCheck: false }] },
      ],
    });
    await refusal(...describeInstances, "i-0123456789abcdef1").toThrow("(InvalidInstanceID.NotFound)");
  });

  test("describes the network", async () => {
    const { NetworkAcls } = await aws(
      "ec2",
      "describe-network-acls",
      "--filters",
      `Name=vpc-id,Values=vpc-*`,
    );
    expect(NetworkAcls[0].Entries[0]).toEqual({
      CidrBlock: "0.0.0.0/0",
      Egress: true,
      Protocol: "-1",
      RuleAction: "allow",
      RuleNumber: 100,
    });
  });

  test("changes an interface's timeouts and sees them changed", async ({ skip }) => {
    const modify = ["ec2", "modify-network-interface-attribute", "--network-interface-id", natInterfaceA];
    try {
      await aws(...modify, "--connection-tracking-specification", "TcpEstablishedTimeout=7440");
    } catch (error) {
      if (isOld && String(error).includes("Unknown options")) skip("this AWS CLI is older than the timeouts");
      throw error;
    }
    const described = await aws(
      "ec2",
      "describe-network-interfaces",
      "--network-interface-ids",
      natInterfaceA,
    );
    expect(described.NetworkInterfaces[0].ConnectionTrackingConfiguration).toEqual({
      TcpEstablishedTimeout: 7440,
    });
  });

  test("pages through the instance types that fit a filter", async () => {
    const { InstanceTypes } = await aws(
      ...["ec2", "describe-instance-types", "--page-size", "5", "--filters"],
      ...["Name=current-generation,Values=true", "Name=processor-info.supported-architecture,Values=arm64"],
    );
    const names = InstanceTypes.map(({ InstanceType }: { InstanceType: string }) => InstanceType);
    expect(names).toContain("t4g.nano");
    expect(names).toContain("c8gn.2xlarge");
    expect(names).not.toContain("c6gn.medium");
    expect(names).not.toContain("t3.nano");
  });

  test("publishes a message", async () => {
    await aws("sns", "publish", "--topic-arn", topic, "--subject", "by hand", "--message", "a\nb");
    expect(published).toMatchObject([{ topicArn: topic, subject: "by hand", message: "a\nb" }]);
  });

  test("stores a metric and reads metrics back", async () => {
    const metric = { Namespace: "NatMedic", MetricName: "ConntrackUtilization" };
    await aws(
      ...[
        "cloudwatch",
        "put-metric-data",
        "--namespace",
        metric.Namespace,
        "--metric-name",
        metric.MetricName,
      ],
      ...["--dimensions", `InstanceId=${instance}`, "--value", "99", "--timestamp", "2026-11-21T10:01:00Z"],
    );
    const Dimensions = [{ Name: "InstanceId", Value: instance }];
    const { MetricDataResults } = await aws(
      ...["cloudwatch", "get-metric-data", "--scan-by", "TimestampAscending"],
      ...["--start-time", "2026-11-21T10:00:00Z", "--end-time", "2026-11-21T10:05:00Z"],
      "--metric-data-queries",
      JSON.stringify([
        { Id: "m", MetricStat: { Metric: { ...metric, Dimensions }, Period: 60, Stat: "Maximum" } },
      ]),
    );
    expect(MetricDataResults).toMatchObject([{ Id: "m", Values: [97.5, 99], StatusCode: "Complete" }]);
  });

  test("puts an alarm, sets its state and deletes it", async () => {
    const name = ["--alarm-name", "by-hand"];
    await aws(
      "cloudwatch",
      "put-metric-alarm",
      ...name,
      "--namespace",
      "NatMedic",
      "--metric-name",
      "M",
      ...["--statistic", "Maximum", "--period", "60", "--evaluation-periods", "1", "--threshold", "80"],
      ...["--comparison-operator", "GreaterThanThreshold"],
    );
    await aws("cloudwatch", "set-alarm-state", ...name, "--state-value", "ALARM", "--state-reason", "a test");
    expect(await aws("cloudwatch", "describe-alarms", "--alarm-names", "by-hand")).toMatchObject({
      MetricAlarms: [{ AlarmName: "by-hand", StateValue: "ALARM", StateReason: "a test" }],
    });
    await aws("cloudwatch", "delete-alarms", "--alarm-names", "by-hand");
    await refusal("cloudwatch", "delete-alarms", "--alarm-names", "by-hand").toThrow("ResourceNotFound");
  });

  test("invokes a function", async () => {
    const payload = join(mkdtempSync(join(tmpdir(), "nat-medic-")), "payload.json");
    writeFileSync(payload, '{"a":1}');
    // From a file, which both versions of the CLI take as it is.
    const answer = await aws(
      ...["lambda", "invoke", "--function-name", "Diagnose", "--payload", `fileb://${payload}`, "/dev/null"],
    );
    expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST" });
  });

  test("is told what is not implemented", async () => {
    await refusal("ssm", "list-documents").toThrow("NotImplementedLocally: SSM.ListDocuments");
    await refusal("sts", "get-caller-identity").toThrow("NotImplementedLocally: sts.GetCallerIdentity");
    await refusal("cloudwatch", "list-dashboards").toThrow(
      "NotImplementedLocally: CloudWatch.ListDashboards",
    );
  });
});
