/** The functions that ask private hosts and run active tests, against the embedded AWS: what fails spoils nothing else. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { HostEvidence } from "../../core/evidence/host.ts";
import { buildDocument } from "../../host/documents.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { ec2 } from "../../local/endpoint/ec2.ts";
import { ssm } from "../../local/endpoint/ssm.ts";
import { type Endpoint, type Fault, startEndpoint } from "../../local/endpoint/wire.ts";
import type { HostAnswer, NatHost } from "../../local/host.ts";
import { healthyWorld, natA } from "../../local/world.ts";
import { captured, evidenceOf } from "../core/captured.ts";

const client = "i-0c11e0000000000a1";
const windowsClient = "i-0c11e0000000000a2";
const healthy = captured("healthy");
const names = [
  "CollectSourceEvidence",
  "CollectWindowsSourceEvidence",
  "ProbeTimestamps",
  "CaptureFragments",
];
const documents = Object.fromEntries(
  names.map((name) => [`NatMedic-${name}`, buildDocument(`NatMedic-${name}`)]),
);
const world = healthyWorld();

let endpoint: Endpoint;
let fault: Fault;
/** What was run, and where. */
let ran: string[];
let prints: Record<string, string>;
const host = (where: string): NatHost => ({
  description: where,
  run: async ({ document, parameters }): Promise<HostAnswer> => {
    ran.push([where, document, ...Object.values(parameters)].join(" "));
    return { kind: "exited", exitCode: 0, stdout: prints[document] ?? "", stderr: "", seconds: 1 };
  },
  stop: async () => {},
});

beforeAll(async () => {
  endpoint = await startEndpoint({
    services: [
      ec2(world),
      ssm({
        documents,
        instances: {
          [natA]: { host: host("nat") },
          [client]: { host: host("client") },
          [windowsClient]: { host: host("windows"), platform: "Windows" },
        },
      }),
    ],
    fault: (...call) => fault(...call),
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
});
beforeEach(() => {
  fault = () => undefined;
  ran = [];
  prints = {};
});
afterAll(() => endpoint.close());

const incident = {
  id: "inc-20261120-askhosts",
  instanceId: natA,
  mode: "propose",
  modeReason: "the stack's mode",
  trigger: { kind: "manual", at: "2026-11-20T03:12:44Z" },
  openedAt: "2026-11-20T03:12:44Z",
  automaticChangesLeft: 3,
};
const space = (address: string, entries: number) => ({
  protocol: "tcp",
  natAddress: "10.61.0.1",
  address,
  port: 443,
  entries,
});
const outside = {
  name: "ens5",
  mtu: 9001,
  defaultRoute: true,
  driver: null,
  driverVersion: null,
  rxRing: null,
};
const nat = (sources: [string, number][], unanswered = 0): HostEvidence => ({
  ...healthy,
  interfaces: [outside],
  conntrack: { ...healthy.conntrack, count: 20_000 },
  table: {
    ...(healthy.table as NonNullable<HostEvidence["table"]>),
    entries: 20_000,
    complete: true,
    sources,
    destinations: [space("203.0.113.7", 9_000)],
    unansweredDestinations: [space("203.0.113.7", unanswered)],
  },
});

type Handler = { handler: (event: never, context: never) => Promise<unknown> };
async function invoke(name: string, evidence: HostEvidence, probe = false): Promise<unknown> {
  const { handler }: Handler =
    name === "run-probes"
      ? await import("../../functions/run-probes/handler.ts")
      : await import("../../functions/collect-source-evidence/handler.ts");
  const event = { incident: { ...incident, probe }, evidence: evidenceOf(evidence) };
  return handler(event as never, { functionName: name, awsRequestId: "1" } as never);
}

const source = {
  schema: "nat-medic/source-evidence/1",
  platform: "linux",
  takenAt: 1_795_267_446,
  portRange: [50_000, 59_999],
  reservedPorts: 0,
  reserved: "",
  listeners: [],
  timeWaitReuse: 2,
  timestamps: 1,
  established: 10_000,
  timeWait: 0,
  destinations: [{ address: "10.61.0.10", port: 8080, established: 10_000, timeWait: 0 }],
  unread: [],
};

test("nobody is called while no destination is crowded", async () => {
  expect(await invoke("collect-source-evidence", healthy)).toEqual([]);
  expect(ran).toEqual([]);
});

test("the heavy sources are asked by the instances that they are, and who is none says so", async () => {
  prints["NatMedic-CollectSourceEvidence"] = JSON.stringify(source);
  const readings = await invoke(
    "collect-source-evidence",
    nat([
      ["10.60.0.11", 9_500],
      ["192.0.2.77", 8_000],
      ["10.60.0.12", 500],
    ]),
  );
  expect(readings).toEqual([
    {
      address: "10.60.0.11",
      entries: 9_500,
      instanceId: client,
      reading: { status: "read", evidence: source },
    },
    {
      address: "192.0.2.77",
      entries: 8_000,
      instanceId: null,
      reading: { status: "unread", detail: "no instance of this account and Region has the address" },
    },
  ]);
  expect(ran).toEqual(["client NatMedic-CollectSourceEvidence"]);
});

test("a host with Windows gets the document for Windows", async () => {
  const instance = world.instances[windowsClient];
  if (instance === undefined) throw new Error("the world has no such client");
  instance.Platform = "Windows";
  await invoke("collect-source-evidence", nat([["10.60.0.12", 9_500]]));
  expect(ran).toEqual(["windows NatMedic-CollectWindowsSourceEvidence"]);
});

test.each([
  ["a host without an agent", "10.60.0.13", () => undefined, /SSM knows no running agent/],
  ["a host that prints something else", "10.60.0.11", () => undefined, /printed nothing/],
  [
    "an account that may not send",
    "10.60.0.11",
    refusing("SendCommand"),
    /Run Command: AccessDeniedException/,
  ],
  ["one that may not describe", "10.60.0.11", refusing("DescribeInstances"), /DescribeInstances: /],
] as const)("%s is an unread reading and no error", async (_what, address, broken, detail) => {
  fault = broken;
  expect(await invoke("collect-source-evidence", nat([[address, 9_500]]))).toMatchObject([
    { address, reading: { status: "unread", detail: expect.stringMatching(detail) } },
  ]);
});

function refusing(refused: string): Fault {
  return (_, operation) =>
    operation === refused ? new AwsError("AccessDeniedException", "no", { status: 403 }) : undefined;
}

test("no active test runs unless a person asked for it", async () => {
  expect(await invoke("run-probes", nat([], 4_000))).toEqual({
    timestamps: null,
    fragments: null,
    unread: [],
  });
  expect(ran).toEqual([]);
});

test("both tests run on the NAT, and one that fails leaves the other", async () => {
  const fragments = {
    schema: "nat-medic/fragment-capture/1",
    status: "done",
    reason: "",
    seconds: 20,
    fragments: 0,
    tcp: 0,
    limited: false,
    senders: [],
  };
  prints["NatMedic-CaptureFragments"] = JSON.stringify(fragments);
  expect(await invoke("run-probes", nat([], 4_000), true)).toEqual({
    timestamps: null,
    fragments,
    unread: ["the test of timestamps: the script printed nothing"],
  });
  expect(ran).toEqual([
    "nat NatMedic-ProbeTimestamps 203.0.113.7 443",
    "nat NatMedic-CaptureFragments ens5 20",
  ]);
});
