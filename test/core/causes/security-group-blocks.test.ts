import { describe, expect, test } from "vitest";
import { securityGroupBlocks as cause } from "../../../core/causes/security-group-blocks.ts";
import type { SecurityGroupRule } from "../../../core/evidence/network.ts";
import type { Evidence } from "../../../core/evidence.ts";
import { openSecurityGroup } from "../../../core/fixes/open-security-group.ts";
import { captured, evidenceOf } from "../captured.ts";
import { admit, clientGroup, evidenceIn, healthyNetwork, letOut, natGroup } from "../vpc.ts";

const withRules = (...securityGroupRules: SecurityGroupRule[]) =>
  evidenceIn({ ...healthyNetwork, securityGroupRules });
const everythingOut = letOut("0.0.0.0/0");
const tcp = (port: number) => ({ protocol: 6, ports: [port, port] as [number, number] });

function withTable(evidence: Evidence, table: object): Evidence {
  if (evidence.host.status === "unread" || evidence.host.evidence.table === null) throw new Error("no table");
  const host = evidence.host.evidence;
  return {
    ...evidence,
    host: { status: "read", evidence: { ...host, table: { ...host.table!, ...table } } },
  };
}
const tried = (port: number, entries: number, address = "1.1.1.1") => ({
  unansweredDestinations: [{ protocol: "tcp", natAddress: "10.60.100.10", address, port, entries }],
});

describe("clients", () => {
  test("of a subnet that is not admitted at all are cut off", () => {
    const evidence = withRules(admit("10.60.1.0/24"), everythingOut);
    expect(cause.judge(evidence)).toMatchObject({
      verdict: "present",
      confidence: 0.97,
      severity: "critical",
    });
    expect(openSecurityGroup.prepare(evidence)).toMatchObject({
      commands: [
        `aws ec2 authorize-security-group-ingress --group-id ${natGroup} --ip-permissions 'IpProtocol=-1,IpRanges=[{CidrIp=10.60.0.0/24}]'`,
      ],
      undo: [
        `aws ec2 revoke-security-group-ingress --group-id ${natGroup} --ip-permissions 'IpProtocol=-1,IpRanges=[{CidrIp=10.60.0.0/24}]'`,
      ],
    });
  });

  test("are admitted by the VPC's block, by their own, or by two halves of it", () => {
    for (const rules of [["10.60.0.0/16"], ["10.60.0.0/24"], ["10.60.0.0/25", "10.60.0.128/25"]]) {
      const evidence = withRules(...rules.map((cidr) => admit(cidr)), everythingOut);
      expect(cause.judge(evidence).verdict).toBe("absent");
      expect(openSecurityGroup.prepare(evidence)).toHaveProperty("impossible");
    }
  });

  test("may be admitted by a group or a prefix list, which it says", () => {
    const judgement = cause.judge(withRules(admit(null, { peer: clientGroup }), everythingOut));
    expect(judgement.verdict).toBe("absent");
    expect(JSON.stringify(judgement)).toContain(clientGroup);
  });

  test("who may use some ports and do are restricted on purpose", () => {
    expect(cause.judge(withRules(admit("10.60.0.0/16", tcp(8080)), everythingOut)).verdict).toBe("absent");
  });

  test("who may not use HTTPS and do not use the NAT are a hypothesis, and nothing is proposed", () => {
    const evidence = withTable(withRules(admit("10.60.0.0/16", tcp(8080)), everythingOut), { sources: [] });
    expect(cause.judge(evidence)).toMatchObject({ confidence: 0.4, severity: "warning" });
    expect(openSecurityGroup.prepare(evidence)).toHaveProperty("impossible");
  });

  test("are not admitted by another group's rules", () => {
    const evidence = withRules(admit("10.60.0.0/16", { groupId: clientGroup }), everythingOut);
    expect(cause.judge(evidence).verdict).toBe("present");
  });
});

describe("out to the internet", () => {
  const inbound = admit("10.60.0.0/16");

  test("nothing is let out", () => {
    const evidence = withRules(inbound, letOut("10.60.0.0/16"));
    expect(cause.judge(evidence)).toMatchObject({ confidence: 0.97, severity: "critical" });
    expect(openSecurityGroup.prepare(evidence)).toMatchObject({
      commands: [
        `aws ec2 authorize-security-group-egress --group-id ${natGroup} --ip-permissions 'IpProtocol=-1,IpRanges=[{CidrIp=0.0.0.0/0}]'`,
      ],
    });
  });

  test("a port that clients try in vain is named with its server", () => {
    const evidence = withTable(withRules(inbound, letOut("0.0.0.0/0", tcp(80))), tried(443, 20));
    expect(cause.judge(evidence)).toMatchObject({ confidence: 0.95, severity: "critical" });
    expect(JSON.stringify(openSecurityGroup.prepare(evidence))).toContain("CidrIp=1.1.1.1/32");
    const database = withTable(withRules(inbound, letOut("0.0.0.0/0", tcp(443))), tried(5432, 20));
    expect(cause.judge(database)).toMatchObject({ confidence: 0.6, severity: "warning" });
  });

  test("a few vain attempts are somebody's typing error", () => {
    const evidence = withTable(withRules(inbound, letOut("0.0.0.0/0", tcp(443))), tried(5432, 19));
    expect(cause.judge(evidence).verdict).toBe("absent");
  });

  test("a server that does not answer although it may be asked is not the group's fault", () => {
    expect(cause.judge(withTable(withRules(inbound, everythingOut), tried(443, 500))).verdict).toBe("absent");
    const prefixList = letOut(null, { peer: "pl-6ea54007", ...tcp(443) });
    expect(cause.judge(withTable(withRules(inbound, prefixList), tried(443, 500))).verdict).toBe("absent");
  });

  test("a server in the VPC is not looked for in the rules for the internet", () => {
    const evidence = withTable(
      withRules(inbound, letOut("0.0.0.0/0", tcp(443))),
      tried(5432, 500, "10.60.8.5"),
    );
    expect(cause.judge(evidence).verdict).toBe("absent");
  });

  test("HTTPS that is shut looks meant where other ports are in use", () => {
    expect(cause.judge(withRules(inbound, letOut("0.0.0.0/0", tcp(8080)))).verdict).toBe("absent");
    const unused = withTable(withRules(inbound, letOut("0.0.0.0/0", tcp(8080))), { destinations: [] });
    expect(cause.judge(unused)).toMatchObject({ confidence: 0.4 });
  });
});

describe("unknown", () => {
  test("without AWS, and it was not asked", () => {
    expect(cause.judge(evidenceOf(captured("healthy")))).toMatchObject({ verdict: "unknown", asked: false });
  });

  test("when the VPC could not be read", () => {
    expect(cause.judge(evidenceIn(null))).toMatchObject({ verdict: "unknown", missing: expect.any(String) });
  });
});
