/** A step through EC2, against the embedded one: what it changes, what it leaves alone, and the way back. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { HostChange } from "../../core/change.ts";
import type { Incident } from "../../core/incident.ts";
import type { PlanStep } from "../../core/plan.ts";
import type { carryOut as CarryOut } from "../../functions/carry-out.ts";
import { ec2 } from "../../local/endpoint/ec2.ts";
import { type Endpoint, startEndpoint } from "../../local/endpoint/wire.ts";
import { healthyWorld, natA, natInterfaceA, type World } from "../../local/world.ts";

let world: World;
let endpoint: Endpoint;
let carryOut: typeof CarryOut;
beforeAll(async () => {
  world = healthyWorld();
  endpoint = await startEndpoint({ services: [ec2(world)] });
  // The clients of aws/ take these when they are made.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
  ({ carryOut } = await import("../../functions/carry-out.ts"));
});
afterAll(() => endpoint.close());

const card = () => world.networkInterfaces[natInterfaceA]!;
beforeEach(() => {
  card().ConnectionTrackingConfiguration = { TcpEstablishedTimeout: 350, UdpStreamTimeout: 120 };
});

const incident: Incident = {
  id: "inc-20261121t105124z-e5f67890-aaaaaaaaaaaa",
  instanceId: natA,
  mode: "apply",
  modeReason: "",
  trigger: { kind: "manual", at: "2026-11-21T10:51:24Z", complaint: false },
  openedAt: "2026-11-21T10:51:24Z",
  automaticChangesLeft: 3,
  probe: false,
  place: null,
};
const planned: PlanStep = {
  fix: "align-eni-timeouts",
  title: "",
  action: "",
  causes: ["eni-timeout-mismatch"],
  risk: "medium",
  decision: "ask",
  decisionReason: "",
  precondition: "",
  effect: "",
  blastRadius: "",
  verifiedBy: "",
  undoing: "",
  settings: [],
  document: null,
  parameters: {},
  cloudChange: {
    kind: "tracking-timeouts",
    networkInterfaceId: natInterfaceA,
    before: { tcpEstablished: 350, udpStream: null, udp: null },
    after: { tcpEstablished: 432_000, udpStream: null, udp: null },
  },
  commands: [],
  undo: [],
};
const doIt = async (action: HostChange["action"], options = {}, step = planned) => {
  const result = await carryOut(action, incident, step, options);
  if (result.status === "untold") throw new Error(result.detail);
  return result.change;
};
const timeouts = () => card().ConnectionTrackingConfiguration;

test("it sets the one timeout, leaves the others, and says so as a host would", async () => {
  expect(await doIt("apply")).toMatchObject({
    status: "changed",
    onRecord: "applied",
    values: [{ setting: `${natInterfaceA}.tcp-established`, before: "350", after: "432000" }],
  });
  expect(timeouts()).toEqual({ TcpEstablishedTimeout: 432_000, UdpStreamTimeout: 120 });
});

test("it lasts without being written anywhere, and an undo puts back what was there, once", async () => {
  await doIt("apply");
  expect(await doIt("persist")).toMatchObject({ status: "unchanged", onRecord: "persisted" });
  expect(await doIt("undo")).toMatchObject({ status: "changed", onRecord: "undone" });
  expect(timeouts()).toEqual({ TcpEstablishedTimeout: 350, UdpStreamTimeout: 120 });
  expect(await doIt("undo")).toMatchObject({ status: "unchanged", onRecord: "undone" });
});

test("it leaves alone what somebody else has set meanwhile, unless the undo is forced", async () => {
  await doIt("apply");
  card().ConnectionTrackingConfiguration = { TcpEstablishedTimeout: 7440 };
  expect(await doIt("undo")).toMatchObject({ status: "refused" });
  expect(await doIt("apply")).toMatchObject({ status: "refused" });
  expect(timeouts()).toEqual({ TcpEstablishedTimeout: 7440 });
  expect(await doIt("undo", { forced: true })).toMatchObject({ status: "changed" });
  expect(timeouts()).toMatchObject({ TcpEstablishedTimeout: 350 });
});

test("looking changes nothing", async () => {
  expect(await doIt("show")).toMatchObject({ onRecord: "none" });
  expect(timeouts()).toMatchObject({ TcpEstablishedTimeout: 350 });
});

test("what EC2 refuses, and an interface that is gone, are refused steps and no failure", async () => {
  const change = planned.cloudChange!;
  const tooShort = { ...planned, cloudChange: { ...change, after: { ...change.after, tcpEstablished: 5 } } };
  expect(await doIt("apply", {}, tooShort)).toMatchObject({
    status: "refused",
    reason: "EC2 refused it: InvalidParameterValue",
  });
  const gone = { ...planned, cloudChange: { ...change, networkInterfaceId: "eni-00000000000000000" } };
  expect(await doIt("apply", {}, gone)).toMatchObject({ status: "refused" });
});
