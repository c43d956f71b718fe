import { expect, test } from "vitest";
import { ipForwardDisabled } from "../../../core/causes/ip-forward-disabled.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { evidenceOf } from "../captured.ts";
import { natHost, withCounters, withParameters } from "./nat-host.ts";

const judge = (host: HostEvidence) => ipForwardDisabled.judge(evidenceOf(host));
const off = withParameters(withCounters(natHost, { "ip.ForwDatagrams": 0 }), {
  "net.ipv4.ip_forward": 0,
  "net.ipv4.conf.lan0.forwarding": 0,
  "net.ipv4.conf.wan0.forwarding": 0,
});

test("a host that forwards nothing, because it is told so, is named with all certainty", () => {
  expect(judge(off)).toMatchObject({ verdict: "present", confidence: 0.99, severity: "critical" });
});

test("a host that forwards is not blamed, by whichever setting it does so", () => {
  expect(judge(natHost).verdict).toBe("absent");
  expect(judge(withParameters(natHost, { "net.ipv4.ip_forward": 0 })).verdict).toBe("absent");
  const idle = withCounters(natHost, { "ip.ForwDatagrams": 0 });
  expect(judge(idle).verdict).toBe("absent");
  expect(judge(withParameters(idle, { "net.ipv4.ip_forward": 0 })).verdict).toBe("absent");
});

test("answers that are not forwarded stop everything although questions go out", () => {
  const outer = withParameters(natHost, { "net.ipv4.conf.wan0.forwarding": 0 });
  const judgement = judge(outer);
  expect(judgement).toMatchObject({ verdict: "present", confidence: 0.99 });
  if (judgement.verdict !== "present") throw new Error();
  expect(judgement.title).toContain("wan0");
  expect(judgement.advice?.join()).toContain("net.ipv4.conf.wan0.forwarding=1");
});

test("an inner interface that does not forward counts only while nothing is forwarded at all", () => {
  const inner = withParameters(natHost, { "net.ipv4.conf.lan0.forwarding": 0 });
  expect(judge(inner).verdict).toBe("absent");
  const silent = withCounters(inner, { "ip.ForwDatagrams": 0 });
  expect(judge(silent)).toMatchObject({ verdict: "present", confidence: 0.8 });
});

test("where only the setting for the whole host is known, it decides", () => {
  const bare = { ...off, interfaces: null, parameters: { "net.ipv4.ip_forward": [0] } };
  expect(judge(bare).verdict).toBe("present");
  expect(judge({ ...bare, parameters: { "net.ipv4.ip_forward": [1] } }).verdict).toBe("absent");
});

test("what could not be read is unknown, and asked for only where the collector reads parameters", () => {
  expect(judge({ ...natHost, parameters: {} })).toMatchObject({ verdict: "unknown", asked: false });
  const unread = judge({ ...natHost, parameters: { "net.ipv4.tcp_timestamps": [1] } });
  expect(unread.verdict).toBe("unknown");
  expect(unread).not.toHaveProperty("asked");
});

test("a fix helped when every interface forwards", () => {
  expect(ipForwardDisabled.verify?.(off, natHost).verdict).toBe("better");
  expect(ipForwardDisabled.verify?.(off, off).verdict).toBe("unchanged");
  expect(ipForwardDisabled.verify?.(off, { ...natHost, parameters: {} }).verdict).toBe("unknown");
});
