/**
 * NAT instances of other accounts and Regions: their alarms take the way through both templates, and the hub works where
 * the instance is. What was asked where is known by whose credentials each request carried, and for which Region.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { root, spokeFile } from "../../build/layout.ts";
import type { Place } from "../../core/place.ts";
import type { Publication } from "../../local/endpoint/sns.ts";
import { eventBus } from "../../local/event-bus/event-bus.ts";
import { templateRules } from "../../local/event-bus/template-rules.ts";
import { decideOnPage, pageLink } from "../../local/page-visitor.ts";
import { readScenario } from "../../local/scenario.ts";
import {
  account,
  type LocalStack,
  type LocalStackOptions,
  region,
  startLocalStack,
} from "../../local/stack.ts";
import { recordedStage, stackOn } from "../../local/stage.ts";
import { fastClock, realClock } from "../../local/states/clock.ts";
import { healthyWorld, natA, natB, patchWorld } from "../../local/world.ts";

const virginia: Place = { account: "222222222222", region: "us-east-1" };
const busArn = `arn:aws:events:${region}:${account}:event-bus/nat-medic-spokes`;

let stack: LocalStack;
let published: Publication[];
afterEach(() => stack.stop());

/** The hub, at whose home the same instance ID is another's, and one spoke in the scenario's trouble. */
const start = async (
  scenario: string,
  {
    place = virginia,
    trusts = true,
    ...options
  }: Partial<LocalStackOptions> & { place?: Place; trusts?: boolean } = {},
): Promise<void> => {
  published = [];
  const there = stackOn(recordedStage(readScenario(scenario)), [natA]);
  patchWorld(there.world, { instances: { [natB]: null } });
  stack = await startLocalStack({
    ...stackOn(recordedStage(readScenario("healthy")), [natA]),
    spokes: [{ place, trusts, ...there }],
    mode: "apply",
    approvalSeconds: 600,
    clock: fastClock(),
    pace: 10,
    onPublish: (publication) => {
      published.push(publication);
    },
    ...options,
  });
};

/** A documented event, of an alarm of that place. */
const alarmThere = (file: string, { account: owner, region: where }: Place = virginia): object =>
  JSON.parse(
    readFileSync(join(root, "events", `${file}.json`), "utf8")
      .replaceAll(account, owner)
      .replaceAll(region, where),
  );

/** From the spoke's default bus by its template's rule to the hub's bus, and from there by the hub's rule to the machine. */
const forward = (event: object, place: Place = virginia): { taken: string[]; started: unknown[] } => {
  const started: unknown[] = [];
  const stackName = "nat-medic";
  const hub = eventBus({
    rules: templateRules({
      file: join(root, "template.yaml"),
      stackName,
      place: { account, region },
      parameters: { SpokeAccounts: virginia.account },
    }),
    deliver: async (target, given) => {
      if (target === "RemediateStateMachine") started.push(given);
    },
    clock: realClock,
  });
  const spoke = eventBus({
    rules: templateRules({
      file: spokeFile(),
      stackName,
      place,
      parameters: { HubAccountId: account, HubRegion: region },
    }),
    deliver: async (target, given) => {
      if (target === busArn) hub.put(given, "SpokeBus");
    },
    clock: realClock,
  });
  return { taken: spoke.put(event), started };
};

/** Requests about instances: who made them, home or not. */
const aboutInstances = () =>
  stack.requests().filter(({ service }) => ["ec2", "ssm", "monitoring"].includes(service));
const isHome = ({ caller }: ReturnType<LocalStack["requests"]>[number]) =>
  caller === undefined || caller.accessKeyId.startsWith("LOCAL");

function expectAllThere({ region: where }: Place): void {
  expect(aboutInstances().length).toBeGreaterThan(0);
  expect(aboutInstances().filter(isHome)).toEqual([]);
  expect(new Set(aboutInstances().map(({ caller }) => caller?.region))).toEqual(new Set([where]));
  const central = stack
    .requests()
    .filter(({ service }) => ["dynamodb", "sns", "states", "sts"].includes(service));
  expect(central.filter((request) => !isHome(request))).toEqual([]);
}

test("an alarm of another account is forwarded to the hub, which fixes the host there and asks nothing at home", async () => {
  await start("conntrack-table-full");
  const { taken, started } = forward(alarmThere("alarm-contributor"));
  expect(taken).toEqual(["ForwardAlarm"]);
  await expect.poll(() => started).toHaveLength(1);

  const execution = stack.start(started[0]);
  expect(await execution.finished).toMatchObject({ status: "SUCCEEDED", output: { outcome: "fixed" } });
  const record = await stack.incidentOf(execution.arn);
  expect(record).toMatchObject({
    incident: { instanceId: natA, place: virginia },
    closing: { outcome: "fixed" },
  });
  expectAllThere(virginia);
  const sent = aboutInstances().filter(({ operation }) => operation === "SendCommand");
  expect(sent.map(({ input }) => (input as { DocumentName: string }).DocumentName)).toEqual(
    expect.arrayContaining(["NatMedic-CollectHostEvidence", "NatMedic-RaiseConntrackMax"]),
  );
  // One session per incident, which CloudTrail there shows by its name.
  const sessions = stack.requests().filter(({ operation }) => operation === "AssumeRole");
  const names = sessions.map(({ input }) => (input as { RoleSessionName: string }).RoleSessionName);
  expect(new Set(names)).toEqual(new Set(["nat-medic", record?.incident.id]));
  const mail = published.at(-2);
  expect(mail?.subject).toContain(`${natA} (222222222222 us-east-1)`);
});

/** Somebody approves on the page, as soon as they are asked; the clock waits for them. */
const approved = (): Partial<LocalStackOptions> => {
  const clock = fastClock();
  return {
    clock,
    onPublish: (publication) => {
      published.push(publication);
      const link = pageLink.exec(publication.message)?.[0];
      const isNew =
        published.filter(({ message }) => link !== undefined && message.includes(link)).length === 1;
      if (link !== undefined && isNew) void clock.working(decideOnPage(link, "approve", "go ahead"));
    },
  };
};

test("a question, its answer on the page, the change and an undo weeks later all belong to the same place", async () => {
  await start("conntrack-table-full", { mode: "approve", ...approved() });
  const execution = stack.start(alarmThere("alarm-contributor"));
  expect(await execution.finished).toMatchObject({ status: "SUCCEEDED", output: { outcome: "fixed" } });
  expect(published[0]?.subject).toContain(`asks about ${natA} (222222222222 us-east-1)`);
  const { incident } = (await stack.incidentOf(execution.arn))!;
  const before = stack.requests().length;
  await stack.start({ undo: incident.id }).finished;
  const undone = stack
    .requests()
    .slice(before)
    .filter(({ operation }) => operation === "SendCommand");
  expect(undone[0]?.input).toMatchObject({ Parameters: { Action: ["undo"] } });
  expectAllThere(virginia);
});

test("a change through EC2 is made there too", async () => {
  await start("eni-timeout-mismatch", approved());
  const execution = stack.start({ instanceId: natA, mode: "apply", ...virginia });
  expect(await execution.finished).toMatchObject({ status: "SUCCEEDED", output: { outcome: "fixed" } });
  const changed = stack.requests().filter(({ operation }) => operation === "ModifyNetworkInterfaceAttribute");
  expect(changed).toHaveLength(1);
  expectAllThere(virginia);
});

test("another Region of the hub's own account is a place like any other", async () => {
  const ireland = { account, region: "eu-west-1" };
  await start("healthy", { place: ireland });
  const execution = stack.start(alarmThere("alarm-contributor", ireland));
  expect(await execution.finished).toMatchObject({
    status: "SUCCEEDED",
    output: { outcome: "healthy" },
  });
  expectAllThere(ireland);
  const [assumed] = stack.requests().filter(({ operation }) => operation === "AssumeRole");
  expect(assumed?.input).toMatchObject({ RoleArn: expect.stringContaining(`${account}:role/`) });
});

test("where no role lets the hub in, a person is told which role, and nothing is asked at home instead", async () => {
  await start("conntrack-table-full", { trusts: false });
  const execution = stack.start(alarmThere("alarm-contributor"));
  expect(await execution.finished).toMatchObject({ status: "FAILED", error: "ReportedFailure" });
  expect(aboutInstances()).toEqual([]);
  const [mail] = published;
  expect(mail?.message.replace(/\s+/g, " ")).toMatch(
    /arn:aws:iam::222222222222:role\/\S+us-east-1 cannot be assumed: the spoke stack is not deployed there/,
  );
});

test("when an execution dies with a change half made, its undo goes where the change was", async () => {
  await start("conntrack-table-full", {
    onEvent: ({ type, state }, name) => {
      if (type === "StateEntered" && state === "VerifyFix" && name === "dies") dies.stop();
    },
  });
  const dies = stack.start(alarmThere("alarm-contributor"), "dies");
  expect(await dies.finished).toMatchObject({ status: "ABORTED" });
  await stack.settled();
  const [, undo] = stack.executions();
  expect(await undo?.finished).toMatchObject({ status: "SUCCEEDED" });
  const last = aboutInstances().findLast(({ operation }) => operation === "SendCommand");
  expect(last?.input).toMatchObject({ Parameters: { Action: ["undo"] } });
  expectAllThere(virginia);
});

test("a run over many finds instances in each place, and works on each where it is", async () => {
  const world = healthyWorld();
  patchWorld(world, { instances: { [natA]: null } });
  await start("healthy", {
    world,
    instances: { [natB]: { host: recordedStage(readScenario("healthy")).host } },
  });
  const fleet = stack.startFleet({
    selection: { all: true, places: [null, virginia] },
    purpose: "diagnose",
    mode: "propose",
    probe: false,
    complaint: false,
  });
  expect(await fleet.finished).toMatchObject({ status: "SUCCEEDED" });
  await Promise.all(stack.executions().map(({ finished }) => finished));
  const incidents = (await stack.incidents()).map(({ incident: { instanceId, place } }) => ({
    instanceId,
    place,
  }));
  expect(incidents).toHaveLength(2);
  expect(incidents).toEqual(
    expect.arrayContaining([
      { instanceId: natB, place: null },
      { instanceId: natA, place: virginia },
    ]),
  );
  const sent = aboutInstances().filter(({ operation }) => operation === "SendCommand");
  for (const request of sent) {
    const [instanceId] = (request.input as { InstanceIds: string[] }).InstanceIds;
    if (instanceId === natA) expect(isHome(request)).toBe(false);
  }
});

test.each([
  ["alarm-conntrack-utilization", true],
  ["alarm-cleared", true],
  ["alarm-no-data", false],
  ["alarm-pipeline", false],
  ["alarm-configuration-change", false],
])("of %s a spoke tells the hub: %s", (file, tells) => {
  expect(forward(alarmThere(file)).taken).toEqual(tells ? ["ForwardAlarm"] : []);
});
