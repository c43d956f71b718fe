import { expect, test } from "vitest";
import { neighbourTableOverflow } from "../../../core/causes/neighbour-table-overflow.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { evidenceOf } from "../captured.ts";
import { natHost, withCounters } from "./nat-host.ts";

const judge = (host: HostEvidence) => neighbourTableOverflow.judge(evidenceOf(host));
const full = withCounters(natHost, { "arp.table_fulls": 300 });
const holding = (entries: number): HostEvidence => ({
  ...natHost,
  gauges: { ...natHost.gauges, "arp.entries": entries },
});
const logged = (lastAt: number): HostEvidence => {
  if (natHost.kernelLog === null) throw new Error("a log is expected");
  return {
    ...natHost,
    kernelLog: { ...natHost.kernelLog, others: { "neighbour-overflow": { lines: 7, lastAt } } },
  };
};

test("hosts that found no place are critical", () => {
  expect(judge(full)).toMatchObject({ verdict: "present", confidence: 0.97, severity: "critical" });
});

test("the kernel's own word for it counts for a minute", () => {
  expect(judge(logged(natHost.uptime - 5))).toMatchObject({ verdict: "present", confidence: 0.9 });
  expect(judge(logged(natHost.uptime - 61)).verdict).toBe("absent");
});

test("a table near its limit is a warning, one that only collects is not", () => {
  expect(judge(holding(922))).toMatchObject({ verdict: "present", confidence: 0.8, severity: "warning" });
  expect(judge(holding(921)).verdict).toBe("absent");
  expect(judge(holding(600)).verdict).toBe("absent");
});

test("hosts that do not answer are no sign of a full table", () => {
  expect(
    judge(withCounters(natHost, { "arp.unresolved_discards": 500, "arp.forced_gc_runs": 20 })).verdict,
  ).toBe("absent");
});

test("an older collector's reading is judged by the counter alone", () => {
  const old = { ...full, gauges: {}, parameters: {} };
  expect(judge(old).verdict).toBe("present");
  expect(judge({ ...old, counters: natHost.counters }).verdict).toBe("absent");
  expect(judge({ ...old, counters: {} }).verdict).toBe("unknown");
});

test("a fix helped when nobody is refused and there is room", () => {
  expect(neighbourTableOverflow.verify?.(full, natHost).verdict).toBe("better");
  expect(neighbourTableOverflow.verify?.(full, holding(1000)).verdict).toBe("unchanged");
  expect(
    neighbourTableOverflow.verify?.(full, withCounters(natHost, { "arp.table_fulls": 700 })).verdict,
  ).toBe("worse");
});
