import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { HostEvidence, NatRule } from "../../../core/evidence/host.ts";
import type { ProbeResults } from "../../../core/evidence/probe.ts";
import type { Fix } from "../../../core/fix.ts";
import { addMasqueradeRule } from "../../../core/fixes/add-masquerade-rule.ts";
import { clampMss } from "../../../core/fixes/clamp-mss.ts";
import { randomizeSourcePorts } from "../../../core/fixes/randomize-source-ports.ts";
import { stripTimestamps } from "../../../core/fixes/strip-timestamps.ts";
import { widenSnatRange } from "../../../core/fixes/widen-snat-range.ts";
import { buildDocument } from "../../../host/documents.ts";
import { captured, evidenceOf } from "../captured.ts";

const healthy = captured("healthy");
const link = (name: string, defaultRoute: boolean) => ({
  ...{ name, mtu: 9001, defaultRoute, driver: null, driverVersion: null, rxRing: null },
});
const interfaces = [link("ens6", false), link("ens5", true)];
const masquerade: NatRule = {
  backend: "iptables-nft",
  action: "masquerade",
  source: null,
  destination: null,
  outInterface: "ens5",
  protocol: null,
  addresses: null,
  ports: null,
  random: "no",
  specification: "POSTROUTING -o ens5 -j MASQUERADE",
};
const narrow: NatRule = {
  ...masquerade,
  protocol: "tcp",
  ports: [40_000, 40_099],
  specification: "POSTROUTING -o ens5 -p tcp -j MASQUERADE --to-ports 40000-40099",
};
type Rules = NonNullable<HostEvidence["rules"]>;
const rulesOf = (nat: NatRule[], more: Partial<Rules> = {}): Rules => ({
  ...{ readers: ["iptables-nft", "nft"], nat, clampsMss: false, notrack: 0, stripsTimestamps: 0 },
  ...more,
});
const withRules = (rules: Rules | null, more: Partial<HostEvidence> = {}) =>
  evidenceOf({ ...healthy, interfaces, rules, ...more });
const confirmed = (address = "203.0.113.7"): ProbeResults => ({
  timestamps: {
    ...{ schema: "nat-medic/timestamp-probe/1", status: "done", reason: "", address, port: 443, seconds: 3 },
    withTimestamps: { attempted: 20, succeeded: 8 },
    withoutTimestamps: { attempted: 20, succeeded: 20 },
  },
  fragments: null,
  unread: [],
});

const fixes: Fix[] = [addMasqueradeRule, randomizeSourcePorts, widenSnatRange, clampMss, stripTimestamps];
/** Evidence on which each of them is due. */
const due = (backend: NatRule["backend"], fix: Fix) => {
  const specification = backend === "nft" ? { specification: "" } : {};
  const nat = [
    { ...masquerade, backend, ...specification },
    { ...narrow, backend, ...specification },
  ];
  const readers: Rules["readers"] = [backend];
  const rules = fix === addMasqueradeRule ? rulesOf([], { readers }) : rulesOf(nat, { readers });
  return { ...withRules(rules), probes: confirmed() };
};

it("none is possible where the host or its rules could not be read", () => {
  const unread = { status: "unread", reason: "unreachable", detail: "no answer" } as const;
  for (const fix of fixes) {
    expect(fix.prepare({ ...withRules(null), host: unread })).toEqual({
      impossible: "the host could not be read",
    });
    expect(fix.prepare({ ...withRules(null), probes: confirmed() })).toEqual({
      impossible: "the rules of the host could not be read",
    });
  }
});

it.each([
  [null, "the interfaces of the host could not be read"],
  [[link("ens5", false)], "the host has no default route, so no interface for the rule"],
  [[link("-j", true)], "the name of the interface -j is unusual"],
] as const)("what needs an interface is impossible without: %j", (known, impossible) => {
  for (const fix of [addMasqueradeRule, randomizeSourcePorts, widenSnatRange]) {
    const found = known === null ? null : [...known];
    expect(fix.prepare(withRules(rulesOf([narrow]), { interfaces: found }))).toEqual({ impossible });
  }
});

describe.each(["iptables-nft", "iptables-legacy", "nft"] as const)("where %s holds the rules", (backend) => {
  it.each(fixes.map((fix) => [fix.id, fix] as const))(
    "%s asks its document for nothing that it would not take, and its commands are shell",
    (id, fix) => {
      const prepared = fix.prepare(due(backend, fix));
      if ("impossible" in prepared) throw new Error(prepared.impossible);
      const { parameters } = buildDocument("NatMedic-ChangeFirewallRules");
      expect(prepared.parameters.Fix).toBe(id);
      for (const [name, value] of Object.entries(prepared.parameters)) {
        expect(value).toMatch(new RegExp(parameters[name]?.allowedPattern ?? "never"));
      }
      expect(prepared.settings[0]?.setting).toMatch(/^rule\./);
      const text = [...prepared.commands, ...prepared.undo].join("\n");
      expect(spawnSync("sh", ["-n"], { input: text, encoding: "utf8" })).toMatchObject({
        status: 0,
        stderr: "",
      });
    },
  );
});

describe("add-masquerade-rule", () => {
  it("masquerades what leaves by the default route, never everything", () => {
    expect(addMasqueradeRule.prepare(withRules(rulesOf([])))).toMatchObject({
      action: "Masquerade what leaves by ens5",
      settings: [{ setting: "rule.masquerade", before: "0", after: "1" }],
      parameters: { Fix: "add-masquerade-rule", Interface: "ens5" },
      commands: [
        'iptables -t nat -A POSTROUTING -o ens5 -m comment --comment "nat-medic add-masquerade-rule" -j MASQUERADE',
      ],
      undo: [
        'iptables -t nat -D POSTROUTING -o ens5 -m comment --comment "nat-medic add-masquerade-rule" -j MASQUERADE',
      ],
    });
  });

  it("is not due where a rule for all of it is there, and is where that is for some or elsewhere", () => {
    const given = (rule: Partial<NatRule>) =>
      addMasqueradeRule.prepare(withRules(rulesOf([{ ...masquerade, ...rule }])));
    const impossible = "a rule translates all that leaves by ens5 already";
    expect(given({})).toEqual({ impossible });
    expect(given({ outInterface: null })).toEqual({ impossible });
    expect(given({ outInterface: "eth0" })).toHaveProperty("commands");
    expect(given({ source: "172.17.0.0/16" })).toHaveProperty("commands");
    expect(given({ protocol: "tcp" })).toHaveProperty("commands");
  });

  it("uses a table of its own where nft alone holds the rules", () => {
    const rules = rulesOf([], { readers: ["nft"] });
    expect(addMasqueradeRule.prepare(withRules(rules))).toMatchObject({
      commands: [
        "nft add table ip nat_medic_add_masquerade_rule",
        "nft add chain ip nat_medic_add_masquerade_rule postrouting '{ type nat hook postrouting priority 100; policy accept; }'",
        `nft add rule ip nat_medic_add_masquerade_rule postrouting 'oifname "ens5" masquerade comment "nat-medic add-masquerade-rule"'`,
      ],
      undo: ["nft delete table ip nat_medic_add_masquerade_rule"],
    });
  });

  it("names the kind of iptables where the host has both", () => {
    const rules = rulesOf([{ ...masquerade, backend: "iptables-legacy", outInterface: "docker0" }], {
      readers: ["iptables-legacy", "iptables-nft"],
    });
    expect(addMasqueradeRule.prepare(withRules(rules))).toMatchObject({
      commands: [expect.stringMatching(/^iptables-legacy -t nat /)],
    });
  });
});

describe("randomize-source-ports", () => {
  it("changes each rule for the interface that keeps the clients' ports, and no other", () => {
    const snat: NatRule = {
      ...masquerade,
      action: "snat",
      addresses: ["192.0.2.1", "192.0.2.1"],
      specification: "POSTROUTING -j SNAT --to-source 192.0.2.1 --persistent",
      outInterface: null,
    };
    const docker: NatRule = { ...masquerade, outInterface: "docker0" };
    const random: NatRule = { ...masquerade, random: "fully" };
    const prepared = randomizeSourcePorts.prepare(withRules(rulesOf([docker, random, masquerade, snat])));
    expect(prepared).toMatchObject({
      action: "Add --random-fully to the 2 rules for ens5",
      settings: [{ setting: "rule.random-fully", before: "0", after: "1" }],
      commands: [
        `iptables -t nat -R POSTROUTING "$(iptables -t nat -S POSTROUTING | grep '^-A' | grep -nxF -e '-A POSTROUTING -o ens5 -j MASQUERADE' | head -n 1 | cut -d : -f 1)" -o ens5 -j MASQUERADE --random-fully`,
        expect.stringMatching(/ -j SNAT --to-source 192\.0\.2\.1 --random-fully --persistent$/),
      ],
    });
  });

  it("is not due where the ports are random, and has nothing to change without a rule", () => {
    const given = (rule: Partial<NatRule>) =>
      randomizeSourcePorts.prepare(withRules(rulesOf([{ ...masquerade, ...rule }])));
    expect(given({ random: "fully" })).toEqual({ impossible: "the ports are random already" });
    expect(given({ random: "random" })).toEqual({ impossible: "the ports are random already" });
    expect(given({ outInterface: "docker0" })).toEqual({
      impossible: "no rule translates what leaves by ens5",
    });
  });

  it("leaves a rule that cannot be pasted to our script", () => {
    const quoted = { ...masquerade, specification: "" };
    expect(randomizeSourcePorts.prepare(withRules(rulesOf([quoted])))).toMatchObject({
      undo: [
        "SSM_Action=undo SSM_IncidentId=inc-by-hand-randomize-source-ports SSM_Fix=randomize-source-ports SSM_Interface=ens5 sh change-firewall-rules.sh",
      ],
    });
  });

  it("says where it helps and where it does not", () => {
    expect(randomizeSourcePorts.effect).toContain("below about 90 %");
    expect(randomizeSourcePorts.effect).toContain("not at 100 %");
  });
});

describe("widen-snat-range", () => {
  it("takes the range out of the rule, and puts it back", () => {
    const prepared = widenSnatRange.prepare(withRules(rulesOf([masquerade, narrow])));
    expect(prepared).toMatchObject({
      settings: [{ setting: "rule.to-ports", before: "40000-40099", after: "1024-65535" }],
      parameters: { Fix: "widen-snat-range", Interface: "ens5" },
    });
    if ("impossible" in prepared) throw new Error(prepared.impossible);
    expect(prepared.commands[0]).toMatch(/" -o ens5 -p tcp -j MASQUERADE$/);
    expect(prepared.undo[0]).toMatch(/" -o ens5 -p tcp -j MASQUERADE --to-ports 40000-40099$/);
  });

  it("keeps SNAT's address and its other options", () => {
    const snat = {
      ...narrow,
      specification:
        "POSTROUTING -o ens5 -p tcp -j SNAT --to-source 192.0.2.1-192.0.2.4:1000-2000 --persistent",
    };
    expect(widenSnatRange.prepare(withRules(rulesOf([snat])))).toMatchObject({
      commands: [expect.stringMatching(/-j SNAT --to-source 192\.0\.2\.1-192\.0\.2\.4 --persistent$/)],
    });
  });

  it("is not due where no rule names a range", () => {
    expect(widenSnatRange.prepare(withRules(rulesOf([masquerade])))).toEqual({
      impossible: "no rule for ens5 names a range of ports",
    });
  });
});

it("clamp-mss is not due where a rule clamps already", () => {
  expect(clampMss.prepare(withRules(rulesOf([], { clampsMss: true })))).toEqual({
    impossible: "a rule clamps the segment size already",
  });
});

describe("strip-timestamps", () => {
  const evidence = withRules(rulesOf([masquerade]));

  it("is for the one destination that was tested and found", () => {
    expect(stripTimestamps.prepare({ ...evidence, probes: confirmed() })).toMatchObject({
      parameters: { Destination: "203.0.113.7", Port: "443" },
      undo: [
        'iptables -t mangle -D POSTROUTING -d 203.0.113.7 -p tcp --dport 443 --syn -m comment --comment "nat-medic strip-timestamps" -j TCPOPTSTRIP --strip-options timestamp',
      ],
    });
  });

  it("is impossible before that, and for IPv6", () => {
    expect(stripTimestamps.prepare(evidence)).toHaveProperty("impossible");
    expect(stripTimestamps.prepare({ ...evidence, probes: confirmed("2001:db8::7") })).toEqual({
      impossible: "2001:db8::7 is not an IPv4 address",
    });
  });
});
