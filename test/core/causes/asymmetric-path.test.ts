import { expect, test } from "vitest";
import { asymmetricPath } from "../../../core/causes/asymmetric-path.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { evidenceOf, withGrowth } from "../captured.ts";
import { natHost, withCounters, withEntries } from "./nat-host.ts";

const judge = (host: HostEvidence) => asymmetricPath.judge(evidenceOf(host));
/** In five seconds, beside 5,000 packets forwarded. */
const invalid = (count: number) => withGrowth(natHost, { invalid: count });

test("invalid packets in masses, against what passes, are a hypothesis that holds", () => {
  expect(judge(invalid(2_000))).toMatchObject({ verdict: "present", confidence: 0.6, severity: "warning" });
});

test("a busy host with late segments is not suspected, however many they are", () => {
  expect(judge(invalid(0)).verdict).toBe("absent");
  expect(judge(invalid(1_249)).verdict).toBe("absent");
  expect(judge(invalid(1_250)).verdict).toBe("present");
});

test("a nearly idle host with a few strays is not suspected, however large their share", () => {
  const idle = (count: number) =>
    withGrowth(withCounters(natHost, { "ip.ForwDatagrams": 10 }), { invalid: count });
  expect(judge(idle(49)).verdict).toBe("absent");
  expect(judge(idle(50)).verdict).toBe("present");
});

test("connections picked up in the middle that nothing answers make it more likely", () => {
  const table = {
    entries: 200,
    protocols: { tcp: 100, udp: 100 },
    tcpStates: { SYN_SENT: 20, ESTABLISHED: 80 },
  };
  expect(judge(withEntries(invalid(2_000), { ...table, unreplied: 130 }))).toMatchObject({ confidence: 0.7 });
  expect(judge(withEntries(invalid(2_000), { ...table, unreplied: 129 }))).toMatchObject({ confidence: 0.6 });
});

test("it says how to find the addresses, and that a liberal window does not help", () => {
  const liberal = invalid(2_000);
  liberal.parameters = { ...liberal.parameters, "net.netfilter.nf_conntrack_tcp_be_liberal": [1] };
  const advice = (host: HostEvidence) => {
    const judgement = judge(host);
    return judgement.verdict === "present" ? judgement.advice?.join(" ") : "";
  };
  expect(advice(invalid(2_000))).toContain("--ctstate INVALID");
  expect(advice(invalid(2_000))).not.toContain("be_liberal");
  expect(advice(liberal)).toContain("be_liberal");
});

test("without connection tracking nobody could look, without its counters it is unknown", () => {
  expect(judge({ ...natHost, conntrack: { ...natHost.conntrack, loaded: false } })).toMatchObject({
    asked: false,
  });
  const { "conntrack.invalid": _, ...counters } = natHost.counters;
  const unread = judge({ ...natHost, counters });
  expect(unread.verdict).toBe("unknown");
  expect(unread).not.toHaveProperty("asked");
});

test("no fix of ours serves it, so nothing is verified", () => {
  expect(asymmetricPath.verify).toBeNull();
});
