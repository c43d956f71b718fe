import { describe, expect, test } from "vitest";
import { routeMissing as cause } from "../../../core/causes/route-missing.ts";
import type { Network } from "../../../core/evidence/network.ts";
import type { Evidence } from "../../../core/evidence.ts";
import { repairRoute } from "../../../core/fixes/repair-route.ts";
import { captured, evidenceOf } from "../captured.ts";
import {
  dataSubnetB,
  evidenceIn,
  healthyNetwork,
  local,
  natInterfaceA,
  natInterfaceB,
  privateRoutesA,
  privateRoutesB,
  privateSubnetA,
  publicRoutes,
  route,
  toGateway,
  toNatA,
  toNatB,
  withRoutes,
} from "../vpc.ts";

const judge = (network: Network) => cause.judge(evidenceIn(network));
const commandsOf = (network: Network) => {
  const prepared = repairRoute.prepare(evidenceIn(network));
  if ("impossible" in prepared) throw new Error(prepared.impossible);
  return prepared;
};
const gone = route("0.0.0.0/0", {
  target: "network-interface",
  targetId: "eni-0dead00000000000",
  blackhole: true,
});
const without = withRoutes(healthyNetwork, privateRoutesA, [local]);

describe("a private subnet", () => {
  test("whose clients are in the table and which has no default route has lost it", () => {
    expect(judge(without)).toMatchObject({ verdict: "present", confidence: 0.8, severity: "critical" });
    expect(commandsOf(without)).toMatchObject({
      commands: [
        `aws ec2 create-route --route-table-id ${privateRoutesA} --destination-cidr-block 0.0.0.0/0 --network-interface-id ${natInterfaceA}`,
      ],
      undo: [`aws ec2 delete-route --route-table-id ${privateRoutesA} --destination-cidr-block 0.0.0.0/0`],
    });
  });

  test("without a default route is isolated as long as none of its clients is in the table", () => {
    // data-a and data-b have none.
    expect(judge(healthyNetwork).verdict).toBe("absent");
    expect(repairRoute.prepare(evidenceIn(healthyNetwork))).toHaveProperty("impossible");
  });

  test("is isolated still when a monitor in it talks to the NAT itself: nine entries are no proof, ten are", () => {
    const evidence = (entries: number): Evidence => {
      const base = evidenceIn(healthyNetwork);
      if (base.host.status === "unread" || base.host.evidence.table === null) throw new Error("no table");
      const { evidence: host } = base.host;
      const table = { ...base.host.evidence.table, sources: [["10.60.8.5", entries] as [string, number]] };
      return { ...base, host: { status: "read", evidence: { ...host, table } } };
    };
    expect(cause.judge(evidence(9)).verdict).toBe("absent");
    expect(cause.judge(evidence(10)).verdict).toBe("present");
  });

  test("whose default route is a blackhole to a NAT that was replaced has to be led to this one", () => {
    const network = withRoutes(healthyNetwork, privateRoutesA, [local, gone]);
    expect(judge(network)).toMatchObject({
      confidence: 0.99,
      severity: "critical",
      title: "A private subnet's default route leads to a NAT that is gone",
    });
    const { commands, undo } = commandsOf(network);
    expect(commands[0]).toContain(`replace-route --route-table-id ${privateRoutesA} `);
    expect(commands[0]).toContain(natInterfaceA);
    // EC2 takes no route to an interface that does not exist.
    expect(undo[0]).toContain("delete-route");
  });

  test("of another zone whose NAT is gone is a warning here", () => {
    expect(judge(withRoutes(healthyNetwork, privateRoutesB, [local, gone]))).toMatchObject({
      confidence: 0.8,
      severity: "warning",
    });
  });

  test("whose route leads to this NAT as a blackhole cannot be helped by another route", () => {
    const network = withRoutes(healthyNetwork, privateRoutesA, [local, { ...toNatA, blackhole: true }]);
    expect(judge(network)).toMatchObject({ verdict: "present", confidence: 0.99 });
    expect(repairRoute.prepare(evidenceIn(network))).toEqual({
      impossible: expect.stringContaining("the instance has to run"),
    });
  });

  test("that uses this NAT although its zone has one is a warning, undone to the letter", () => {
    // data-b joins private-a's routes; private-b, in the same zone, has NAT B.
    const network = {
      ...healthyNetwork,
      subnets: healthyNetwork.subnets.map((subnet) =>
        subnet.id === dataSubnetB ? { ...subnet, routeTableId: "rtb-0b1b2c3d4e5f60009" } : subnet,
      ),
      routeTables: [...healthyNetwork.routeTables, { id: "rtb-0b1b2c3d4e5f60009", routes: [local, toNatA] }],
    };
    expect(judge(network)).toMatchObject({ confidence: 0.7, severity: "warning" });
    const { commands, undo } = commandsOf(network);
    expect(commands[0]).toContain(natInterfaceB);
    expect(undo[0]).toContain(`replace-route`);
    expect(undo[0]).toContain(natInterfaceA);
  });

  test("that shares its routes with the NAT's own zone needs a table of its own first", () => {
    const network = {
      ...healthyNetwork,
      subnets: healthyNetwork.subnets.map((subnet) =>
        subnet.id === dataSubnetB ? { ...subnet, routeTableId: privateRoutesA } : subnet,
      ),
    };
    expect(judge(network)).toMatchObject({ confidence: 0.7 });
    expect(repairRoute.prepare(evidenceIn(network))).toEqual({
      impossible: expect.stringContaining("shared with subnets of this zone"),
    });
  });

  test("that uses the only NAT there is, in whatever zone, is somebody's choice", () => {
    expect(judge(withRoutes(healthyNetwork, privateRoutesB, [local, toNatA])).verdict).toBe("absent");
  });

  test.each([
    ["a NAT gateway", route("0.0.0.0/0", { target: "nat-gateway", targetId: "nat-1" })],
    ["a transit gateway", route("0.0.0.0/0", { target: "transit-gateway", targetId: "tgw-1" })],
    ["an internet gateway", toGateway],
    ["the other NAT", toNatB],
    [
      "a transit gateway that is gone",
      route("0.0.0.0/0", { target: "transit-gateway", targetId: "tgw-1", blackhole: true }),
    ],
  ])("that leads to %s is no business of this NAT", (_, way) => {
    expect(judge(withRoutes(healthyNetwork, privateRoutesB, [local, way])).verdict).toBe("absent");
  });

  test("with an egress-only gateway for IPv6 and nothing for IPv4 is isolated in IPv4", () => {
    const v6 = route("::/0", { target: "egress-only-gateway", targetId: "eigw-1" });
    expect(judge(withRoutes(healthyNetwork, privateRoutesB, [local, v6])).verdict).toBe("absent");
  });
});

describe("the NAT's own subnet", () => {
  test("needs a way to the internet", () => {
    const network = withRoutes(healthyNetwork, publicRoutes, [local]);
    expect(judge(network)).toMatchObject({
      confidence: 0.99,
      severity: "critical",
      title: "The NAT's own subnet has no route to the internet",
    });
    expect(repairRoute.prepare(evidenceIn(network))).toEqual({
      impossible: expect.stringContaining("create and attach one first"),
    });
  });

  test("gets it back through a gateway that other routes of the VPC know", () => {
    const network = withRoutes(
      {
        ...healthyNetwork,
        routeTables: [...healthyNetwork.routeTables, { id: "rtb-9", routes: [toGateway] }],
      },
      publicRoutes,
      [local],
    );
    expect(commandsOf(network).commands[0]).toContain("--gateway-id igw-0a1b2c3d4e5f60001");
  });

  test("must not lead back to the NAT", () => {
    const network = withRoutes(healthyNetwork, publicRoutes, [local, toNatA]);
    expect(judge(network)).toMatchObject({ title: "The NAT's own subnet routes to the NAT itself" });
    expect(repairRoute.prepare(evidenceIn(network))).toHaveProperty("impossible");
  });

  test.each([
    ["a firewall's endpoint", route("0.0.0.0/0", { target: "vpc-endpoint", targetId: "vpce-1" })],
    ["particular networks", route("52.94.0.0/16", { target: "internet-gateway", targetId: "igw-1" })],
  ])("may lead to %s", (_, way) => {
    expect(judge(withRoutes(healthyNetwork, publicRoutes, [local, way])).verdict).toBe("absent");
  });
});

test("a table that other subnets share is named before it is changed", () => {
  const network = {
    ...without,
    subnets: without.subnets.map((subnet) =>
      subnet.id === dataSubnetB ? { ...subnet, routeTableId: privateRoutesA } : subnet,
    ),
  };
  expect(commandsOf(network).action).toContain(`Mind: it holds for ${dataSubnetB} as well`);
});

describe("unknown", () => {
  test("without AWS, and it was not asked", () => {
    expect(cause.judge(evidenceOf(captured("healthy")))).toMatchObject({ verdict: "unknown", asked: false });
  });

  test("when the VPC could not be read, or one subnet's routes", () => {
    expect(cause.judge(evidenceIn(null)).verdict).toBe("unknown");
    const routeTables = healthyNetwork.routeTables.filter(({ id }) => id !== privateRoutesA);
    expect(judge({ ...healthyNetwork, routeTables })).toMatchObject({
      verdict: "unknown",
      missing: expect.stringContaining(privateSubnetA),
    });
  });
});
