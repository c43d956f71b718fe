/** Whatever the ACLs deny: with the proposed entries in place every answer passes, and without them all is as before. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AclEntry, Network } from "../../../core/evidence/network.ts";
import { openNetworkAcl } from "../../../core/fixes/open-network-acl.ts";
import { assess } from "../../../core/network-acl/denials.ts";
import { openingsFor } from "../../../core/network-acl/opening.ts";
import {
  allow,
  deny,
  evidenceIn,
  healthyNetwork,
  lastRules,
  outbound,
  privateAcl,
  publicAcl,
  withAcl,
} from "../vpc.ts";

const port = fc.oneof(
  fc.constantFrom(1023, 1024, 3389, 32_767, 32_768, 49_151, 49_152, 60_999, 65_535),
  fc.integer({ min: 1024, max: 65_535 }),
);
const rule: fc.Arbitrary<AclEntry> = fc
  .record({
    number: fc.integer({ min: 5, max: 80 }),
    denies: fc.boolean(),
    a: port,
    b: port,
    egress: fc.boolean(),
  })
  .map(({ number, denies, a, b, egress }) => {
    const ports: [number, number] = [Math.min(a, b), Math.max(a, b)];
    const entry = (denies ? deny : allow)(number, { protocol: 6, ports });
    return egress ? outbound(entry) : entry;
  });
const rules = fc.uniqueArray(rule, { maxLength: 8, selector: ({ number, egress }) => `${number} ${egress}` });
/** Requests pass in any case: what is tried here are the answers. */
const web = [443, 80].flatMap((only, index) => {
  const entry = allow(1 + index, { protocol: 6, ports: [only, only] });
  return [entry, outbound(entry)];
});
const open = [allow(100), outbound(allow(100))];

const healthy = evidenceIn(healthyNetwork);
const assessed = (network: Network) => assess({ ...healthy, cloud: { ...healthy.cloud, network } })!;

test("what is added lets every answer pass that was denied, under numbers that were free", {
  timeout: 30_000,
}, () => {
  let opened = 0;
  const acl = fc.tuple(rules, fc.boolean());
  fc.assert(
    fc.property(acl, acl, ([inPublic, publicOpen], [inPrivate, privateOpen]) => {
      const listed = (own: AclEntry[], isOpen: boolean) => [
        ...web,
        ...own,
        ...(isOpen ? open : []),
        ...lastRules,
      ];
      const network = withAcl(
        withAcl(healthyNetwork, publicAcl, listed(inPublic, publicOpen)),
        privateAcl,
        listed(inPrivate, privateOpen),
      );
      const { answers } = assessed(network);
      const { entries, blocked } = openingsFor(answers, network.acls);
      fc.pre(blocked.length === 0);
      const after = {
        ...network,
        acls: network.acls.map(({ id, entries: present }) => ({
          id,
          entries: [
            ...present,
            ...entries
              .filter(({ aclId }) => aclId === id)
              .map(({ number, egress, protocol, ports, cidr }) =>
                allow(number, { egress, protocol, ports: [ports[0], ports[1]], cidr }),
              ),
          ],
        })),
      };
      for (const { entries: all } of after.acls) {
        const numbers = all.map(({ number, egress }) => `${number} ${egress}`);
        expect(new Set(numbers).size).toBe(numbers.length);
      }
      expect(assessed(after).answers).toEqual([]);
      opened += entries.length;
    }),
    { numRuns: 200 },
  );
  expect(opened).toBeGreaterThan(200);
});

test("as many undos as entries, the last one first", () => {
  const network = withAcl(healthyNetwork, publicAcl, [
    deny(50, { protocol: 6, ports: [3389, 3389] }),
    deny(60, { protocol: 6, ports: [5900, 5900] }),
    ...open,
    ...lastRules,
  ]);
  const prepared = openNetworkAcl.prepare(evidenceIn(network));
  if ("impossible" in prepared) throw new Error(prepared.impossible);
  const number = (command: string) => /--rule-number (\d+)/.exec(command)![1];
  expect(prepared.commands.map(number)).toEqual(["49", "59"]);
  expect(prepared.undo.map(number)).toEqual(["59", "49"]);
});
