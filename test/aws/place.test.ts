/** Whose AWS is asked. Each place answers from a world of its own; what is asked at home is not foreign's, and inversely. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { describeInstance, tagsOf } from "../../aws/ec2.ts";
import { actIn, type Elsewhere } from "../../aws/place.ts";
import { pingStatus } from "../../aws/ssm.ts";
import { roleIn } from "../../core/place.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { ec2 } from "../../local/endpoint/ec2.ts";
import type { Service } from "../../local/endpoint/service.ts";
import { ssm } from "../../local/endpoint/ssm.ts";
import { type Endpoint, type Fault, startEndpoint } from "../../local/endpoint/wire.ts";
import { unreachableHost } from "../../local/host.ts";
import { spokeExternalId, spokeRole, spokes } from "../../local/spokes.ts";
import { healthyWorld, natA, type World } from "../../local/world.ts";

const virginia = { account: "222222222222", region: "us-east-1" };
const oregon = { account: "222222222222", region: "us-west-2" };
const stranger = { account: "333333333333", region: "us-east-1" };
const types = { home: "t3.nano", virginia: "t3.micro", oregon: "t3.small" } as const;

let endpoint: Endpoint;
let fault: Fault;
let clock: () => number;
let before = 0;
let run = 0;
const requests = () => endpoint.requests().slice(before);
const assumed = () => requests().filter(({ operation }) => operation === "AssumeRole");

beforeAll(async () => {
  const away = spokes(
    [
      { place: virginia, trusts: true, services: aws("virginia") },
      { place: oregon, trusts: true, services: aws("oregon") },
      { place: stranger, trusts: false, services: [] },
    ],
    () => clock(),
  );
  endpoint = await startEndpoint({
    services: [...aws("home"), away.sts],
    elsewhere: away.servicesFor,
    fault: (...call) => fault(...call),
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "home",
    AWS_SECRET_ACCESS_KEY: "home",
  });
});
beforeEach(() => {
  run += 1;
  before = endpoint.requests().length;
  fault = () => undefined;
  clock = Date.now;
});
afterAll(() => endpoint.close());

/** The same instance everywhere, of another type in each place. */
function aws(where: keyof typeof types): Service[] {
  const world: World = healthyWorld();
  Object.assign(world.instances[natA] ?? {}, { InstanceType: types[where] });
  const instances = { [natA]: { host: unreachableHost, pingStatus: "Online" as const } };
  return [ec2(world), ssm({ documents: {}, instances })];
}

/** A session of its own for each test, so that none finds what another has fetched. */
const to = (place: Elsewhere["place"], { externalId = spokeExternalId } = {}): Elsewhere => ({
  place,
  session: `inc-${run}`,
  role: () => ({ arn: roleIn(place, spokeRole), externalId }),
});
const typeThere = async () => (await describeInstance(natA))?.type;

test("at home the function's own credentials and Region are used, and no role", async () => {
  expect(await typeThere()).toBe(types.home);
  expect(await actIn(null, typeThere)).toBe(types.home);
  expect(requests().map(({ caller }) => caller)).toEqual(
    Array(2).fill({ accessKeyId: "home", region: "eu-central-1" }),
  );
});

test("elsewhere a role is assumed once for all clients, under the session's name, and its Region is asked", async () => {
  await actIn(to(virginia), async () => {
    expect(await typeThere()).toBe(types.virginia);
    expect(await pingStatus(natA)).toBe("Online");
    expect(await tagsOf(natA)).toMatchObject({ "nat-medic:enabled": "true" });
  });
  const [first, ...others] = requests();
  expect(first).toMatchObject({
    operation: "AssumeRole",
    input: {
      RoleArn: "arn:aws:iam::222222222222:role/nat-medic-spoke-local-us-east-1",
      RoleSessionName: `inc-${run}`,
      ExternalId: spokeExternalId,
    },
    caller: { accessKeyId: "home", region: "eu-central-1" },
  });
  expect(others.map(({ operation }) => operation)).toEqual([
    "DescribeInstances",
    "DescribeInstanceInformation",
    "DescribeInstances",
  ]);
  for (const { caller } of others) {
    expect(caller?.region).toBe("us-east-1");
    expect(caller?.accessKeyId).not.toBe("home");
  }
});

test("work in several places at once does not mix, and within one place home can be asked", async () => {
  const slowly = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return typeThere();
  };
  const found = await Promise.all([
    actIn(to(virginia), slowly),
    slowly(),
    actIn(to(oregon), slowly),
    actIn(to(virginia), () => actIn(null, slowly)),
  ]);
  expect(found).toEqual([types.virginia, types.home, types.oregon, types.home]);
  expect(assumed()).toHaveLength(2);
});

test("who asks at once waits for one and the same role", async () => {
  await actIn(to(virginia), () => Promise.all([typeThere(), pingStatus(natA), typeThere()]));
  expect(assumed()).toHaveLength(1);
});

test("credentials are kept for the next work of the same session, and not for another's", async () => {
  await actIn(to(virginia), typeThere);
  await actIn(to(virginia), typeThere);
  expect(assumed()).toHaveLength(1);
  await actIn({ ...to(virginia), session: `other-${run}` }, typeThere);
  expect(assumed()).toHaveLength(2);
});

test("credentials that end within five minutes are fetched anew", async () => {
  clock = () => Date.now() - 56 * 60_000;
  await actIn(to(virginia), typeThere);
  const early = assumed().length;
  clock = Date.now;
  await actIn(to(virginia), typeThere);
  expect(assumed()).toHaveLength(early + 1);
  await actIn(to(virginia), typeThere);
  expect(assumed()).toHaveLength(early + 1);
});

test.each([
  ["no role lets us in", stranger, undefined],
  ["it wants another external ID", virginia, "another"],
])(
  "where %s, the error names the role and what may be missing, and home is not asked instead",
  async (_, place, externalId) => {
    const work = () => actIn(to(place, externalId === undefined ? {} : { externalId }), typeThere);
    await expect(work()).rejects.toThrow(
      new RegExp(
        `^arn:aws:iam::${place.account}:role/\\S+-us-east-1 cannot be assumed: the spoke stack is not deployed`,
      ),
    );
    // It may be deployed by now: a refusal is not kept.
    await expect(work()).rejects.toThrow("cannot be assumed");
    expect(requests().map(({ operation }) => operation)).toEqual(["AssumeRole", "AssumeRole"]);
  },
);

test("what else STS says is passed on by its own name, by which the machine knows what to try again", async () => {
  fault = (service) =>
    service === "sts"
      ? new AwsError("RegionDisabledException", "STS is off there", { status: 403 })
      : undefined;
  await expect(actIn(to(virginia), typeThere)).rejects.toMatchObject({ name: "RegionDisabledException" });
});

test("work that sends nothing needs no role, and no stack that knows of spokes", async () => {
  const role = () => {
    throw new Error("nobody set it");
  };
  expect(await actIn({ place: virginia, session: "nothing", role }, async () => "done")).toBe("done");
  await expect(actIn({ place: virginia, session: "some", role }, typeThere)).rejects.toThrow("nobody set it");
  expect(requests()).toEqual([]);
});

test("more places than are remembered are all asked, each by its own role", async () => {
  for (let n = 0; n < 12; n += 1) {
    const place = n % 2 === 0 ? virginia : oregon;
    expect(await actIn({ ...to(place), session: `many-${n}` }, typeThere)).toBe(
      n % 2 === 0 ? types.virginia : types.oregon,
    );
  }
  expect(assumed()).toHaveLength(12);
});
