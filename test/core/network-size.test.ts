import { expect, test } from "vitest";
import type { Network, Route } from "../../core/evidence/network.ts";
import { fitNetwork } from "../../core/evidence/network-size.ts";

const own = [{ id: "eni-nat", subnetId: "subnet-public" }];
const route = (destination: string, target: Route["target"], targetId: string): Route => ({
  destination,
  target,
  targetId,
  instanceId: null,
  blackhole: false,
});
const entry = {
  number: 100,
  egress: true,
  action: "allow" as const,
  protocol: 6,
  cidr: "10.0.0.0/8",
  ports: [1024, 65_535] as [number, number],
  icmp: null,
};

/** Subnets that another NAT serves come first, as if EC2 had listed them so. */
function vpc({
  others,
  routes = 0,
  entries = 1,
}: {
  others: number;
  routes?: number;
  entries?: number;
}): Network {
  const names = [...Array.from({ length: others }, (_, n) => `other-${n}`), "private", "public"];
  const more = Array.from({ length: routes }, (_, n) =>
    route(`172.16.${n}.0/24`, "transit-gateway", "tgw-1"),
  );
  const away: Record<string, Route> = {
    private: route("0.0.0.0/0", "network-interface", "eni-nat"),
    public: route("0.0.0.0/0", "internet-gateway", "igw-1"),
  };
  return {
    vpcId: "vpc-1",
    cidrs: ["10.0.0.0/8"],
    subnets: names.map((name) => ({
      id: `subnet-${name}`,
      cidr: "10.0.0.0/24",
      availabilityZone: "a",
      aclId: `acl-${name}`,
      routeTableId: `rtb-${name}`,
    })),
    acls: names.map((name) => ({ id: `acl-${name}`, entries: Array.from({ length: entries }, () => entry) })),
    routeTables: names.map((name) => ({
      id: `rtb-${name}`,
      routes: [...more, away[name] ?? route("0.0.0.0/0", "nat-gateway", "nat-1")],
    })),
    securityGroupRules: [],
    gatewayEndpoints: [],
  };
}

test("a small VPC stays as it is, its own part first", () => {
  const network = vpc({ others: 2 });
  const fitted = fitNetwork(network, own);
  expect(fitted.leftOut).toEqual([]);
  expect(fitted.network?.subnets.map(({ id }) => id)).toEqual([
    "subnet-private",
    "subnet-public",
    "subnet-other-0",
    "subnet-other-1",
  ]);
  expect(fitted.network?.acls).toEqual(network.acls);
  expect(fitted.network?.routeTables).toEqual(network.routeTables);
});

test("of more than 100 subnets those that use the instance stay, and people are told", () => {
  const fitted = fitNetwork(vpc({ others: 150 }), own);
  expect(fitted.network?.subnets).toHaveLength(100);
  expect(fitted.network?.subnets.slice(0, 2).map(({ id }) => id)).toEqual([
    "subnet-private",
    "subnet-public",
  ]);
  expect(fitted.network?.acls).toHaveLength(100);
  expect(fitted.leftOut).toEqual(["the VPC: 52 of 152 subnets were left out"]);
});

test("ACLs and route tables of no subnet are of no interest", () => {
  const network = vpc({ others: 0 });
  const unused = {
    ...network,
    acls: [...network.acls, { id: "acl-unused", entries: [] }],
    routeTables: [...network.routeTables, { id: "rtb-unused", routes: [] }],
  };
  expect(fitNetwork(unused, own)).toEqual(fitNetwork(network, own));
});

test("many routes go before any subnet does; default routes and those to instances stay", () => {
  const fitted = fitNetwork(vpc({ others: 50, routes: 50 }), own);
  expect(fitted.leftOut).toEqual([]);
  expect(fitted.network?.subnets).toHaveLength(52);
  const routes = fitted.network?.routeTables.flatMap((table) => table.routes) ?? [];
  expect(routes).toHaveLength(52);
  expect(routes.every(({ destination }) => destination === "0.0.0.0/0")).toBe(true);
});

test("when ACLs are too many, those of others go, as few as possible", () => {
  const fitted = fitNetwork(vpc({ others: 90, entries: 40 }), own);
  const kept = fitted.network?.subnets ?? [];
  expect(kept.slice(0, 2).map(({ id }) => id)).toEqual(["subnet-private", "subnet-public"]);
  expect(fitted.network?.acls).toHaveLength(kept.length);
  expect(fitted.leftOut).toEqual([`the VPC: ${92 - kept.length} of 92 subnets were left out`]);
  expect(JSON.stringify(fitted.network).length).toBeLessThanOrEqual(110_000);
  expect(JSON.stringify(fitted.network).length).toBeGreaterThan(100_000);
});

test("what is too large even alone is not read at all, which is said", () => {
  const fitted = fitNetwork(vpc({ others: 0, entries: 2000 }), own);
  expect(fitted).toEqual({ network: null, leftOut: ["the VPC: its description is too large"] });
});
