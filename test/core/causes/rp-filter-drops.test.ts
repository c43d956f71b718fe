import { expect, test } from "vitest";
import { rpFilterDrops } from "../../../core/causes/rp-filter-drops.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { evidenceOf } from "../captured.ts";
import { natHost, withCounters, withParameters } from "./nat-host.ts";

const judge = (host: HostEvidence) => rpFilterDrops.judge(evidenceOf(host));
const counter = "tcpext.IPReversePathFilter";
const dropping = (
  dropped: number,
  parameters: Record<string, number> = { "net.ipv4.conf.all.rp_filter": 1 },
) => withParameters(withCounters(natHost, { [counter]: dropped }), parameters);

test("drops of a strict filter are named, and critical from 1 % of what is forwarded", () => {
  expect(judge(dropping(600))).toMatchObject({ verdict: "present", confidence: 0.95, severity: "critical" });
  expect(judge(dropping(51))).toMatchObject({ severity: "critical" });
  expect(judge(dropping(49))).toMatchObject({ severity: "warning" });
});

test("a strict filter without drops, or with a stray packet, is as it should be", () => {
  expect(judge(dropping(0)).verdict).toBe("absent");
  expect(judge(dropping(4)).verdict).toBe("absent");
  expect(judge(dropping(5)).verdict).toBe("present");
  expect(judge(natHost).verdict).toBe("absent");
});

test("the larger of the general setting and the interface's own counts", () => {
  const strictIn = (parameters: Record<string, number>) => {
    const judgement = judge(dropping(600, parameters));
    if (judgement.verdict !== "present") throw new Error(judgement.verdict);
    return judgement.evidence[1]?.observed;
  };
  expect(strictIn({ "net.ipv4.conf.all.rp_filter": 1 })).toBe("lan0, wan0");
  expect(strictIn({ "net.ipv4.conf.wan0.rp_filter": 1 })).toBe("wan0");
  expect(strictIn({ "net.ipv4.conf.all.rp_filter": 1, "net.ipv4.conf.wan0.rp_filter": 2 })).toBe("lan0");
  expect(strictIn({ "net.ipv4.conf.default.rp_filter": 1 })).toBe("none");
});

test("drops of a loose filter mean that there is no route back, which is said", () => {
  const judgement = judge(dropping(600, { "net.ipv4.conf.all.rp_filter": 2 }));
  expect(judgement).toMatchObject({ verdict: "present", confidence: 0.7 });
  if (judgement.verdict !== "present") throw new Error();
  expect(judgement.advice?.join()).toContain("ip rule");
});

test("statistics that could not be read are unknown", () => {
  expect(judge({ ...natHost, counters: {} }).verdict).toBe("unknown");
});

test("a fix helped when the drops end, and harmed when they double", () => {
  expect(rpFilterDrops.verify?.(dropping(600), natHost).verdict).toBe("better");
  expect(rpFilterDrops.verify?.(dropping(600), dropping(500)).verdict).toBe("unchanged");
  expect(rpFilterDrops.verify?.(dropping(600), dropping(1300)).verdict).toBe("worse");
});
