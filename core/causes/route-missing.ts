import { awsNotAsked, type Cause, type Judgement, type Observation } from "../cause.ts";
import { defaultRouteOf, natPath, unreadNetwork } from "../evidence/nat-path.ts";
import type { Evidence } from "../evidence.ts";
import { type RouteFault, routeFaults } from "../route-faults.ts";

/**
 * A subnet's default route is gone, leads to an interface that is gone, or leads to another zone's NAT; or the NAT's own
 * subnet has no way to the internet. Settled by the route tables.
 * Looks alike: an isolated subnet, which has no default route on purpose. It is one unless the NAT's table holds entries
 * of its clients.
 */
export const routeMissing: Cause = {
  id: "route-missing",
  title: "A private subnet has no working route to the NAT",
  symptom: "Everything in some subnets fails while the others work.",
  fixes: ["repair-route"],

  judge(evidence): Judgement {
    if (!evidence.cloud.asked) return awsNotAsked;
    const found = routeFaults(evidence);
    if (found === null) return { verdict: "unknown", missing: unreadNetwork(evidence.cloud) };
    const [worst] = [...found.faults].sort((a, b) => rank(a) - rank(b) || b.confidence - a.confidence);
    if (worst !== undefined) {
      const { confidence, severity } = worst;
      return {
        verdict: "present",
        confidence,
        severity,
        evidence: found.faults.slice(0, mostTold).map(observe),
        title: titles[worst.kind],
        advice: adviceOn(worst),
      };
    }
    if (found.unknown.length > 0) {
      return {
        verdict: "unknown",
        missing: `the route table of ${found.unknown.join(", ")} could not be read`,
      };
    }
    return { verdict: "absent", evidence: working(evidence) };
  },

  verify: null,
};

const mostTold = 10;

const rank = ({ severity }: RouteFault) => (severity === "critical" ? 0 : 1);

const titles: Record<RouteFault["kind"], string> = {
  "no-way-out": "The NAT's own subnet has no route to the internet",
  loop: "The NAT's own subnet routes to the NAT itself",
  blackhole: "A private subnet's default route leads to a NAT that is gone",
  "default-missing": "A private subnet has lost its default route",
  "other-zone": "A private subnet uses the NAT of another zone",
};

const observe = ({ subnet, observed, expected }: RouteFault): Observation => ({
  signal: `default route of ${subnet.id} (${subnet.cidr}, ${subnet.routeTableId ?? "no route table"})`,
  observed,
  expected,
});

function adviceOn({ kind, target }: RouteFault): string[] {
  switch (kind) {
    case "no-way-out":
      return target === null
        ? ["No route of this VPC leads to an internet gateway: create one, attach it, and route to it."]
        : [];
    case "loop":
      return ["The NAT's subnet needs a route table of its own: it cannot share one with its clients."];
    case "blackhole":
      return target === null
        ? ["The route leads to this NAT, and EC2 calls it a blackhole: the instance does not run."]
        : [
            "Routes to a network interface end with it: whatever replaces a NAT has to take the interface over or change the routes.",
          ];
    case "default-missing":
      return [
        "Where the subnet is meant to be isolated, nothing is wrong: its old entries will leave the table.",
      ];
    case "other-zone":
      return [
        "Traffic between zones costs money both ways, and the subnet goes down with the other zone.",
        "During a failover this is as it should be.",
      ];
    default:
      return kind satisfies never;
  }
}

function working({ cloud }: Evidence): Observation[] {
  const path = natPath(cloud);
  if (path === null) return [];
  const { network, outsideSubnet, clients } = path;
  const own = outsideSubnet === null ? undefined : defaultRouteOf(network, outsideSubnet);
  const ids = [...new Set(clients.map(({ subnet }) => subnet.id))];
  return [
    {
      signal: "subnets whose routes lead to this NAT",
      observed: ids.length === 0 ? "none" : ids.join(", "),
      expected: "those of its clients",
    },
    {
      signal: "the NAT's own way out",
      observed: own?.targetId ?? "particular routes",
      expected: "a gateway",
    },
  ];
}
