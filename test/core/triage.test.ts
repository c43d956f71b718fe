import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Triage, triage as triageIn } from "../../core/triage.ts";

const now = "2026-11-20T03:12:44.000Z";
const home = { account: "123456789012", region: "eu-central-1" };
const triage = (input: unknown): Triage => triageIn(input, { now, home });
const event = (file: string) => JSON.parse(readFileSync(`events/${file}.json`, "utf8"));
const alarm = event("alarm-conntrack-utilization");
const changed = (change: (detail: any) => void) => {
  const copy = structuredClone(alarm);
  change(copy.detail);
  return copy;
};

test("an alarm on our metric opens an incident on its instance", () => {
  expect(triage(alarm)).toMatchObject({
    decision: "open",
    instanceIds: ["i-0a1b2c3d4e5f67890"],
    trigger: { kind: "alarm", alarmName: "nat-a-conntrack-utilization", at: "2026-11-20T03:12:44.000Z" },
  });
});

test("metric math is looked through for the instance, wherever it stands", () => {
  expect(triage(event("alarm-ena-conntrack-exceeded"))).toMatchObject({
    decision: "open",
    instanceIds: ["i-0a1b2c3d4e5f67890"],
    trigger: { metric: { name: "ethtool_conntrack_allowance_exceeded" } },
  });
});

test("a start by hand opens an incident in the mode that was asked for", () => {
  expect(triage(event("start-by-hand"))).toMatchObject({
    decision: "open",
    mode: "propose",
    trigger: { kind: "manual", at: now },
  });
});

test("every delivery of an alarm has the same key, by rule or by action; a start by hand has none", () => {
  const keyOf = (input: unknown) => {
    const triaged = triage(input);
    return triaged.decision === "open" ? triaged.eventKey : undefined;
  };
  const key = "nat-a-conntrack-utilization 2026-11-20T03:12:44.000Z";
  expect(keyOf(alarm)).toBe(key);
  expect(keyOf({ ...alarm, id: "another" })).toBe(key);
  expect(keyOf({ instanceId: "i-0a1b2c3d4e5f67890", event: alarm })).toBe(key);
  expect(keyOf(event("alarm-action"))).toBe(key);
  expect(
    keyOf(changed(({ state }) => Object.assign(state, { timestamp: now.replace("44", "45") }))),
  ).not.toBe(key);
  expect(keyOf(event("start-by-hand"))).toBeNull();
});

test("an alarm that cleared says which, on which instances, and when", () => {
  const ok = event("alarm-cleared");
  expect(triage(ok)).toMatchObject({
    decision: "ignore",
    tell: false,
    cleared: { alarmName: "nat-a-conntrack-utilization", instanceIds: ["i-0a1b2c3d4e5f67890"] },
  });
});

test("an undo names its incident, and nothing else is taken for one", () => {
  expect(triage({ undo: "inc-20261120t031244z-e5f67890-abc" })).toMatchObject({
    decision: "undo",
    incidentId: "inc-20261120t031244z-e5f67890-abc",
    force: false,
    because: null,
  });
  expect(triage({ undo: "inc-1; rm -rf /" })).toMatchObject({ decision: "ignore", tell: true });
  expect(triage({ undo: "inc-20261120t031244z", instance: "i-0" })).toMatchObject({
    decision: "ignore",
  });
});

test("an alarm that names several instances leads to all of them, each once", () => {
  const two = changed(({ configuration }) => {
    const other = structuredClone(configuration.metrics[0]);
    other.metricStat.metric.dimensions.InstanceId = "i-0b1b2c3d4e5f67890";
    configuration.metrics.push(other, structuredClone(other));
  });
  expect(triage(two)).toMatchObject({ instanceIds: ["i-0a1b2c3d4e5f67890", "i-0b1b2c3d4e5f67890"] });
  expect(triage({ instanceId: "i-0b1b2c3d4e5f67890", event: two })).toMatchObject({
    decision: "open",
    instanceIds: ["i-0b1b2c3d4e5f67890"],
    trigger: { kind: "alarm" },
  });
  expect(triage({ instanceId: "i-0c1b2c3d4e5f67890", event: two })).toMatchObject({
    decision: "ignore",
  });
});

describe("what is ignored, with its reason", () => {
  test.each([
    [
      "an alarm that cleared",
      changed(({ state }) => Object.assign(state, { value: "OK" })),
      /cleared/,
      false,
    ],
    [
      "an alarm without data",
      changed(({ state }) => Object.assign(state, { value: "INSUFFICIENT_DATA" })),
      /no data/,
      false,
    ],
    [
      "an alarm that is muted, nobody knows how long",
      changed((detail) => Object.assign(detail, { muteDetail: { mutedBy: "x" } })),
      /muted, and the event does not say until when/,
      false,
    ],
    ["a change of an alarm", event("alarm-configuration-change"), /created, changed or deleted/, false],
    ["an alarm on the pipeline itself", event("alarm-pipeline"), /leads to no instance/, false],
    [
      "an alarm over many series that cleared as a whole",
      Object.assign(event("alarm-multi-series"), {
        detail: { ...event("alarm-multi-series").detail, state: { value: "OK" } },
      }),
      /each of its series is told of by itself/,
      false,
    ],
    [
      "another service's event",
      { source: "aws.ec2", "detail-type": "EC2 Instance State-change Notification" },
      /not an event/,
      false,
    ],
    [
      "an alarm of ours without an instance",
      changed(({ configuration }) =>
        Object.assign(configuration.metrics[0].metricStat.metric, { dimensions: {} }),
      ),
      /no instance/,
      true,
    ],
    [
      "an alarm of ours with an instance that is none",
      changed(({ configuration }) =>
        Object.assign(configuration.metrics[0].metricStat.metric.dimensions, { InstanceId: "i-0; rm -rf /" }),
      ),
      /no instance/,
      true,
    ],
    [
      "an alarm event without its state",
      { ...alarm, detail: { alarmName: "x" } },
      /malformed at detail.state/,
      true,
    ],
    [
      "a start by hand with an instance that is none",
      { instanceId: "i-0; rm -rf /" },
      /not an EC2 instance ID/,
      true,
    ],
    [
      "a start by hand in an unknown mode",
      { instanceId: "i-0a1b2c3d4e5f67890", mode: "yolo" },
      /mode is not one of/,
      true,
    ],
    [
      "a start by hand with more than that",
      { instanceId: "i-0a1b2c3d4e5f67890", command: "reboot" },
      /nothing else/,
      true,
    ],
    ["a list", [], /not a JSON object/, true],
    ["nothing", null, /not a JSON object/, true],
  ])("%s", (_, input, reason, tell) => {
    expect(triage(input)).toMatchObject({
      decision: "ignore",
      reason: expect.stringMatching(reason),
      tell,
    });
  });

  test("an alarm on somebody else's metric without an instance is nobody's news", () => {
    const foreign = changed(({ configuration }) =>
      Object.assign(configuration.metrics[0].metricStat.metric, { namespace: "AWS/SQS", dimensions: {} }),
    );
    expect(triage(foreign)).toMatchObject({ decision: "ignore", tell: false });
  });
});

test("no event makes it throw, and its words carry no markup", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything(),
        fc.string().map((alarmName) => changed((detail) => Object.assign(detail, { alarmName }))),
      ),
      (input) => {
        const { reason, ...rest } = triage(input);
        expect(reason).toMatch(/^[^<>`*[\]@\p{Cc}]*$/u);
        if (rest.decision === "open" && rest.trigger.kind === "alarm")
          expect(rest.trigger.alarmName).not.toMatch(/[<>`*[\]@\p{Cc}]/u);
      },
    ),
  );
});
