import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { alarmName, instanceAlarms, parseAlarmName } from "../../../core/alarms/names.ts";
import { occasionOf } from "../../../core/alarms/occasion.ts";
import { natA } from "../../../local/world.ts";

const occasion = (event: unknown) => occasionOf(event, "nat-medic-");
const ofNatA = { kind: "instance", instanceId: natA };

test("a change of an instance's state names it", () => {
  const event = JSON.parse(readFileSync("events/functions/keep-alarms.json", "utf8"));
  expect(occasion(event)).toEqual(ofNatA);
});

test("a change of its tags names it by its ARN", () => {
  // Tag Editor user guide, "Monitor tag changes with serverless workflows and Amazon EventBridge".
  const event = (resource: string) => ({
    "detail-type": "Tag Change on Resource",
    source: "aws.tag",
    resources: [resource],
    detail: { "changed-tag-keys": ["nat-medic:enabled"], service: "ec2", "resource-type": "instance" },
  });
  expect(occasion(event(`arn:aws:ec2:us-east-1:123456789012:instance/${natA}`))).toEqual(ofNatA);
  expect(occasion(event("arn:aws:ec2:us-east-1:123456789012:volume/vol-1"))).toMatchObject({
    kind: "nothing",
  });
});

test("an alarm of silence that has its first data names the instance; one of another stack does not", () => {
  const event = (alarmName: string) => ({ source: "aws.cloudwatch", detail: { alarmName } });
  expect(occasion(event(`nat-medic-silent-${natA}`))).toEqual(ofNatA);
  expect(occasion(event(`nat-medic-dev-silent-${natA}`))).toMatchObject({ kind: "nothing" });
  expect(occasion(event("nat-medic-fleet-drops"))).toMatchObject({ kind: "nothing" });
});

test("the schedule is for all", () => {
  expect(occasion({ source: "aws.events", "detail-type": "Scheduled Event", detail: {} })).toEqual({
    kind: "all",
  });
});

test("CloudFormation is answered with what it gave", () => {
  const request = {
    RequestType: "Delete",
    ResponseURL: "https://cloudformation-custom-resource-response.s3.example/x?signed",
    StackId: "arn:aws:cloudformation:eu-central-1:123456789012:stack/nat-medic/1",
    RequestId: "r",
    LogicalResourceId: "InstanceAlarms",
    PhysicalResourceId: "nat-medic-instance-alarms",
    ResourceType: "Custom::InstanceAlarms",
  };
  expect(occasion(request)).toEqual({
    kind: "stack",
    removed: true,
    answerTo: {
      url: request.ResponseURL,
      stackId: request.StackId,
      requestId: "r",
      logicalResourceId: "InstanceAlarms",
      physicalResourceId: "nat-medic-instance-alarms",
    },
  });
  const { PhysicalResourceId: _, ...first } = { ...request, RequestType: "Create" };
  expect(occasion(first)).toMatchObject({
    removed: false,
    answerTo: { physicalResourceId: "nat-medic-instance-alarms" },
  });
});

test.each([null, [], "", {}, { source: "aws.ec2", detail: { "instance-id": "i-1; rm" } }])(
  "%j keeps nothing",
  (event) => {
    expect(occasion(event)).toMatchObject({ kind: "nothing" });
  },
);

test("a name says what it watches, and whose it is", () => {
  for (const what of instanceAlarms) {
    expect(parseAlarmName("nat-", alarmName("nat-", what, natA))).toEqual({ what, instanceId: natA });
  }
  for (const name of [
    `nat-medic-silent-${natA}`,
    "nat-silent-",
    `nat-other-${natA}`,
    `nat-silent-${natA}x`,
  ]) {
    expect(parseAlarmName("nat-", name), name).toBeUndefined();
  }
});
