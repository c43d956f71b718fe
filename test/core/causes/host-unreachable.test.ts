import { describe, expect, test } from "vitest";
import { hostUnreachable } from "../../../core/causes/host-unreachable.ts";
import { diagnose } from "../../../core/diagnosis.ts";
import type { Evidence, UnreadReason } from "../../../core/evidence.ts";
import { byHand, captured, cloudOf, evidenceOf } from "../captured.ts";

const running = { type: "t3.micro", state: "running", sourceDestCheck: false };
const well = { system: "ok", instance: "ok" };
const silent = (cloud: object, reason: UnreadReason = "unreachable"): Evidence => ({
  ...evidenceOf(captured("healthy")),
  host: { status: "unread", reason, detail: "no agent took the command (Undeliverable)" },
  cloud: cloudOf(cloud),
});
const judge = (cloud: object, reason?: UnreadReason) => hostUnreachable.judge(silent(cloud, reason));

describe("host-unreachable", () => {
  test("is absent when the host was read, whatever AWS says", () => {
    const cloud = cloudOf({ instance: { ...running, state: "stopped" }, agent: { ping: "ConnectionLost" } });
    expect(hostUnreachable.judge({ ...evidenceOf(captured("healthy")), cloud }).verdict).toBe("absent");
  });
  test.each([
    ["stopped", 0.99],
    ["stopping", 0.99],
    ["terminated", 0.99],
    ["pending", 0.99],
  ])("says that the instance is %s", (state, confidence) => {
    expect(judge({ instance: { ...running, state }, statusChecks: null })).toMatchObject({
      verdict: "present",
      title: `The NAT instance is ${state}`,
      severity: "critical",
      confidence,
    });
  });
  test("tells impaired hardware from an instance that fails its own check", () => {
    const checks = (system: string, instance: string) =>
      judge({ instance: running, statusChecks: { system, instance }, agent: { ping: "ConnectionLost" } });
    expect(checks("impaired", "impaired")).toMatchObject({ confidence: 0.97, severity: "critical" });
    expect(checks("ok", "impaired")).toMatchObject({
      confidence: 0.95,
      severity: "critical",
      title: "The NAT instance fails its own status check",
    });
  });
  test("is only a warning, with what it may be, when all is well but the agent", () => {
    const judged = judge({ instance: running, statusChecks: well, agent: { ping: "ConnectionLost" } });
    expect(judged).toMatchObject({ verdict: "present", confidence: 0.6, severity: "warning" });
    expect(JSON.stringify(judged)).toContain(
      "A full connection tracking table stops new connections of the agent",
    );
  });
  test("is the same when the agent is online and the command timed out", () => {
    const cloud = { instance: running, statusChecks: well, agent: { ping: "Online" } };
    expect(judge(cloud, "timed-out")).toMatchObject({ verdict: "present", confidence: 0.6 });
  });
  test("says that SSM never knew the instance", () => {
    const cloud = { instance: running, statusChecks: well, agent: { ping: "unregistered" } };
    expect(judge(cloud)).toMatchObject({ verdict: "present", confidence: 0.9, severity: "warning" });
  });
  test.each(["refused", "failed", "truncated", "implausible"] as const)(
    "is unknown when the host was not read for a reason of ours: %s",
    (reason) => {
      expect(judge({ instance: { ...running, state: "stopped" } }, reason).verdict).toBe("unknown");
    },
  );
  test("is unknown when AWS says nothing, and not asked without AWS", () => {
    expect(judge({ instance: null }).verdict).toBe("unknown");
    expect(judge({ instance: running }).verdict).toBe("unknown");
    expect(judge({ asked: false })).toMatchObject({ verdict: "unknown", asked: false });
  });
  test("leads, although nothing else about the host can be judged", () => {
    const { status, causes } = diagnose(silent({ instance: { ...running, state: "stopped" } }), byHand);
    expect(status).toBe("cause-found");
    expect(causes[0]?.id).toBe("host-unreachable");
  });
});
