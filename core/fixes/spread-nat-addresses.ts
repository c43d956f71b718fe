import type { CloudEvidence } from "../evidence/cloud.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { nameSpace, type PortSpace, portSpaces } from "../evidence/port-space.ts";
import type { Fix, Prepared } from "../fix.ts";
import { percent } from "../wording.ts";

/** Connections begin to fail above this part of the ports (see `snat-ports-exhausted`): each address stays below it. */
const comfortable = 0.45;
/** Above this many, a destination needs another way: pooling, an endpoint, a NAT of its own. */
const mostAddresses = 8;
const tag = "nat-medic-spread";

/**
 * The kernel chooses one of several NAT addresses by the client and the destination, not by free ports, and a full one
 * does not spill over. So the connections to that destination are dealt out in turn, explicitly.
 */
export const spreadNatAddresses: Fix = {
  id: "spread-nat-addresses",
  title: "Spread the connections over several addresses",
  risk: "high",
  document: null,
  precondition:
    "One destination holds at least 45 % of the ports of one address, and it accepts connections from new public addresses.",
  effect: "New connections to that destination leave by the addresses in turn: each adds 64,512 ports.",
  blastRadius:
    "That destination only. It sees further public addresses: where it allows known ones only, tell its owner before.",
  verifiedBy: "No connection refused for want of a free port, and the address below 45 %.",
  undoing: "Exact on the host: the rules and addresses are removed. Connections that use them end.",
  permissions: [],

  prepare({ host, cloud }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const spaces = portSpaces(host.evidence);
    if (spaces === undefined) return { impossible: "the connection table is unknown" };
    const space = spaces.find(({ small }) => !small);
    if (space === undefined || space.occupancy < comfortable) {
      return { impossible: "no destination holds so many ports of one address" };
    }
    if (space.natAddress.includes(":")) {
      return { impossible: "the connections are IPv6, which needs no translation" };
    }
    const device = interfaceOf(host.evidence, space);
    if (device === undefined) return { impossible: "the interface by which they leave is unknown" };
    const wanted = Math.ceil(space.occupancy / comfortable);
    return spread(space, device, Math.min(mostAddresses, Math.max(2, wanted)), cloud);
  },
};

function interfaceOf({ interfaces }: HostEvidence, { rule }: PortSpace): string | undefined {
  return rule?.outInterface ?? interfaces?.find(({ defaultRoute }) => defaultRoute)?.name;
}

function spread(space: PortSpace, device: string, addresses: number, cloud: CloudEvidence): Prepared {
  const { natAddress, address, port, protocol } = space;
  const added = Array.from({ length: addresses - 1 }, (_, index) => index + 1);
  const rules = space.rule?.backend === "nft" ? nftRules : iptablesRules;
  const { make, remove } = rules(space, device, added);
  const known = cloud.instance?.interfaces.find(({ privateAddresses }) =>
    privateAddresses.includes(natAddress),
  );
  const eni =
    known === undefined
      ? `eni=$(aws ec2 describe-network-interfaces --filters Name=addresses.private-ip-address,Values=${natAddress} --query 'NetworkInterfaces[0].NetworkInterfaceId' --output text)`
      : `eni=${known.id}`;
  return {
    action: `Deal the connections out over ${addresses} addresses in turn: ${nameSpace(space)} has ${percent(space.occupancy)} of its ports in use`,
    settings: [],
    parameters: {},
    commands: [
      "# with AWS rights: each further address is a secondary private one with an Elastic IP of its own",
      eni,
      ...added.flatMap((n) => [
        `new${n}=$(aws ec2 assign-private-ip-addresses --network-interface-id "$eni" --secondary-private-ip-address-count 1 --query 'AssignedPrivateIpAddresses[0].PrivateIpAddress' --output text)`,
        `allocation${n}=$(aws ec2 allocate-address --domain vpc --tag-specifications 'ResourceType=elastic-ip,Tags=[{Key=Name,Value=${tag}}]' --query AllocationId --output text)`,
        `aws ec2 associate-address --allocation-id "$allocation${n}" --network-interface-id "$eni" --private-ip-address "$new${n}"`,
      ]),
      `echo ${added.map((n) => `"$new${n}"`).join(" ")}`,
      `# as root on the NAT instance, with ${added.map((n) => `new${n}`).join(", ")} set to those: ${protocol} to ${address} port ${port} leaves by each in turn`,
      ...added.map((n) => `ip address replace "$new${n}/32" dev ${device}`),
      ...make,
    ],
    undo: [
      ...remove,
      ...added.map((n) => `ip address del "$new${n}/32" dev ${device}`),
      "# with AWS rights",
      `aws ec2 describe-addresses --filters Name=tag:Name,Values=${tag} --query 'Addresses[].[AssociationId,AllocationId,NetworkInterfaceId,PrivateIpAddress]' --output text | while read -r association allocation eni private; do aws ec2 disassociate-address --association-id "$association"; aws ec2 release-address --allocation-id "$allocation"; aws ec2 unassign-private-ip-addresses --network-interface-id "$eni" --private-ip-addresses "$private"; done`,
    ],
  };
}

type Rules = { make: string[]; remove: string[] };

/** The nat table sees the first packet of a connection only, so each rule takes its share of the connections. */
function iptablesRules({ protocol, address, port, rule }: PortSpace, device: string, added: number[]): Rules {
  const command = rule?.backend === "iptables-legacy" ? "iptables-legacy" : "iptables";
  const source = rule?.source == null ? "" : `-s ${rule.source} `;
  // The first rule takes one of N, the second one of the N-1 that are left, and what is left at last goes on as before.
  const rules = added.map(
    (n, index) =>
      `${source}-o ${device} -p ${protocol} -d ${address} --dport ${port} -m statistic --mode nth --every ${added.length + 1 - index} --packet 0 -j SNAT --to-source "$new${n}"`,
  );
  return {
    make: rules.map((text, index) => `${command} -t nat -I POSTROUTING ${index + 1} ${text}`),
    remove: rules.map((text) => `${command} -t nat -D POSTROUTING ${text}`),
  };
}

/** In a table of their own, just before the one that is there. */
function nftRules(
  { protocol, natAddress, address, port }: PortSpace,
  device: string,
  added: number[],
): Rules {
  const map = [`0 : ${natAddress}`, ...added.map((n) => `${n} : $new${n}`)].join(", ");
  return {
    make: [
      "nft add table ip nat_medic_spread",
      "nft 'add chain ip nat_medic_spread postrouting { type nat hook postrouting priority 99; }'",
      `nft "add rule ip nat_medic_spread postrouting oifname ${device} ip daddr ${address} ${protocol} dport ${port} snat to numgen inc mod ${added.length + 1} map { ${map} }"`,
    ],
    remove: ["nft delete table ip nat_medic_spread"],
  };
}
