/** Every file of `events/`: what becomes of it, with what AWS would say. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Answers, noAnswers, type Watched } from "../../../core/triage/questions.ts";
import { type Triage, triage } from "../../../core/triage.ts";

const natA = "i-0a1b2c3d4e5f67890";
const natB = "i-0b1b2c3d4e5f67890";
const now = "2026-11-20T03:12:50.000Z";
const home = { account: "123456789012", region: "eu-central-1" };
const event = (file: string) => JSON.parse(readFileSync(`events/${file}.json`, "utf8"));
const on = (InstanceId: string, name = "ConntrackUtilization"): Watched => ({
  metrics: [{ metric: { namespace: "NatMedic", name, dimensions: { InstanceId } }, silent: false }],
  expressions: [],
  composite: null,
});
const answers: Answers = {
  alarms: new Map([["nat-a-conntrack-utilization", { state: "ALARM", watched: on(natA) }]]),
  contributors: new Map([
    ["nat-medic-fleet-conntrack-utilization", [{ InstanceId: natA }, { InstanceId: natB }]],
  ]),
  groups: new Map([["nat-a", [natA]]]),
  interfaces: new Map([["eni-0a1b2c3d4e5f67890", natA]]),
};
const nobody = { alarms: [], contributors: [], groups: [], interfaces: [] };

type Expected = {
  /** What is asked first, if anything. */
  asks?: object;
  becomes: object;
};
const alarmOf = (
  alarmName: string,
  metric: object,
  more: object = {},
  { instanceIds = [natA], ...rest }: { instanceIds?: string[]; quiet?: object; place?: object } = {},
): Expected => ({
  becomes: {
    decision: "open",
    instanceIds,
    trigger: { kind: "alarm", alarmName, metric, ...more },
    quiet: null,
    place: null,
    ...rest,
  },
});
const utilization = { namespace: "NatMedic", name: "ConntrackUtilization", dimensions: { InstanceId: natA } };
const fleetAlarm = "nat-medic-fleet-conntrack-utilization";
const cleared = (alarmName: string) => ({
  becomes: { decision: "ignore", tell: false, cleared: { alarmName, instanceIds: [natA] } },
});
const ignored = { becomes: { decision: "ignore", tell: false } };
const fleet = (selection: object, more: object = {}): Expected => ({
  becomes: { decision: "fleet", selection, mode: null, probe: false, complaint: false, ...more },
});

const expected: Record<string, Expected> = {
  "alarm-conntrack-utilization": alarmOf("nat-a-conntrack-utilization", utilization),
  "alarm-cleared": cleared("nat-a-conntrack-utilization"),
  "alarm-ena-conntrack-exceeded": alarmOf("nat-a-ena-conntrack-exceeded", { namespace: "CWAgent" }),
  "alarm-anomaly": alarmOf("nat-a-cpu-anomaly", { name: "CPUUtilization" }),
  "alarm-composite": {
    asks: { alarms: ["nat-a-conntrack-utilization"] },
    ...alarmOf("nat-medic-nat-a", utilization, { child: "nat-a-conntrack-utilization" }),
  },
  "alarm-composite-suppressed": {
    asks: { alarms: ["nat-a-conntrack-utilization"] },
    ...alarmOf("nat-medic-nat-a", utilization, {}, { quiet: { until: "2026-11-20T03:14:44.394Z" } }),
  },
  "alarm-contributor": alarmOf(fleetAlarm, utilization, { contributor: true }),
  "alarm-contributor-cleared": cleared(fleetAlarm),
  "alarm-multi-series": {
    asks: { contributors: [fleetAlarm] },
    ...alarmOf(fleetAlarm, utilization, { contributor: true }, { instanceIds: [natA, natB] }),
  },
  "alarm-muted": alarmOf(
    "nat-a-conntrack-utilization",
    utilization,
    {},
    { quiet: { until: "2026-11-20T06:00:00.000Z" } },
  ),
  "alarm-no-data": ignored,
  "alarm-configuration-change": ignored,
  "alarm-auto-scaling-group": {
    asks: { groups: ["nat-a"] },
    ...alarmOf("nat-group-network-out", { dimensions: { AutoScalingGroupName: "nat-a" } }),
  },
  "alarm-network-interface": {
    asks: { interfaces: ["eni-0a1b2c3d4e5f67890"] },
    ...alarmOf("nat-a-interface-refused", { name: "InterfaceRefused" }),
  },
  "alarm-fck-nat": alarmOf("fck-nat-conntrack-exceeded", { namespace: "fck-nat" }),
  "alarm-alternat": alarmOf("alternat-packets-dropped", { namespace: "alterNAT" }),
  "alarm-status-check": alarmOf("nat-a-status-check", { namespace: "AWS/EC2", name: "StatusCheckFailed" }),
  "alarm-other-region": alarmOf(
    "nat-b-conntrack-utilization",
    utilization,
    {},
    { place: { account: "210987654321", region: "eu-west-1" } },
  ),
  "alarm-pipeline": ignored,
  "alarm-action": alarmOf("nat-a-conntrack-utilization", utilization),
  "alarm-action-composite": {
    asks: { alarms: ["nat-a-conntrack-utilization"] },
    ...alarmOf("nat-medic-nat-a", utilization, { child: "nat-a-conntrack-utilization" }),
  },
  "start-by-hand": { becomes: { decision: "open", instanceIds: [natA], trigger: { kind: "manual" } } },
  "start-several-by-hand": fleet({ instanceIds: [natA, natB] }, { mode: "propose" }),
  "start-tagged-by-hand": fleet({ tag: { key: "team", value: "network" } }, { complaint: true }),
  "start-fleet-by-hand": fleet({ all: true }, { mode: "propose" }),
  "undo-by-hand": { becomes: { decision: "undo", incidentId: "inc-20261120t031244z-e5f67890-6d590caf2329" } },
};

test("every event has a row in its table of origins, and here", () => {
  const files = readdirSync("events").flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []);
  const rows = [...readFileSync("events/README.md", "utf8").matchAll(/^\| `([\w-]+)\.json` \|/gm)];
  expect(rows.map(([, file]) => file).sort()).toEqual(files.sort());
  expect(Object.keys(expected).sort()).toEqual(files.sort());
});

test.each(Object.entries(expected))("%s", (file, { asks, becomes }) => {
  const first = triage(event(file), { now, home, answers: noAnswers });
  if (asks !== undefined) {
    expect(first).toMatchObject({ decision: "look-up", questions: { ...nobody, ...asks } });
  }
  const whole: Triage = triage(event(file), { now, home, answers });
  expect(whole).toMatchObject(becomes);
  expect(whole.reason).toMatch(/^[^<>`*[\]@\p{Cc}]+$/u);
});

test("each instance of an alarm over many needs nothing looked up again", () => {
  const one = triage({ instanceId: natB, event: event("alarm-multi-series") }, { now, home });
  expect(one).toMatchObject({
    decision: "open",
    instanceIds: [natB],
    trigger: { alarmName: fleetAlarm, metric: { dimensions: { InstanceId: natB } }, contributor: true },
  });
  for (const file of ["alarm-auto-scaling-group", "alarm-network-interface"]) {
    expect(triage({ instanceId: natB, event: event(file) }, { now, home })).toMatchObject({
      decision: "open",
      instanceIds: [natB],
    });
  }
});

test("an alarm on how often something is published says that nothing is", () => {
  const silent = event("alarm-conntrack-utilization");
  silent.detail.configuration.metrics[0].metricStat.stat = "SampleCount";
  expect(triage(silent, { now, home })).toMatchObject({ decision: "open", trigger: { silent: true } });
  const loud = triage(event("alarm-conntrack-utilization"), { now, home });
  expect(loud.decision === "open" && "silent" in loud.trigger).toBe(false);
});

test("the alarm as a whole and the event of its one series are the same event", () => {
  const keyOf = (input: unknown) => {
    const triaged = triage(input, { now, home, answers });
    return triaged.decision === "open" ? triaged.eventKey : undefined;
  };
  const ofSeries = keyOf(event("alarm-contributor"));
  expect(ofSeries).toContain(fleetAlarm);
  expect(keyOf({ instanceId: natA, event: event("alarm-multi-series") })).toBe(ofSeries);
});

test("the same alarm in another place is another event", () => {
  const elsewhere = { ...event("alarm-conntrack-utilization"), region: "eu-west-1" };
  const [here, there] = [event("alarm-conntrack-utilization"), elsewhere].map((each) =>
    triage(each, { now, home }),
  );
  expect(there).toMatchObject({ place: { account: home.account, region: "eu-west-1" } });
  expect(there).not.toMatchObject({ eventKey: here?.decision === "open" ? here.eventKey : "" });
});

test("a start by hand may name another place, whole or in part, and only a real one", () => {
  const start = (more: object) => triage({ instanceId: natA, ...more }, { now, home });
  expect(start({ region: "us-east-1" })).toMatchObject({
    place: { account: home.account, region: "us-east-1" },
  });
  expect(start({ account: "210987654321" })).toMatchObject({
    place: { account: "210987654321", region: home.region },
  });
  expect(start({ ...home })).toMatchObject({ decision: "open", place: null });
  expect(start({ account: "me" })).toMatchObject({ decision: "ignore", tell: true });
  expect(start({ region: "somewhere" })).toMatchObject({ decision: "ignore", tell: true });
});

test("a start of several is refused when it is not one of the three, or asks for more", () => {
  for (const input of [
    { instanceIds: [] },
    { instanceIds: ["i-0; rm -rf /"] },
    { tag: "team" },
    { tag: "=network" },
    { fleet: false },
    { fleet: true, tag: "a=b" },
    { fleet: true, command: "reboot" },
  ]) {
    expect(triage(input, { now, home }), JSON.stringify(input)).toMatchObject({
      decision: "ignore",
      reason: expect.stringContaining("a start of several has"),
      tell: true,
    });
  }
  expect(triage({ fleet: true, mode: "yolo" }, { now, home })).toMatchObject({
    reason: "mode is not one of propose, approve, apply",
  });
  expect(triage({ instanceIds: [natA, natA] }, { now, home })).toMatchObject({
    selection: { instanceIds: [natA] },
  });
});
