import { expect, test } from "vitest";
import { masqueradeRuleMissing } from "../../../core/causes/masquerade-rule-missing.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { cloudOf, evidenceOf } from "../captured.ts";
import { natHost, withEntries, withRules } from "./nat-host.ts";

const judge = (host: HostEvidence) => masqueradeRuleMissing.judge(evidenceOf(host));
const quiet = withEntries(natHost, { sources: [], natAddresses: [], unansweredDestinations: [] });
/** A client's SYNs that left as they came. */
const unanswered = withEntries(natHost, {
  sources: [["10.60.0.11", 40]],
  natAddresses: [["10.60.0.11", 40]],
  unansweredDestinations: [
    { protocol: "tcp", natAddress: "10.60.0.11", address: "198.51.100.7", port: 443, entries: 40 },
  ],
});

test("no rule at all is certain, busy or idle", () => {
  for (const host of [quiet, unanswered]) {
    expect(judge(withRules(host, []))).toMatchObject({
      verdict: "present",
      confidence: 0.99,
      severity: "critical",
    });
  }
});

test("no module that could hold a rule means that there is none", () => {
  expect(judge(withRules(quiet, [], { readers: [] })).verdict).toBe("present");
});

test("a rule for the default route's interface, or for any, serves", () => {
  expect(judge(natHost).verdict).toBe("absent");
  expect(judge(withRules(natHost, [{ outInterface: null, source: null }])).verdict).toBe("absent");
  expect(judge(withRules(natHost, [{ action: "snat", backend: "nft", specification: "" }])).verdict).toBe(
    "absent",
  );
});

test("a rule for an interface that the default route does not use serves nobody, and is told", () => {
  const judgement = judge(withRules(quiet, [{ outInterface: "eth0" }]));
  expect(judgement.verdict).toBe("present");
  if (judgement.verdict !== "present") throw new Error();
  expect(judgement.advice).toEqual([
    "There is a rule to masquerade, but it is for eth0, and the default route leaves by wan0.",
  ]);
});

test("Docker's rule is not the NAT's, once a client or the VPC shows it", () => {
  const docker = { source: "172.17.0.0/16", outInterface: null };
  expect(judge(withRules(unanswered, [docker])).verdict).toBe("present");
  const network = {
    vpcId: "vpc-1",
    cidrs: ["10.60.0.0/16"],
    subnets: [],
    acls: [],
    routeTables: [],
    securityGroupRules: [],
    gatewayEndpoints: [],
  };
  const known = { ...evidenceOf(withRules(quiet, [docker])), cloud: cloudOf({ network }) };
  expect(masqueradeRuleMissing.judge(known).verdict).toBe("present");
  // Nothing says whose 172.17.0.0/16 is: a VPC may use it.
  expect(judge(withRules(quiet, [docker])).verdict).toBe("absent");
});

test("a rule for one destination or for UDP alone does not make a NAT", () => {
  expect(judge(withRules(quiet, [{ destination: "198.51.100.0/24" }])).verdict).toBe("present");
  expect(judge(withRules(quiet, [{ protocol: "udp" }])).verdict).toBe("present");
});

test("entries that are translated, beside no rule, leave room for a rule that is written otherwise", () => {
  const translated = withEntries(quiet, { sources: [["10.60.0.11", 40]], natAddresses: [["10.61.0.1", 40]] });
  expect(judge(withRules(translated, []))).toMatchObject({ verdict: "present", confidence: 0.75 });
});

test("rules that could not be read are unknown, never missing", () => {
  expect(judge({ ...natHost, rules: null })).toEqual({
    verdict: "unknown",
    missing: "the NAT rules could not be read",
  });
  expect(judge({ ...natHost, rules: null, interfaces: null })).toMatchObject({
    verdict: "unknown",
    asked: false,
  });
});

test("a fix helped when a rule serves", () => {
  const without = withRules(natHost, []);
  expect(masqueradeRuleMissing.verify?.(without, natHost).verdict).toBe("better");
  expect(masqueradeRuleMissing.verify?.(without, without).verdict).toBe("unchanged");
  expect(masqueradeRuleMissing.verify?.(without, { ...natHost, rules: null }).verdict).toBe("unknown");
});
