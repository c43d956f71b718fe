/** The evaluation of regions against an evaluator that takes one packet at a time, as EC2 documents it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AddressRange, everyAddress, type Family, overlap, parseBlock } from "../../../core/address.ts";
import type { AclEntry } from "../../../core/evidence/network.ts";
import type { Ports } from "../../../core/network-acl/ports.ts";
import { decide, type Packets } from "../../../core/network-acl.ts";

type Packet = {
  egress: boolean;
  family: Family;
  address: bigint;
  protocol: number;
  port: number;
  icmp: Packets["icmp"];
};

/** One packet, one rule after the other: the VPC guide's own words. */
function oneByOne(entries: readonly AclEntry[], packet: Packet): { allowed: boolean; rule: number } {
  for (const entry of [...entries].sort((a, b) => a.number - b.number)) {
    if (entry.egress !== packet.egress) continue;
    if ((entry.cidr.includes(":") ? 6 : 4) !== packet.family) continue;
    const [base = "", prefix = ""] = entry.cidr.split("/");
    const width = packet.family === 4 ? 32 : 128;
    const shift = BigInt(width - Number(prefix));
    if (packet.address >> shift !== parseBlock(base)!.first >> shift) continue;
    if (entry.protocol !== null) {
      if (entry.protocol !== packet.protocol) continue;
      if (entry.ports !== null && (packet.port < entry.ports[0] || packet.port > entry.ports[1])) continue;
      if (entry.icmp !== null && packet.icmp !== null) {
        if (entry.icmp.type !== -1 && entry.icmp.type !== packet.icmp.type) continue;
        if (entry.icmp.code !== -1 && entry.icmp.code !== packet.icmp.code) continue;
      }
    }
    return { allowed: entry.action === "allow", rule: entry.number };
  }
  return { allowed: false, rule: packet.family === 4 ? 32_767 : 32_768 };
}

/** Sixteen addresses of each family, so that prefixes meet, contain and miss each other often. */
const corner = { 4: "198.51.100.", 6: "2001:db8::" } as const;
const cidr = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 27, max: 32 }))
    .map(([low, prefix]) => `${corner[4]}${low}/${prefix}`),
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 123, max: 128 }))
    .map(([low, prefix]) => `${corner[6]}${low.toString(16)}/${prefix}`),
  fc.constantFrom("0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "2000::/3", "10.0.0.0/8"),
);
/** Real boundaries, and close ones. */
const port = fc.oneof(
  fc.constantFrom(0, 443, 1023, 1024, 3389, 32_767, 32_768, 49_151, 49_152, 60_999, 61_000, 65_535),
  fc.integer({ min: 0, max: 40 }),
);
const ports = fc.tuple(port, port).map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a]));
const icmpValue = fc.constantFrom(-1, 0, 3, 4, 11);
const entry: fc.Arbitrary<AclEntry> = fc
  .record({
    number: fc.integer({ min: 1, max: 32_766 }),
    egress: fc.boolean(),
    action: fc.constantFrom("allow" as const, "deny" as const),
    protocol: fc.constantFrom(null, 6, 17, 1, 58, 47),
    cidr,
    ports: fc.option(ports),
    icmp: fc.option(fc.record({ type: icmpValue, code: icmpValue })),
  })
  .map((rule) => ({
    ...rule,
    ports: rule.protocol === 6 || rule.protocol === 17 ? rule.ports : null,
    icmp: rule.protocol === 1 || rule.protocol === 58 ? rule.icmp : null,
  }));
/** A number is used once per direction, as EC2 enforces. */
const entries = fc.uniqueArray(entry, {
  maxLength: 14,
  size: "max",
  selector: ({ number, egress }) => `${number} ${egress}`,
});
const question = fc.record({
  egress: fc.boolean(),
  protocol: fc.constantFrom(6, 17, 1, 58, 47),
  ports,
  icmp: fc.record({ type: fc.constantFrom(0, 3, 8, 11), code: fc.constantFrom(0, 4) }),
  region: fc.constantFrom("198.51.100.0/28", "2001:db8::/124", "0.0.0.0/0", "::/0", "198.51.100.4/30"),
});

/** All boundaries of the rules in the region, each with its neighbours: between two of them nothing can change. */
function samples(rules: readonly AclEntry[], addresses: AddressRange, [low, high]: Ports) {
  const near = new Set([addresses.first, addresses.last]);
  const nearPorts = new Set([low, high]);
  for (const rule of rules) {
    const block = overlap(parseBlock(rule.cidr)!, addresses);
    if (block !== undefined) {
      for (const edge of [block.first - 1n, block.first, block.last, block.last + 1n]) near.add(edge);
    }
    for (const edge of rule.ports ?? []) for (const by of [-1, 0, 1]) nearPorts.add(edge + by);
  }
  return {
    addresses: [...near].filter((value) => value >= addresses.first && value <= addresses.last),
    ports: [...nearPorts].filter((value) => value >= low && value <= high),
  };
}

describe("a region of packets", { timeout: 30_000 }, () => {
  test("is decided as each of its packets is, at every boundary of every rule", () => {
    let compared = 0;
    fc.assert(
      fc.property(entries, question, (rules, { egress, protocol, icmp, region, ...asked }) => {
        const addresses = parseBlock(region)!;
        const isIcmp = protocol === 1 || protocol === 58;
        const hasPorts = protocol === 6 || protocol === 17;
        const packets: Packets = {
          protocol,
          addresses,
          ports: hasPorts ? asked.ports : [0, 0],
          icmp: isIcmp ? icmp : null,
        };
        const cells = decide(rules, egress, packets);
        const at = samples(rules, addresses, packets.ports);
        for (const address of at.addresses) {
          for (const port of at.ports) {
            const { family } = addresses;
            const expected = oneByOne(rules, { egress, family, address, protocol, port, icmp: packets.icmp });
            const here = cells.filter(
              ({ addresses: { first, last }, ports: [low, high] }) =>
                first <= address && address <= last && low <= port && port <= high,
            );
            expect(here).toHaveLength(1);
            expect({ allowed: here[0]!.allowed, rule: here[0]!.rule }).toEqual(expected);
            compared += 1;
          }
        }
      }),
      { numRuns: 2000 },
    );
    // So many that a comparison of nothing would be noticed.
    expect(compared).toBeGreaterThan(20_000);
  });

  test("in a small universe every packet there is gets the same answer, and no cell has a packet twice", () => {
    fc.assert(
      fc.property(entries, fc.boolean(), fc.constantFrom(6, 17), (rules, egress, protocol) => {
        const addresses = parseBlock("198.51.100.0/28")!;
        const cells = decide(rules, egress, { protocol, addresses, ports: [0, 40], icmp: null });
        let packets = 0;
        for (const cell of cells) {
          for (let address = cell.addresses.first; address <= cell.addresses.last; address++) {
            for (let port = cell.ports[0]; port <= cell.ports[1]; port++) {
              const one = { egress, family: 4 as const, address, protocol, port, icmp: null };
              expect(oneByOne(rules, one)).toEqual({ allowed: cell.allowed, rule: cell.rule });
              packets += 1;
            }
          }
        }
        expect(packets).toBe(16 * 41);
      }),
      { numRuns: 300 },
    );
  });
});

const rule = (changes: Partial<AclEntry>): AclEntry => ({
  number: 100,
  egress: false,
  action: "allow",
  protocol: null,
  cidr: "0.0.0.0/0",
  ports: null,
  icmp: null,
  ...changes,
});
const ephemeral: Packets = { protocol: 6, addresses: everyAddress(4), ports: [1024, 65_535], icmp: null };

describe("rules", () => {
  test("an ACL without any denies everything by EC2's own rule", () => {
    expect(decide([], false, ephemeral)).toEqual([
      { addresses: everyAddress(4), ports: [1024, 65_535], allowed: false, rule: 32_767 },
    ]);
  });

  test("the lower number decides, whatever the order of the list", () => {
    const deny = rule({ number: 90, action: "deny", protocol: 6, ports: [3389, 3389] });
    const expected = [
      { ports: [1024, 3388], allowed: true, rule: 100 },
      { ports: [3389, 3389], allowed: false, rule: 90 },
      { ports: [3390, 65_535], allowed: true, rule: 100 },
    ];
    for (const list of [
      [deny, rule({})],
      [rule({}), deny],
    ]) {
      expect(decide(list, false, ephemeral).map(({ addresses: _, ...cell }) => cell)).toEqual(expected);
    }
  });

  test("all protocols means all ports, even where the rule names some", () => {
    const cells = decide([rule({ ports: [80, 80] })], false, ephemeral);
    expect(cells).toEqual([{ addresses: everyAddress(4), ports: [1024, 65_535], allowed: true, rule: 100 }]);
  });

  test("one direction's rules say nothing of the other's, nor one family's", () => {
    expect(decide([rule({ egress: true })], false, ephemeral)[0]?.allowed).toBe(false);
    expect(decide([rule({ cidr: "::/0" })], false, ephemeral)[0]?.allowed).toBe(false);
    const v6 = { ...ephemeral, addresses: everyAddress(6) };
    expect(decide([rule({})], false, v6)[0]).toMatchObject({ allowed: false, rule: 32_768 });
  });
});
