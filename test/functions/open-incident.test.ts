/** OpenIncident against the embedded AWS: what an event does not say is looked up, where the store decides the rest. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Opening } from "../../core/opening.ts";
import { type AlarmStore, alarmStore } from "../../local/alarms/alarm-store.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { cloudwatch } from "../../local/endpoint/cloudwatch.ts";
import { type Dynamodb, startDynamodb } from "../../local/endpoint/dynamodb.ts";
import { ec2 } from "../../local/endpoint/ec2.ts";
import { type Endpoint, startEndpoint } from "../../local/endpoint/wire.ts";
import { healthyWorld, natA, natB, natInterfaceA, patchWorld } from "../../local/world.ts";

const table = "nat-medic-incidents";
const place = { account: "123456789012", region: "eu-central-1" };
const world = healthyWorld();
let store: AlarmStore;
let dynamodb: Dynamodb;
let endpoint: Endpoint;
let failing: string | undefined;
let asked: string[] = [];

beforeAll(async () => {
  dynamodb = await startDynamodb([table]);
  endpoint = await startEndpoint({
    services: [
      dynamodb.service,
      ec2(world),
      cloudwatch({
        series: [],
        get store() {
          return new Proxy({} as AlarmStore, { get: (_, verb) => Reflect.get(store, verb) });
        },
      }),
    ],
    fault: (service, operation) => {
      if (service !== "dynamodb") asked.push(operation);
      return operation === failing
        ? new AwsError("ThrottlingException", "Rate exceeded", { status: 400 })
        : undefined;
    },
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: place.region,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    NAT_MEDIC_TABLE: table,
    NAT_MEDIC_MODE: "approve",
    NAT_MEDIC_COOL_DOWN_SECONDS: "900",
    NAT_MEDIC_AUTOMATIC_CHANGES: "3",
  });
});
afterAll(async () => {
  await endpoint.close();
  await dynamodb.close();
});

/** Each test is an hour of its own: what another has opened or closed is past. */
let hour = 0;
let moment = "";
beforeEach(() => {
  hour += 200;
  moment = new Date(Date.UTC(2026, 10, 20, hour)).toISOString();
  failing = undefined;
  asked = [];
  Object.assign(world, healthyWorld());
  store = alarmStore({ alarms: Object.values(world.alarms), place });
});

const event = (file: string, change: (event: any) => void = () => {}) => {
  const read = JSON.parse(readFileSync(`events/${file}.json`, "utf8"));
  const { state } = read.detail ?? read.alarmData ?? { state: {} };
  state.timestamp = moment.replace("Z", "+0000");
  change(read);
  return read;
};

let executions = 0;
/** `waited`: the execution before looks again. */
const open = async (
  input: unknown,
  { waited = false, now = moment }: { waited?: boolean; now?: string } = {},
): Promise<Opening> => {
  const { handler } = await import("../../functions/open-incident/handler.ts");
  if (!waited) executions += 1;
  const name = `execution-${executions}`;
  const arn = `arn:aws:states:${place.region}:${place.account}:execution:nat-medic-remediate:${name}`;
  return (await handler(
    { event: input, waited, now, execution: { arn, name, startedAt: now } } as never,
    { functionName: "open-incident", awsRequestId: "1" } as never,
  )) as Opening;
};
const utilizationOf = (AlarmName: string, InstanceId: string) =>
  store.putMetric(
    {
      AlarmName,
      Namespace: "NatMedic",
      MetricName: "ConntrackUtilization",
      Dimensions: [{ Name: "InstanceId", Value: InstanceId }],
    },
    new Map(),
  );
const composite = (AlarmName: string, AlarmRule: string) =>
  store.putComposite({ AlarmName, AlarmRule }, new Map());
const inAlarm = (name: string, reasonData?: string) =>
  store.setState(name, { value: "ALARM", reason: "r", reasonData });
const reasonOf = (...children: string[]) =>
  JSON.stringify({
    triggeringAlarms: children.map((name) => ({
      arn: `arn:aws:cloudwatch:${place.region}:${place.account}:alarm:${name}`,
      state: { value: "ALARM", timestamp: moment },
    })),
  });

describe("a composite alarm", () => {
  test("leads to the instance of its child", async () => {
    utilizationOf("nat-a-conntrack-utilization", natA);
    inAlarm("nat-a-conntrack-utilization");
    expect(await open(event("alarm-composite"))).toMatchObject({
      decision: "open",
      incident: {
        instanceId: natA,
        trigger: {
          alarmName: "nat-medic-nat-a",
          child: "nat-a-conntrack-utilization",
          metric: { name: "ConntrackUtilization", dimensions: { InstanceId: natA } },
        },
        place: null,
      },
    });
  });

  test("of composite alarms is followed down to the metric, one question for each storey", async () => {
    utilizationOf("nat-b-utilization", natB);
    composite("zone-b", "ALARM(nat-b-utilization)");
    composite("nat-a-conntrack-utilization", "ALARM(zone-b)");
    inAlarm("nat-b-utilization");
    expect(await open(event("alarm-composite"))).toMatchObject({
      decision: "open",
      incident: { instanceId: natB, trigger: { child: "nat-b-utilization" } },
    });
    expect(asked.filter((operation) => operation === "DescribeAlarms")).toHaveLength(3);
  });

  test("that leads back to itself, too deep, or to children that are gone ends with that reason, and people are told", async () => {
    composite("nat-a-conntrack-utilization", "ALARM(nat-medic-nat-a)");
    composite("nat-medic-nat-a", "ALARM(nat-a-conntrack-utilization)");
    const refused = async () => await open(event("alarm-composite"));
    expect(await refused()).toMatchObject({
      decision: "refuse",
      reason: expect.stringContaining("its child nat-medic-nat-a is above itself"),
    });
    for (const [name, below] of [
      ["nat-a-conntrack-utilization", "second"],
      ["second", "third"],
      ["third", "fourth"],
    ]) {
      composite(name ?? "", `ALARM(${below})`);
    }
    utilizationOf("fourth", natA);
    expect(await refused()).toMatchObject({ reason: expect.stringContaining("lies too deep") });
    store.remove(["nat-a-conntrack-utilization"]);
    expect(await refused()).toMatchObject({
      decision: "refuse",
      reason: expect.stringContaining("its child nat-a-conntrack-utilization does not exist"),
    });
  });

  test("without reasons is followed by its rule, to the children that are in ALARM", async () => {
    utilizationOf("one", natA);
    utilizationOf("the other", natB);
    inAlarm("the other");
    const byRule = event("alarm-composite", ({ detail }) => {
      detail.state.reasonData = "not JSON";
      detail.configuration.alarmRule = 'ALARM(one) OR (ALARM("the other") AND NOT OK(one))';
    });
    expect(await open(byRule)).toMatchObject({
      decision: "open",
      incident: { instanceId: natB, trigger: { child: "the other" } },
    });
  });

  test("with more children than can be looked up still leads to those that are", async () => {
    const names = Array.from({ length: 30 }, (_, n) => `child-${n}`);
    for (const name of names) utilizationOf(name, natA);
    const many = event("alarm-composite", ({ detail }) => {
      detail.state.reasonData = reasonOf(...names);
    });
    expect(await open(many)).toMatchObject({ decision: "open", incident: { instanceId: natA } });
    expect(asked.filter((operation) => operation === "DescribeAlarms")).toHaveLength(1);
  });
});

describe("an alarm over many series", () => {
  const fleet = "nat-medic-fleet-conntrack-utilization";
  const alarm = (...instances: string[]) => {
    store.putMetric({ AlarmName: fleet, Metrics: [] }, new Map());
    store.setContributors(
      fleet,
      instances.map((InstanceId) => ({ id: InstanceId, attributes: { InstanceId }, reason: "r" })),
      () => "below",
    );
  };

  test("leads to one execution for each of its series in ALARM", async () => {
    alarm(natA, natB);
    expect(await open(event("alarm-multi-series"))).toEqual({
      decision: "fan-out",
      instanceIds: [natA, natB],
    });
  });

  test("has its series read to the last page", async () => {
    const many = Array.from({ length: 90 }, (_, n) => `i-${n.toString(16).padStart(17, "0")}`);
    alarm(...many);
    const opening = await open(event("alarm-multi-series"));
    expect(opening.decision === "fan-out" && opening.instanceIds.toSorted()).toEqual(many);
    expect(asked.filter((operation) => operation === "DescribeAlarmContributors").length).toBeGreaterThan(1);
  });

  test("and the event of its one series are one: who comes second is ignored", async () => {
    alarm(natA);
    expect(await open(event("alarm-contributor"))).toMatchObject({
      decision: "open",
      incident: { instanceId: natA, trigger: { alarmName: fleet, contributor: true } },
    });
    expect(await open(event("alarm-multi-series"))).toMatchObject({
      decision: "ignore",
      reason: "this event was delivered before",
    });
  });

  test("that is quiet by now, or deleted, is no news", async () => {
    alarm();
    const quiet = {
      decision: "ignore",
      reason: expect.stringContaining("none of its series is in ALARM now"),
    };
    expect(await open(event("alarm-multi-series"))).toMatchObject(quiet);
    store.remove([fleet]);
    expect(await open(event("alarm-multi-series"))).toMatchObject(quiet);
  });
});

test("a group leads to its enrolled instances that run, an interface to the instance that it is attached to", async () => {
  const group = [{ Key: "aws:autoscaling:groupName", Value: "nat-a" }];
  const enrolled = { Key: "nat-medic:enabled", Value: "true" };
  patchWorld(world, {
    instances: {
      [natA]: { Tags: [...group, enrolled] },
      [natB]: { Tags: group },
      "i-0c11e0000000000a1": { Tags: [...group, enrolled], State: { Name: "stopped" } },
    },
  });
  expect(await open(event("alarm-auto-scaling-group"))).toMatchObject({
    decision: "open",
    incident: { instanceId: natA },
  });
  const ofInterface = event("alarm-network-interface", ({ detail }) => {
    detail.configuration.metrics[0].metricStat.metric.dimensions = { eni: natInterfaceA };
  });
  expect(await open(ofInterface)).toMatchObject({ decision: "join" });

  const wild = event("alarm-auto-scaling-group", ({ detail }) => {
    detail.configuration.metrics[0].metricStat.metric.dimensions = { AutoScalingGroupName: "nat-*" };
  });
  expect(await open(wild)).toMatchObject({
    decision: "ignore",
    reason: expect.stringContaining("no enrolled instance of the Auto Scaling group"),
  });
  const gone = event("alarm-network-interface", ({ detail }) => {
    detail.configuration.metrics[0].metricStat.metric.dimensions = { eni: "eni-00000000000000000" };
  });
  expect(await open(gone)).toMatchObject({
    decision: "refuse",
    reason: expect.stringContaining("is attached to no instance"),
  });
});

describe("a muted alarm", () => {
  const muted = (until: number) =>
    event("alarm-muted", ({ detail }) => {
      const end = new Date(Date.parse(moment) + until * 1000).toISOString();
      detail.muteDetail.muteWindowEnd = end.replace("Z", "+0000");
    });
  const later = (seconds: number) => new Date(Date.parse(moment) + seconds * 1000).toISOString();

  test("waits for the end of the mute, and opens when it still holds then", async () => {
    inAlarm("nat-a-conntrack-utilization");
    expect(await open(muted(3600))).toEqual({
      decision: "wait",
      until: later(3600),
      reason: expect.stringContaining("is muted until"),
    });
    expect(await open(muted(3600), { waited: true, now: later(3600) })).toMatchObject({ decision: "open" });
  });

  test("that cleared meanwhile is forgotten", async () => {
    store.setState("nat-a-conntrack-utilization", { value: "OK", reason: "r", reasonData: undefined });
    expect(await open(muted(3600), { waited: true, now: later(3601) })).toMatchObject({
      decision: "ignore",
      reason: expect.stringContaining("cleared in the meantime"),
    });
  });

  test("for days is not waited for, and says who looks instead", async () => {
    expect(await open(muted(86_401))).toMatchObject({
      decision: "ignore",
      reason: expect.stringContaining("the daily check still looks at it"),
    });
  });

  test("of an instance without the tag is not waited for", async () => {
    patchWorld(world, { instances: { [natA]: { Tags: [] } } });
    expect(await open(muted(3600))).toMatchObject({
      decision: "ignore",
      reason: expect.stringContaining("lacks the tag"),
    });
  });

  test("that clears withdraws a question all the same", async () => {
    inAlarm("nat-a-conntrack-utilization");
    const opened = await open(event("alarm-conntrack-utilization"));
    expect(opened.decision).toBe("open");
    const cleared = event("alarm-cleared", (read) => {
      read.detail.muteDetail = { muteWindowEnd: "2099-01-01T00:00:00.000+0000" };
    });
    expect(await open(cleared)).toMatchObject({ reason: expect.stringContaining("cleared") });
    const { readIncident } = await import("../../aws/incident-store.ts");
    const id = opened.decision === "open" ? opened.incident.id : "";
    expect((await readIncident(table, id))?.triggers).toMatchObject([{ clearedAt: moment }]);
  });
});

describe("a composite alarm whose actions are suppressed", () => {
  const suppressed = (by: string) =>
    event("alarm-composite-suppressed", ({ detail }) => {
      detail.state.actionsSuppressedBy = by;
    });
  const afterWait = () => new Date(Date.parse(moment) + 120_000).toISOString();
  beforeEach(() => {
    utilizationOf("nat-a-conntrack-utilization", natA);
    inAlarm("nat-a-conntrack-utilization");
    composite("nat-medic-nat-a", "ALARM(nat-a-conntrack-utilization)");
  });

  test("waits as long as its suppressor has to speak, then opens", async () => {
    expect(await open(suppressed("WaitPeriod"))).toMatchObject({ decision: "wait", until: afterWait() });
    expect(await open(suppressed("WaitPeriod"), { waited: true, now: afterWait() })).toMatchObject({
      decision: "open",
    });
  });

  test("by its suppressor is left alone, from the start or once that has spoken", async () => {
    expect(await open(suppressed("Alarm"))).toMatchObject({
      decision: "ignore",
      reason: expect.stringContaining("are suppressed (Alarm)"),
    });
    const known = store.find("nat-medic-nat-a");
    if (known?.kind === "composite") known.alarm.ActionsSuppressedBy = "Alarm";
    expect(await open(suppressed("WaitPeriod"), { waited: true, now: afterWait() })).toMatchObject({
      decision: "ignore",
      reason: expect.stringContaining("CloudWatch tells when that ends"),
    });
  });
});

test("a series that cleared while its instance cooled down is not opened for the others that did not", async () => {
  const fleet = "nat-medic-fleet-conntrack-utilization";
  store.putMetric({ AlarmName: fleet, Metrics: [] }, new Map());
  const only = (InstanceId: string) =>
    store.setContributors(
      fleet,
      [{ id: InstanceId, attributes: { InstanceId }, reason: "r" }],
      () => "below",
    );
  inAlarm(fleet);
  only(natB);
  expect(await open(event("alarm-contributor"), { waited: true })).toMatchObject({
    decision: "ignore",
    reason: `the alarm ${fleet} cleared for ${natA} in the meantime`,
  });
  only(natA);
  const again = event("alarm-contributor", ({ detail }) => {
    detail.state.timestamp = moment.replace(".000Z", ".001+0000");
  });
  expect(await open(again, { waited: true })).toMatchObject({ decision: "open" });
});

test("a start of several is handed on as it was asked for", async () => {
  expect(await open(event("start-tagged-by-hand"))).toEqual({
    decision: "fleet",
    selection: { tag: { key: "team", value: "network" } },
    mode: null,
    probe: false,
    complaint: true,
  });
});

test("an AWS that is asked too often is an error that the state machine tries again, never a decision", async () => {
  failing = "DescribeAlarms";
  await expect(open(event("alarm-composite"))).rejects.toMatchObject({ name: "AwsUnavailable" });
}, 60_000);
