/** The function against the embedded EC2 and CloudWatch, by the real SDK. Time is virtual: only waits make it pass. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type AlarmStore, alarmStore } from "../../local/alarms/alarm-store.ts";
import { evaluateAlarm } from "../../local/alarms/evaluate.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { cloudwatch } from "../../local/endpoint/cloudwatch.ts";
import { ec2 } from "../../local/endpoint/ec2.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";
import { type Endpoint, type Fault, startEndpoint } from "../../local/endpoint/wire.ts";
import { alarmSettings } from "../../local/stack.ts";
import { addNat, healthyWorld, natA, natB, type World } from "../../local/world.ts";

/** Milliseconds since the epoch. It never goes back, as the pace of calls is kept from one test to the next. */
let clock = Date.parse("2026-11-21T12:00:00Z");
const goOn = (seconds: number) => {
  clock += seconds * 1000;
};
/** The pace of calls, and the wait for the stack's rules to be gone. All else waits for the network, in real time. */
const isOurs = (milliseconds = 0) => milliseconds < 1000 || milliseconds === 20_000;

function virtualTime(): void {
  const RealDate = globalThis.Date;
  const realTimeout = globalThis.setTimeout;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [clock] : given, newTarget),
    get: (target, key) => (key === "now" ? () => clock : Reflect.get(target, key)),
  });
  globalThis.setTimeout = new Proxy(realTimeout, {
    apply: (target, self, [run, milliseconds, ...given]) => {
      if (!isOurs(milliseconds)) return Reflect.apply(target, self, [run, milliseconds, ...given]);
      goOn((milliseconds ?? 0) / 1000);
      return setImmediate(run, ...given);
    },
  });
}

const world: World = healthyWorld();
const series: MetricSeries[] = [];
let store: AlarmStore;
let fault: Fault;
let endpoint: Endpoint;
let alarms: AlarmStore;

beforeAll(async () => {
  virtualTime();
  const delegate =
    (name: keyof AlarmStore) =>
    (...given: never[]) =>
      (alarms[name] as (...given: never[]) => unknown)(...given);
  store = Object.fromEntries(
    ["list", "find", "parentsOf", "putMetric", "putComposite", "remove", "setState", "setContributors"].map(
      (name) => [name, delegate(name as keyof AlarmStore)],
    ),
  ) as unknown as AlarmStore;
  endpoint = await startEndpoint({
    services: [ec2(world), cloudwatch({ series, store, now: Date.now })],
    fault: (...call) => fault(...call),
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
});
afterAll(() => endpoint.close());
beforeEach(() => {
  goOn(86_400);
  Object.assign(process.env, alarmSettings);
  Object.assign(world, healthyWorld());
  series.length = 0;
  alarms = alarmStore({ place: { account: "123456789012", region: "eu-central-1" }, now: Date.now });
  fault = () => undefined;
});
afterEach(() => vi.restoreAllMocks());

const run = async (event: unknown) => {
  const { handler } = await import("../../functions/keep-alarms/handler.ts");
  const context = { functionName: "keep-alarms", awsRequestId: "1" };
  return await handler(event as never, context as never);
};
const about = (id: string) => run({ source: "aws.ec2", detail: { "instance-id": id } });
const sweep = () => run({ source: "aws.events" });
const names = () =>
  alarms
    .list()
    .map(({ name }) => name)
    .sort();
const silent = (id: string) => `nat-medic-silent-${id}`;
const missingOf = (id: string) => {
  const found = alarms.find(silent(id));
  return found?.kind === "metric" ? found.alarm.TreatMissingData : undefined;
};
const setInstance = (id: string, state: "pending" | "running" | "stopped" | "terminated") => {
  const instance = world.instances[id];
  if (instance !== undefined) instance.State = { Name: state };
};
const untag = (id: string) => {
  const instance = world.instances[id];
  if (instance !== undefined) instance.Tags = [];
};
const asked = (operation: string) =>
  endpoint.requests().filter((each) => each.operation === operation).length;

test("an instance that starts gets its alarm, and loses it when it stops, with our tag on it", async () => {
  setInstance(natA, "pending");
  expect(await about(natA)).toEqual({ put: 1, removed: 0, foreign: 0, left: 0 });
  expect(names()).toEqual([silent(natA)]);
  expect(Object.fromEntries(alarms.find(silent(natA))?.tags ?? [])).toEqual({
    "nat-medic:stack": "nat-medic",
  });
  setInstance(natA, "stopped");
  expect(await about(natA)).toMatchObject({ removed: 1 });
  expect(names()).toEqual([]);
});

test("an event that comes late, twice or in the wrong order changes nothing: EC2 is asked for the present state", async () => {
  await about(natA);
  const before = asked("PutMetricAlarm");
  await run({ source: "aws.ec2", detail: { "instance-id": natA, state: "terminated" } });
  await about(natA);
  expect(names()).toEqual([silent(natA)]);
  expect(asked("PutMetricAlarm")).toBe(before);
  setInstance(natA, "terminated");
  await run({ source: "aws.ec2", detail: { "instance-id": natA, state: "running" } });
  await about("i-0123456789abcdef9");
  expect(names()).toEqual([]);
});

test("an instance that changes while its alarm is written is looked at again", async () => {
  let first = true;
  fault = (_, operation) => {
    if (operation === "PutMetricAlarm" && first) {
      first = false;
      setInstance(natA, "stopped");
    }
    return undefined;
  };
  expect(await about(natA)).toMatchObject({ put: 1, removed: 1 });
  expect(names()).toEqual([]);
});

test("without the tag there is no alarm, and without it any more neither", async () => {
  const tagged = (id: string) =>
    run({ source: "aws.tag", resources: [`arn:aws:ec2:eu-central-1:123456789012:instance/${id}`] });
  await tagged(natA);
  expect(names()).toEqual([silent(natA)]);
  untag(natA);
  await tagged(natA);
  expect(names()).toEqual([]);
});

test("silence is an alarm from the first data on, and at the latest a quarter of an hour after the enrolment", async () => {
  await sweep();
  expect([missingOf(natA), missingOf(natB)]).toEqual(["missing", "missing"]);
  alarms.setState(silent(natA), { value: "OK", reason: "data" });
  await run({ source: "aws.cloudwatch", detail: { alarmName: silent(natA) } });
  expect([missingOf(natA), missingOf(natB)]).toEqual(["breaching", "missing"]);
  goOn(3600);
  await sweep();
  expect(missingOf(natB)).toBe("breaching");
  expect(alarms.find(silent(natA))?.alarm.StateValue).toBe("OK");
});

test("the sweep makes what is missing, mends what was changed, removes what has no instance, and then does nothing", async () => {
  await sweep();
  const bent = alarms.find(silent(natA));
  if (bent?.kind !== "metric") throw new Error("no alarm");
  alarms.putMetric({ ...bent.alarm, Threshold: 7 }, bent.tags);
  const gone = "i-0123456789abcdef9";
  alarms.putMetric({ ...bent.alarm, AlarmName: silent(gone) }, bent.tags);
  alarms.remove([silent(natB)]);
  expect(await sweep()).toEqual({ put: 2, removed: 1, foreign: 0, left: 0 });
  expect(names()).toEqual([silent(natA), silent(natB)]);
  const before = endpoint.requests().length;
  expect(await sweep()).toEqual({ put: 0, removed: 0, foreign: 0, left: 0 });
  const operations = endpoint
    .requests()
    .slice(before)
    .map(({ operation }) => operation);
  expect(new Set(operations)).toEqual(new Set(["DescribeInstances", "DescribeAlarms"]));
});

test("nobody else's alarm is touched: neither one with our name, nor one of another stack", async () => {
  const theirs = { AlarmName: silent(natA), Threshold: 3, Namespace: "Theirs", MetricName: "m" };
  alarms.putMetric(theirs, new Map([["owner", "them"]]));
  const ofStack = silent(natB).replace("nat-medic-", "nat-medic-dev-");
  alarms.putMetric({ ...theirs, AlarmName: ofStack }, new Map([["nat-medic:stack", "nat-medic-dev"]]));
  alarms.putMetric({ ...theirs, AlarmName: silent("i-0123456789abcdef9") }, new Map());
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  expect(await sweep()).toEqual({ put: 1, removed: 0, foreign: 2, left: 0 });
  expect(alarms.find(silent(natA))?.alarm).toMatchObject(theirs);
  expect(names()).toContain(ofStack);
  expect(names()).toContain(silent("i-0123456789abcdef9"));
  const measured = written.mock.calls
    .map(([line]) => String(line))
    .find((line) => line.includes("AlarmNotOurs"));
  expect(JSON.parse(measured ?? "{}")).toMatchObject({ AlarmNotOurs: 2 });
});

test("everything that can be asked for is made, composite last, and goes again, composite first", async () => {
  Object.assign(process.env, {
    NAT_MEDIC_HIGH_RESOLUTION_ALARMS: "yes",
    NAT_MEDIC_AGENT_ALARMS: "yes",
    NAT_MEDIC_COMPOSITE_ALARMS: "yes",
    NAT_MEDIC_PAGING_TOPIC_ARN: "arn:aws:sns:eu-central-1:123456789012:pager",
  });
  for (const [iface, id] of [
    ["ens5", natA],
    ["eth0", natB],
  ] as const) {
    for (const metricName of ["ethtool_pps_allowance_exceeded", "ethtool_queue_0_tx_cnt"]) {
      const dimensions = { InstanceId: id, interface: iface, driver: "ena" };
      const points = [{ at: new Date(Date.now() - 60_000), value: 1 }];
      series.push({ namespace: "CWAgent", metricName, dimensions, points });
    }
  }
  expect(await sweep()).toMatchObject({ put: 8 });
  expect(await sweep()).toMatchObject({ put: 0, removed: 0 });
  expect(await about(natA)).toMatchObject({ put: 0, removed: 0 });
  const any = alarms.find(`nat-medic-any-${natA}`);
  expect(any?.kind).toBe("composite");
  expect(any?.kind === "composite" && any.alarm.AlarmRule).toContain(`ALARM("nat-medic-ena1-${natA}")`);
  const ena = alarms.find(`nat-medic-ena1-${natA}`);
  expect(ena?.kind === "metric" && ena.alarm.Metrics).toHaveLength(2);
  process.env.NAT_MEDIC_AGENT_ALARMS = "no";
  expect(await about(natA)).toMatchObject({ put: 1, removed: 1 });
  process.env.NAT_MEDIC_AGENT_ALARMS = "yes";
  expect(await about(natA)).toMatchObject({ put: 2, removed: 0 });
  setInstance(natA, "terminated");
  expect(await about(natA)).toMatchObject({ removed: 4 });
  expect(names().every((name) => name.endsWith(natB))).toBe(true);
});

test("the alarms that it makes say what they are meant to, as CloudWatch evaluates them", async () => {
  Object.assign(process.env, { NAT_MEDIC_AGENT_ALARMS: "yes", NAT_MEDIC_COMPOSITE_ALARMS: "yes" });
  // Counters since the boot: high, and as they were.
  publish("ethtool_pps_allowance_exceeded", Array(20).fill(90_000), { interface: "ens5", driver: "ena" });
  await about(natA);
  const learning = stateOf("silent");
  goOn(3600);
  await about(natA);
  const silent = stateOf("silent");
  publish("ConntrackUtilization", Array(20).fill(12));
  publish("NatForwarding", Array(20).fill(1));
  expect([learning, silent, stateOf("silent")]).toEqual(["INSUFFICIENT_DATA", "ALARM", "OK"]);

  expect([stateOf("failing"), stateOf("ena1")]).toEqual(["OK", "OK"]);
  publish("ConntrackUtilization", [12, 12, 81, 81, 12]);
  expect(stateOf("failing")).toBe("ALARM");
  publish("ConntrackUtilization", [12, 12, 12, 81, 12]);
  expect(stateOf("failing")).toBe("OK");
  publish("ConntrackDrops", [0, 0, 0, 11, 10]);
  expect(stateOf("failing")).toBe("ALARM");
  publish("ConntrackDrops", []);
  publish("NatForwarding", [1, 1, 1, 0, 0]);
  expect(stateOf("failing")).toBe("ALARM");
  const growing = [90_000, 90_000, 90_000, 90_030, 90_060, 90_090];
  publish("ethtool_pps_allowance_exceeded", growing, { interface: "ens5", driver: "ena" });
  expect(stateOf("ena1")).toBe("ALARM");
  // A restart: the counter begins anew.
  publish("ethtool_pps_allowance_exceeded", [90_000, 90_000, 0, 0, 0, 0], {
    interface: "ens5",
    driver: "ena",
  });
  expect(stateOf("ena1")).toBe("OK");
});

/** One value a minute until now, in place of what there was. */
function publish(metricName: string, values: number[], others: Record<string, string> = {}): void {
  const namespace = metricName.startsWith("ethtool_") ? "CWAgent" : "NatMedic";
  const kept = series.filter((each) => each.metricName !== metricName);
  const points = values.map((value, n) => ({
    at: new Date((Math.floor(clock / 60_000) - values.length + n) * 60_000 + 1000),
    value,
  }));
  series.splice(0, series.length, ...kept, {
    namespace,
    metricName,
    dimensions: { InstanceId: natA, ...others },
    points,
  });
}
function stateOf(what: string): string {
  const found = alarms.find(`nat-medic-${what}-${natA}`);
  if (found?.kind !== "metric") throw new Error(`no metric alarm ${what}`);
  const verdict = evaluateAlarm(found.alarm, series, clock);
  return verdict.state;
}

test("an alarm that cannot be written stops no other, and whoever watches the function is told", async () => {
  fault = (_, operation, input) =>
    operation === "PutMetricAlarm" && JSON.stringify(input).includes(natA)
      ? new AwsError("ValidationException", "no such thing", { code: "ValidationError" })
      : undefined;
  await expect(sweep()).rejects.toThrow("alarms could not be kept: ");
  expect(names()).toEqual([silent(natB)]);
});

test("with 1,600 new instances a sweep stays within its time, and the next one ends the work", async () => {
  for (let n = 0; n < 1600; n += 1) {
    const id = `i-0fee7${String(n).padStart(12, "0")}`;
    addNat(world, {
      id,
      address: `10.61.${n >> 8}.${n & 255}`,
      publicAddress: `198.18.${n >> 8}.${n & 255}`,
    });
  }
  const puts = asked("PutMetricAlarm");
  const began = Date.now();
  let runs = 0;
  for (let left = 1; left > 0 && runs < 10; runs += 1) {
    const since = Date.now();
    left = (await sweep())?.left ?? 0;
    expect((Date.now() - since) / 1000).toBeLessThan(900);
  }
  expect(runs).toBe(2);
  expect(names()).toHaveLength(1602);
  // Each once, and never faster than two a second.
  expect(asked("PutMetricAlarm") - puts).toBe(1602);
  expect((Date.now() - began) / 1000).toBeGreaterThan(1602 / 2);
});

test("with the stack go all of its alarms, and CloudFormation is told; what is somebody else's stays", async () => {
  await sweep();
  alarms.putMetric({ AlarmName: silent("i-0123456789abcdef9") }, new Map());
  const cloudformation = await listen();
  const request = {
    ResponseURL: cloudformation.url,
    StackId: "arn:aws:cloudformation:eu-central-1:123456789012:stack/nat-medic/1",
    RequestId: "r1",
    LogicalResourceId: "InstanceAlarms",
  };
  await run({ ...request, RequestType: "Create" });
  expect(names()).toHaveLength(3);
  await run({ ...request, RequestType: "Delete", PhysicalResourceId: "nat-medic-instance-alarms" });
  expect(names()).toEqual([silent("i-0123456789abcdef9")]);
  expect(cloudformation.answers).toMatchObject([
    { Status: "SUCCESS", PhysicalResourceId: "nat-medic-instance-alarms", RequestId: "r1" },
    {
      Status: "SUCCESS",
      PhysicalResourceId: "nat-medic-instance-alarms",
      LogicalResourceId: "InstanceAlarms",
    },
  ]);
  fault = (_, operation) =>
    operation === "DescribeAlarms" ? new AwsError("AccessDenied", "no", { status: 403 }) : undefined;
  await expect(run({ ...request, RequestType: "Delete" })).rejects.toThrow();
  expect(cloudformation.answers.at(-1)).toMatchObject({ Status: "FAILED", Reason: "no" });
  cloudformation.server.close();
});

async function listen(): Promise<{ url: string; answers: unknown[]; server: Server }> {
  const answers: unknown[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    answers.push({ ...JSON.parse(Buffer.concat(parts).toString()), type: request.headers["content-type"] });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer`, answers, server };
}
