/** From the start of an instance to the incident of its silence: by the template's own rules, and no hand in between. */
import { CloudWatchClient, DescribeAlarmsCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { afterEach, expect, test } from "vitest";
import { readScenario } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { recordedStage, stackOn } from "../../local/stage.ts";
import { fastClock } from "../../local/states/clock.ts";
import { natA } from "../../local/world.ts";
import { clientOptions } from "./endpoint/clients.ts";

let stack: LocalStack;
const publishing = new AbortController();
afterEach(async () => {
  publishing.abort(new Error("the test ends"));
  await stack.stop();
});

test("an instance that starts, publishes and falls silent is an incident that says so, and its alarm goes with it", async () => {
  const clock = fastClock();
  const deployed = stackOn(recordedStage(readScenario("healthy")), [natA]);
  stack = await startLocalStack({
    ...deployed,
    series: [],
    mode: "propose",
    approvalSeconds: 60,
    clock,
    watch: true,
  });
  const client = new CloudWatchClient(clientOptions(stack.url));
  const stateChange = (state: string) =>
    stack.putEvent({
      version: "0",
      id: `change to ${state}`,
      "detail-type": "EC2 Instance State-change Notification",
      source: "aws.ec2",
      account: "123456789012",
      time: new Date(clock.now()).toISOString(),
      region: "eu-central-1",
      resources: [`arn:aws:ec2:eu-central-1:123456789012:instance/${natA}`],
      detail: { "instance-id": natA, state },
    });
  const silent = async () => {
    const AlarmNames = [`nat-medic-silent-${natA}`];
    const { MetricAlarms = [] } = await client.send(new DescribeAlarmsCommand({ AlarmNames }));
    return MetricAlarms[0]?.TreatMissingData;
  };
  const publish = () =>
    client.send(
      new PutMetricDataCommand({
        Namespace: "NatMedic",
        MetricData: [
          {
            MetricName: "ConntrackUtilization",
            Dimensions: [{ Name: "InstanceId", Value: natA }],
            Timestamp: new Date(clock.now()),
            Value: 12,
            Unit: "Percent",
          },
        ],
      }),
    );

  await clock.working(
    Promise.all([stateChange("running"), expect.poll(silent, { timeout: 30_000 }).toBe("missing")]),
  );
  let armed = false;
  const publisher = async () => {
    // Until silence is an alarm, and a few minutes more.
    for (let more = 0; more < 8; more += armed ? 1 : 0) {
      await clock.working(publish());
      await clock.sleep(60, publishing.signal);
      armed ||= (await clock.working(silent())) === "breaching";
    }
  };
  await publisher();

  const incidents = async () => (await stack.incidents()).map(({ closing }) => closing?.outcome);
  await expect.poll(incidents, { timeout: 90_000 }).toEqual(["proposed"]);
  const [incident] = await stack.incidents();
  expect(incident?.incident.trigger).toMatchObject({ alarmName: `nat-medic-silent-${natA}` });
  expect(incident?.findings?.diagnosis.causes.map(({ id }) => id)).toEqual(["conntrack-unmonitored"]);
  expect(JSON.stringify(incident?.findings)).toMatch(/the last \d+ minutes ago/);

  const nat = deployed.world.instances[natA];
  if (nat !== undefined) nat.State = { Name: "stopped" };
  await clock.working(
    Promise.all([stateChange("stopped"), expect.poll(silent, { timeout: 30_000 }).toBeUndefined()]),
  );
});
