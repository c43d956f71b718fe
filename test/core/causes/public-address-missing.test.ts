import { describe, expect, test } from "vitest";
import { publicAddressMissing as cause } from "../../../core/causes/public-address-missing.ts";
import type { Network, Route } from "../../../core/evidence/network.ts";
import { attachPublicAddress } from "../../../core/fixes/attach-public-address.ts";
import { captured, evidenceOf } from "../captured.ts";
import {
  evidenceIn,
  healthyInstance,
  healthyNetwork,
  local,
  natInterfaceA,
  publicRoutes,
  route,
  toGateway,
  withRoutes,
} from "../vpc.ts";

const [own] = healthyInstance.interfaces;
const withoutAddress = (network: Network = healthyNetwork, privateAddresses = ["10.60.100.10"]) =>
  evidenceIn(network, {
    instance: {
      ...healthyInstance,
      publicAddress: null,
      interfaces: [{ ...own!, publicAddress: null, privateAddresses }],
    },
  });
const wayOut = (...routes: Route[]) => withRoutes(healthyNetwork, publicRoutes, [local, ...routes]);

describe("present", () => {
  test("when the way out is an internet gateway", () => {
    expect(cause.judge(withoutAddress())).toMatchObject({ confidence: 0.99, severity: "critical" });
  });

  test("when the route to the gateway is missing too, which it says", () => {
    const judgement = cause.judge(withoutAddress(wayOut()));
    expect(judgement).toMatchObject({ verdict: "present", confidence: 0.9 });
    expect(JSON.stringify(judgement)).toContain("both are needed");
  });

  test("with less certainty when further private addresses may have one", () => {
    expect(cause.judge(withoutAddress(healthyNetwork, ["10.60.100.10", "10.60.100.11"]))).toMatchObject({
      confidence: 0.9,
    });
  });
});

describe("absent", () => {
  test("when there is one", () => {
    expect(cause.judge(evidenceIn(healthyNetwork)).verdict).toBe("absent");
  });

  test.each([
    ["a firewall's endpoint", route("0.0.0.0/0", { target: "vpc-endpoint", targetId: "vpce-1" })],
    ["a transit gateway", route("0.0.0.0/0", { target: "transit-gateway", targetId: "tgw-1" })],
    ["a NAT gateway", route("0.0.0.0/0", { target: "nat-gateway", targetId: "nat-1" })],
    ["another instance", route("0.0.0.0/0", { target: "network-interface", targetId: "eni-0123456789" })],
    ["particular networks only", route("172.16.0.0/12", { target: "transit-gateway", targetId: "tgw-1" })],
  ])("when the way out is %s", (_, way) => {
    expect(cause.judge(withoutAddress(wayOut(way))).verdict).toBe("absent");
  });
});

describe("unknown", () => {
  test("without AWS, and it was not asked", () => {
    expect(cause.judge(evidenceOf(captured("healthy")))).toMatchObject({ verdict: "unknown", asked: false });
  });

  test("when the VPC or the NAT's subnet could not be read", () => {
    expect(cause.judge(evidenceIn(null))).toMatchObject({ verdict: "unknown", missing: expect.any(String) });
    expect(cause.judge(withoutAddress({ ...healthyNetwork, subnets: [] })).verdict).toBe("unknown");
  });
});

test("a gateway endpoint is no way out to the internet", () => {
  const s3 = route("pl-6ea54007", { target: "vpc-endpoint", targetId: "vpce-1" });
  expect(cause.judge(withoutAddress(wayOut(s3))).verdict).toBe("present");
  expect(cause.judge(withoutAddress(wayOut(s3, toGateway))).verdict).toBe("present");
});

describe("the proposal", () => {
  test("associates a new Elastic IP with the first private address, and takes it off again", () => {
    const prepared = attachPublicAddress.prepare(withoutAddress());
    if ("impossible" in prepared) throw new Error(prepared.impossible);
    expect(prepared.commands.at(-1)).toBe(
      `aws ec2 associate-address --allocation-id "$allocation" --network-interface-id ${natInterfaceA} --private-ip-address 10.60.100.10`,
    );
    expect(prepared.undo.at(-1)).toBe('aws ec2 release-address --allocation-id "$allocation"');
  });

  test("there is none where an address is", () => {
    expect(attachPublicAddress.prepare(evidenceIn(healthyNetwork))).toHaveProperty("impossible");
  });
});
