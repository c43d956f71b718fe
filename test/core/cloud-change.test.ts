import { describe, expect, test } from "vitest";
import { HostChange, resultOnRecord } from "../../core/change.ts";
import { type CloudRequest, decideCloudChange, reportCloudChange } from "../../core/cloud-change.ts";
import type { TrackingTimeouts } from "../../core/evidence/cloud.ts";

const seconds = (tcpEstablished: number | null, udpStream: number | null = null): TrackingTimeouts => ({
  tcpEstablished,
  udpStream,
  udp: null,
});
const request = (action: CloudRequest["action"], forced = false): CloudRequest => ({
  fix: "align-eni-timeouts",
  action,
  forced,
  change: {
    kind: "tracking-timeouts",
    networkInterfaceId: "eni-0a1b2c3d4e5f67890",
    before: seconds(350),
    after: seconds(432_000),
  },
});
const decide = (action: CloudRequest["action"], present: TrackingTimeouts | undefined, forced = false) =>
  decideCloudChange(request(action, forced), present);

describe("a change through EC2", () => {
  test("is made when the interface is as the plan found it, and leaves the UDP timeouts as they are", () => {
    expect(decide("apply", seconds(350, 120))).toEqual({ set: seconds(432_000, 120) });
  });
  test("is made on an interface without a timeout of its own, whose type has the planned one", () => {
    expect(decide("apply", seconds(null))).toEqual({ set: seconds(432_000) });
  });
  test("is refused when somebody has set something else, or the same, or the interface is gone", () => {
    expect(decide("apply", seconds(7440))).toMatchObject({
      told: { status: "refused", reason: "it is now 7440, no longer 350" },
    });
    expect(decide("apply", seconds(432_000))).toMatchObject({ told: { status: "refused" } });
    expect(decide("apply", undefined)).toMatchObject({ told: { status: "refused", onRecord: "none" } });
  });
  test("lasts by itself, unless somebody has changed it since", () => {
    expect(decide("persist", seconds(432_000))).toMatchObject({
      told: { status: "unchanged", onRecord: "persisted", restoresAt: 0 },
    });
    expect(decide("persist", seconds(7440))).toMatchObject({ told: { status: "refused" } });
  });
  test("is undone to what was there, once", () => {
    expect(decide("undo", seconds(432_000, 120))).toEqual({ set: seconds(350, 120) });
    expect(decide("undo", seconds(350))).toMatchObject({ told: { status: "unchanged", onRecord: "undone" } });
  });
  test("is left alone by an undo when somebody has changed it since, unless that is forced", () => {
    expect(decide("undo", seconds(7440))).toMatchObject({
      told: { status: "refused", values: [{ before: "7440", after: "350" }] },
    });
    expect(decide("undo", seconds(7440), true)).toEqual({ set: seconds(350) });
  });
  test("that a function died over is told by what EC2 shows", () => {
    const shown = (present: TrackingTimeouts) => {
      const decision = decide("show", present);
      if (!("told" in decision)) throw new Error("show sets nothing");
      return resultOnRecord({ status: "told", change: decision.told });
    };
    expect(shown(seconds(432_000))).toMatchObject({
      status: "told",
      change: { action: "apply", status: "changed" },
    });
    // It never reached EC2: it has to be asked again.
    expect(shown(seconds(350))).toBeUndefined();
  });
  test("is told as made only when EC2 shows it", () => {
    const set = seconds(432_000);
    const report = (present: TrackingTimeouts | undefined, refusal: string | null = null) =>
      reportCloudChange(request("apply"), set, { present, refusal });
    expect(report(seconds(432_000))).toMatchObject({ status: "changed", onRecord: "applied" });
    expect(report(seconds(350))).toMatchObject({ status: "failed", onRecord: "none" });
    expect(report(seconds(350), "UnauthorizedOperation")).toMatchObject({
      status: "refused",
      reason: "EC2 refused it: UnauthorizedOperation",
    });
  });
  test("is told in the words of a change on a host, whatever EC2's own are", () => {
    const change = reportCloudChange(request("undo"), seconds(350), {
      present: seconds(350),
      refusal: null,
    });
    expect(HostChange.parse(change)).toEqual(change);
    expect(change).toMatchObject({ status: "changed", onRecord: "undone" });
    const refused = reportCloudChange(request("apply"), seconds(1), {
      present: undefined,
      refusal: "<b>\n@x",
    });
    expect(HostChange.safeParse(refused).success).toBe(true);
  });
});
