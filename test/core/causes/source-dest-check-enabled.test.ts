import { describe, expect, test } from "vitest";
import { sourceDestCheckEnabled as cause } from "../../../core/causes/source-dest-check-enabled.ts";
import type { NetworkInterface } from "../../../core/evidence/cloud.ts";
import type { Evidence } from "../../../core/evidence.ts";
import { disableSourceDestCheck } from "../../../core/fixes/disable-source-dest-check.ts";
import { captured, evidenceOf } from "../captured.ts";
import {
  evidenceIn,
  healthyInstance,
  healthyNetwork,
  natInterfaceA,
  privateRoutesA,
  privateSubnetA,
  toNatA,
  withRoutes,
} from "../vpc.ts";

const [own] = healthyInstance.interfaces as [NetworkInterface];
const on = { ...own, sourceDestCheck: true };
const inner = {
  ...own,
  id: "eni-0a1b2c3d4e5f60002",
  deviceIndex: 1,
  subnetId: privateSubnetA,
  publicAddress: null,
};
const withInterfaces = (interfaces: NetworkInterface[], network = healthyNetwork): Evidence =>
  evidenceIn(network, { instance: { ...healthyInstance, interfaces } });
const throughInner = withRoutes(healthyNetwork, privateRoutesA, [{ ...toNatA, targetId: inner.id }]);

describe("present", () => {
  test("when the interface that routes lead to has its check on", () => {
    expect(cause.judge(withInterfaces([on]))).toMatchObject({
      verdict: "present",
      confidence: 0.99,
      severity: "critical",
    });
  });

  test("when the inner of two interfaces has its check on", () => {
    expect(
      cause.judge(withInterfaces([own, { ...inner, sourceDestCheck: true }], throughInner)).verdict,
    ).toBe("present");
  });

  test("although the host could not be read", () => {
    const evidence: Evidence = {
      ...withInterfaces([on]),
      host: { status: "unread", reason: "unreachable", detail: "no agent answered" },
    };
    expect(cause.judge(evidence).verdict).toBe("present");
  });

  test("by the instance's own attribute when its interfaces are not told", () => {
    const instance = { ...healthyInstance, interfaces: [], sourceDestCheck: true };
    expect(cause.judge(evidenceIn(null, { instance })).verdict).toBe("present");
  });
});

describe("absent", () => {
  test("when it is off", () => {
    expect(cause.judge(withInterfaces([own])).verdict).toBe("absent");
  });

  test("when only an interface has it on that faces the internet, or that nothing leads to", () => {
    expect(
      cause.judge(withInterfaces([on, { ...inner, sourceDestCheck: false }], throughInner)).verdict,
    ).toBe("absent");
    expect(cause.judge(withInterfaces([own, { ...inner, sourceDestCheck: true }])).verdict).toBe("absent");
  });
});

describe("unknown", () => {
  test("without AWS, and it was not asked", () => {
    expect(cause.judge(evidenceOf(captured("healthy")))).toMatchObject({ verdict: "unknown", asked: false });
  });

  test("when the instance could not be read", () => {
    const judgement = cause.judge(
      evidenceIn(null, { instance: null, unread: ["DescribeInstances: timed out"] }),
    );
    expect(judgement).toMatchObject({ verdict: "unknown", missing: expect.stringContaining("timed out") });
    expect(judgement).not.toHaveProperty("asked");
  });

  test("when it is on on one of two and no route tells which one forwards", () => {
    const network = withRoutes(healthyNetwork, privateRoutesA, []);
    expect(cause.judge(withInterfaces([own, { ...inner, sourceDestCheck: true }], network)).verdict).toBe(
      "unknown",
    );
  });
});

describe("the proposal", () => {
  test("turns the check off on the interface that forwards, and back on", () => {
    expect(disableSourceDestCheck.prepare(withInterfaces([on]))).toMatchObject({
      commands: [
        `aws ec2 modify-network-interface-attribute --network-interface-id ${natInterfaceA} --no-source-dest-check`,
      ],
      undo: [
        `aws ec2 modify-network-interface-attribute --network-interface-id ${natInterfaceA} --source-dest-check`,
      ],
    });
  });

  test("there is none where it is off", () => {
    expect(disableSourceDestCheck.prepare(withInterfaces([own]))).toHaveProperty("impossible");
  });
});
