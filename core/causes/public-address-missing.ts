import { awsNotAsked, type Cause, type Judgement, type Observation } from "../cause.ts";
import { defaultRouteOf, hasOtherWaysOut, natPath, unreadNetwork } from "../evidence/nat-path.ts";

/**
 * An internet gateway translates an instance's private address to its public one, and drops what has none.
 * Settled by the interface without a public address while its subnet's default route is an internet gateway. A NAT whose
 * way out is another (a firewall, a transit gateway, another NAT) needs none.
 * Looks alike: a missing route to the gateway, which is `route-missing` and can be so as well.
 */
export const publicAddressMissing: Cause = {
  id: "public-address-missing",
  title: "The NAT instance has no public address",
  symptom: "Neither the NAT nor anything behind it reaches the internet.",
  fixes: ["attach-public-address"],

  judge({ cloud, host }): Judgement {
    if (!cloud.asked) return awsNotAsked;
    const path = natPath(cloud);
    if (path === null) return { verdict: "unknown", missing: unreadNetwork(cloud) };
    const { network, outside, outsideSubnet } = path;
    const address = outside.publicAddress ?? cloud.instance?.publicAddress ?? null;
    const seen: Observation = {
      signal: `public address of ${outside.id}`,
      observed: address ?? "none",
      expected: "one, as its subnet's way out is an internet gateway",
    };
    if (address !== null) return { verdict: "absent", evidence: [seen] };
    if (outsideSubnet === null) {
      return { verdict: "unknown", missing: `the subnet ${outside.subnetId} could not be read` };
    }
    const way = defaultRouteOf(network, outsideSubnet);
    if (way !== undefined && way.target !== "internet-gateway" && !way.blackhole) {
      const other = { ...seen, expected: `none needed: the way out is ${way.targetId}` };
      return { verdict: "absent", evidence: [other] };
    }
    if (way === undefined && hasOtherWaysOut(network, outsideSubnet)) {
      const other = {
        ...seen,
        expected: `none needed: ${outsideSubnet.id} has routes to particular networks only`,
      };
      return { verdict: "absent", evidence: [other] };
    }
    const evidence = [seen];
    if (way === undefined || way.blackhole) {
      evidence.push({
        signal: `default route of ${outsideSubnet.id}`,
        observed: way === undefined ? "none" : "a blackhole",
        expected: "an internet gateway; it is missing too, and both are needed",
      });
    }
    // A public address may belong to a further private one, which EC2's answer for the first does not tell.
    const further = outside.privateAddresses.slice(1);
    const rules = host.status === "read" ? (host.evidence.rules?.nat ?? []) : [];
    if (rules.some(({ addresses }) => addresses !== null && further.includes(addresses[0]))) {
      const what = `the NAT's rule uses ${further.join(", ")}, whose public address was not read`;
      return { verdict: "unknown", missing: what };
    }
    if (further.length > 0) {
      evidence.push({
        signal: `further private addresses of ${outside.id}`,
        observed: `${further.join(", ")}: their public addresses were not read`,
        expected: "MASQUERADE uses the first address only",
      });
    }
    const sure = way !== undefined && !way.blackhole && further.length === 0;
    return { verdict: "present", confidence: sure ? 0.99 : 0.9, severity: "critical", evidence };
  },

  verify: null,
};
