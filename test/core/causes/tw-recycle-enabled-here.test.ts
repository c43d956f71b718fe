import { expect, test } from "vitest";
import { twRecycleEnabledHere } from "../../../core/causes/tw-recycle-enabled-here.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { evidenceOf } from "../captured.ts";
import { natHost, withParameters } from "./nat-host.ts";

// Constructed: no kernel since 4.12 has the setting, and the lab's are newer.
const old: HostEvidence = { ...withParameters(natHost, { "net.ipv4.tcp_tw_recycle": 1 }), kernel: "4.9.337" };
const judge = (host: HostEvidence) => twRecycleEnabledHere.judge(evidenceOf(host));

test("the setting is a warning where it is on", () => {
  expect(judge(old)).toMatchObject({ verdict: "present", confidence: 0.95, severity: "warning" });
});

test("it is ruled out where it is off, or where the kernel has none", () => {
  expect(judge(withParameters(old, { "net.ipv4.tcp_tw_recycle": 0 })).verdict).toBe("absent");
  const judgement = judge(natHost);
  expect(judgement.verdict).toBe("absent");
  if (judgement.verdict !== "absent") throw new Error();
  expect(judgement.evidence[0]?.observed).toContain(natHost.kernel);
});

test("a collector that read no parameters leaves it open", () => {
  expect(judge({ ...natHost, parameters: {} })).toMatchObject({ verdict: "unknown", asked: false });
});

test("a fix helped when it is off", () => {
  expect(
    twRecycleEnabledHere.verify?.(old, withParameters(old, { "net.ipv4.tcp_tw_recycle": 0 })).verdict,
  ).toBe("better");
  expect(twRecycleEnabledHere.verify?.(old, old).verdict).toBe("unchanged");
  expect(twRecycleEnabledHere.verify?.(old, { ...old, parameters: {} }).verdict).toBe("unknown");
});
