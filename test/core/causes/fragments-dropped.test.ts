import { expect, test } from "vitest";
import { fragmentsDropped } from "../../../core/causes/fragments-dropped.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { evidenceOf } from "../captured.ts";
import { natHost, withCounters } from "./nat-host.ts";

const judge = (host: HostEvidence) => fragmentsDropped.judge(evidenceOf(host));
const failing = (fails: number, timeouts: number, fragments = 600) =>
  withCounters(natHost, { "ip.ReasmFails": fails, "ip.ReasmTimeout": timeouts, "ip.ReasmReqds": fragments });
const holding = (host: HostEvidence, bytes: number): HostEvidence => ({
  ...host,
  gauges: { ...host.gauges, "frag.memory": bytes },
});
const high = 4_194_304;

test("failures with full memory are for want of memory", () => {
  const judgement = judge(holding(failing(300, 0), high));
  expect(judgement).toMatchObject({ verdict: "present", confidence: 0.9, severity: "critical" });
  if (judgement.verdict !== "present") throw new Error();
  expect(judgement.title).toContain("memory");
});

test("failures that are timeouts are lost fragments, which more memory does not bring back", () => {
  for (const host of [failing(300, 300), holding(failing(300, 300), high), failing(300, 0)]) {
    const judgement = judge(host);
    expect(judgement).toMatchObject({ verdict: "present", confidence: 0.8 });
    if (judgement.verdict !== "present") throw new Error();
    expect(judgement.title).toContain("lost before they reach");
  }
});

test("memory counts as full from three quarters", () => {
  const title = (bytes: number) => {
    const judgement = judge(holding(failing(300, 0), bytes));
    return judgement.verdict === "present" ? judgement.title : undefined;
  };
  expect(title(0.75 * high)).toContain("memory");
  expect(title(0.74 * high)).not.toContain("memory");
});

test("one failure in ten is critical, one in a hundred a warning, and below that nobody notices", () => {
  expect(judge(failing(60, 60))).toMatchObject({ severity: "critical" });
  expect(judge(failing(59, 59))).toMatchObject({ severity: "warning" });
  expect(judge(failing(6, 6))).toMatchObject({ severity: "warning" });
  expect(judge(failing(5, 5)).verdict).toBe("absent");
});

test("strays are not a finding, nor are fragments that all arrive", () => {
  expect(judge(failing(4, 4, 4)).verdict).toBe("absent");
  expect(judge(failing(0, 0)).verdict).toBe("absent");
  expect(judge(holding(failing(0, 0), high)).verdict).toBe("absent");
});

test("fragments that EC2 drops on their way out leave these counters alone", () => {
  const capped = withCounters(natHost, { "ip.FragCreates": 9_000, "ens5.pps_allowance_exceeded": 800 });
  expect(judge(capped).verdict).toBe("absent");
});

test("a NAT gateway is said to be no way out, and what a capture saw is shown", () => {
  const evidence = evidenceOf(failing(300, 300));
  evidence.probes = {
    timestamps: null,
    fragments: {
      schema: "nat-medic/fragment-capture/1",
      status: "done",
      reason: "",
      seconds: 20,
      fragments: 120,
      tcp: 0,
      limited: false,
      senders: [["10.61.0.4", 120]],
    },
    unread: [],
  };
  const judgement = fragmentsDropped.judge(evidence);
  if (judgement.verdict !== "present") throw new Error();
  expect(judgement.advice?.join()).toContain("NAT gateway");
  expect(judgement.evidence.at(-1)?.observed).toContain("10.61.0.4 (120)");
});

test("statistics that could not be read are unknown", () => {
  expect(judge({ ...natHost, counters: {} }).verdict).toBe("unknown");
});

test("a fix helped when the memory has room, though fragments are lost as before", () => {
  const before = holding(failing(300, 0), high);
  expect(fragmentsDropped.verify?.(before, failing(40, 40)).verdict).toBe("better");
  expect(fragmentsDropped.verify?.(before, before).verdict).toBe("unchanged");
  expect(fragmentsDropped.verify?.(before, holding(failing(700, 0), high)).verdict).toBe("worse");
});
