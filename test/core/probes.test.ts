import { describe, expect, test } from "vitest";
import { printedBy } from "../../core/evidence/document-output.ts";
import type { HostEvidence } from "../../core/evidence/host.ts";
import { noProbes } from "../../core/evidence/probe.ts";
import { SourceEvidence } from "../../core/evidence/source.ts";
import { type ProbeRequest, probesWorthRunning, withResult } from "../../core/probes.ts";
import { captured, evidenceOf } from "./captured.ts";

const healthy = captured("healthy");
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
  driver: "ena",
  driverVersion: null,
  rxRing: null,
};

const suspecting = (address: string): HostEvidence => ({
  ...healthy,
  interfaces: [{ ...outside, name: "ens6", defaultRoute: false }, outside],
  table: {
    ...(healthy.table as NonNullable<HostEvidence["table"]>),
    destinations: [space(address, 300)],
    unansweredDestinations: [space(address, 120)],
    unrepliedSources: [],
  },
});

describe("which tests are worth running", () => {
  test("timestamps at the suspected destination, fragments where the default route leaves", () => {
    expect(probesWorthRunning(evidenceOf(suspecting("203.0.113.7")))).toEqual([
      { document: "ProbeTimestamps", parameters: { Address: "203.0.113.7", Port: "443" } },
      { document: "CaptureFragments", parameters: { Interface: "ens5" } },
    ]);
  });
  test("no connections are made where nothing is suspected, or over IPv6", () => {
    const documents = (host: HostEvidence) =>
      probesWorthRunning(evidenceOf({ ...host, interfaces: [outside] })).map(({ document }) => document);
    expect(documents(healthy)).toEqual(["CaptureFragments"]);
    expect(documents(suspecting("2001:db8::7"))).toEqual(["CaptureFragments"]);
  });
  test("none on a host that could not be read", () => {
    const host = { status: "unread", reason: "unreachable", detail: "no agent" } as const;
    expect(probesWorthRunning({ ...evidenceOf(healthy), host })).toEqual([]);
  });
});

describe("what came of a test", () => {
  const request: ProbeRequest = {
    document: "ProbeTimestamps",
    parameters: { Address: "203.0.113.7", Port: "443" },
  };
  const answer = {
    schema: "nat-medic/timestamp-probe/1",
    status: "done",
    reason: "",
    address: "203.0.113.7",
    port: 443,
    withTimestamps: { attempted: 20, succeeded: 10 },
    withoutTimestamps: { attempted: 20, succeeded: 20 },
    seconds: 17,
  };
  const printed = (stdout: string) => ({ status: "finished", exitCode: 0, stdout }) as const;

  test("is kept beside the others", () => {
    const results = withResult(noProbes, request, printed(`${JSON.stringify(answer)}\n`));
    expect(results).toEqual({ ...noProbes, timestamps: answer });
    const fragments: ProbeRequest = { document: "CaptureFragments", parameters: { Interface: "ens5" } };
    expect(withResult(results, fragments, { status: "timed-out", detail: "killed" })).toEqual({
      ...results,
      unread: ["the capture of fragments: killed"],
    });
  });
  test("counts for nothing when the host tells of another destination, or of more than it could know", () => {
    for (const stdout of [
      JSON.stringify({ ...answer, address: "203.0.113.8" }),
      JSON.stringify({ ...answer, reason: "<b>" }),
      "not JSON",
      "",
    ]) {
      const { timestamps, unread } = withResult(noProbes, request, printed(stdout));
      expect(timestamps).toBeNull();
      expect(unread).toHaveLength(1);
      expect(unread[0]).not.toMatch(/[<>]/);
    }
  });
});

test("of what a private host prints nothing comes through that does not fit, not even as a reason", () => {
  const stdout = JSON.stringify({ schema: "nat-medic/source-evidence/1", unread: ["<script>"] });
  expect(printedBy(SourceEvidence, { status: "finished", exitCode: 0, stdout })).toEqual({
    status: "unread",
    detail: "what the host printed does not fit its schema at platform",
  });
  const long = { status: "finished", exitCode: 0, stdout: `"${"x".repeat(25_000)}"` } as const;
  expect(printedBy(SourceEvidence, long)).toMatchObject({ status: "unread" });
  const refused = { status: "refused", detail: "Run Command ended with AccessDenied" } as const;
  expect(printedBy(SourceEvidence, refused)).toEqual({ status: "unread", detail: refused.detail });
});
