/** What the network ACLs between the clients and the internet deny, and what that does to connections. */
import { type AddressRange, liesIn, parseAddress, parseBlock } from "../address.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { type NatPath, natPath } from "../evidence/nat-path.ts";
import type { Evidence } from "../evidence.ts";
import { icmp, icmpv6, tcp, udp } from "../network-acl.ts";
import { type DeniedPorts, deniedAtLarge } from "./at-large.ts";
import { type ClientKind, kindsIn, natPorts, remappedShare } from "./client-ports.ts";
import { type Hop, type HopName, type Way, waysThrough } from "./hops.ts";
import { intersection, type Ports, shareOf, union } from "./ports.ts";

/** Ports of one protocol that one rule denies on one hop. */
export type Denial = DeniedPorts & {
  hop: HopName;
  aclId: string;
  egress: boolean;
  protocol: number;
  /** The far end: `0.0.0.0/0` for the internet, the clients' subnet, or one server. */
  cidr: string;
  /** Of the client subnets that it concerns; empty for the NAT itself. */
  subnetIds: string[];
};

/** `seen`: the table shows such requests without an answer. `web`: neither HTTPS nor HTTP passes. */
export type Wanted = { seen: boolean; web: boolean };

/** How many of its connections one kind of client loses, 0 to 1. */
export type Loss = { kind: ClientKind; subnetId: string | null; share: number };

export type Assessment = {
  /** ACLs that were looked at. */
  aclIds: string[];
  /** Subnets whose ACL is not known. */
  unknown: string[];
  /** Answers that are denied from the internet at large. */
  answers: Denial[];
  /** The same of servers that the NAT's table shows: requests to them pass, answers from them do not. */
  serverAnswers: Denial[];
  /** Requests that are denied although somebody wants to send them, as far as we know. */
  requests: (Denial & Wanted)[];
  losses: Loss[];
  /** Hops on which "fragmentation needed", or "packet too big" of IPv6, does not pass. */
  pathMtu: { hop: HopName; aclId: string }[];
  remapped: number;
};

/** HTTPS: whoever has a NAT wants it. Other ports count where the NAT's table shows them. */
const wantedPort = 443;
/** An ACL that lets neither of these out is a closed one, and is meant so. */
const webPorts = [443, 80];

/** `null` where AWS did not tell enough to know. */
export function assess(evidence: Evidence): Assessment | null {
  const path = natPath(evidence.cloud);
  if (path === null) return null;
  const { ways, unknown } = waysThrough(path);
  const host = evidence.host.status === "read" ? evidence.host.evidence : null;
  const servers = serversOf(host, path);
  const remapped = remappedShare(evidence);
  const assessment: Assessment = {
    aclIds: [...new Set(ways.flatMap(({ hops }) => hops.map(({ acl }) => acl.id)))],
    unknown,
    answers: [],
    serverAnswers: [],
    requests: [],
    losses: [],
    pathMtu: [],
    remapped,
  };
  for (const way of ways) {
    const requests = deniedRequests(way, servers);
    collect(assessment.requests, requests, way);
    collectPathMtu(assessment.pathMtu, way);
    // Nothing gets out here, so no answer is missed.
    if (isClosed(way)) continue;
    const kinds = kindsIn(way.client?.subnet ?? null, evidence);
    const answers = deniedAnswers(way, kinds, servers);
    collect(assessment.answers, answers, way);
    collect(assessment.serverAnswers, deniedServerAnswers(way, kinds, servers, answers), way);
    const tcpAnswers = answers.filter(({ protocol }) => protocol === tcp);
    for (const kind of kinds) {
      const share = lossOf(tcpAnswers, kind, remapped);
      assessment.losses.push({ kind, subnetId: way.client?.subnet.id ?? null, share });
    }
  }
  return assessment;
}

const requestHops: readonly HopName[] = ["A", "B", "C"];
const isAnswer = ({ name }: Hop) => !requestHops.includes(name);

/** Answers over UDP are missed where the table shows that somebody asks over it, and may. */
function deniedAnswers(
  { hops }: Way,
  kinds: readonly ClientKind[],
  servers: readonly Server[],
): DenialOfOne[] {
  const outwards = hops.filter(goesOut);
  const asksByUdp = servers.some(
    ({ protocol, port }) => protocol === udp && outwards.every((hop) => passes(hop, udp, port)),
  );
  const protocols = asksByUdp ? [tcp, udp] : [tcp];
  return hops.filter(isAnswer).flatMap((hop) =>
    protocols.flatMap((protocol) =>
      wantedOn(hop, kinds)
        .flatMap((ports) => deniedAtLarge(hop.acl.entries, hop.egress, regionOf(hop, protocol, ports)))
        .map((denied) => denialOn(hop, protocol, denied)),
    ),
  );
}

/** Towards the NAT any port that it may choose; towards a client those that the client may have chosen. */
function wantedOn({ name }: Hop, kinds: readonly ClientKind[]): Ports[] {
  return name === "D"
    ? union([natPorts, ...kinds.map(({ ports }) => ports)])
    : union(kinds.map(({ ports }) => ports));
}

/** What a deny of particular addresses does to servers that the table shows. One that may not be asked is meant to be cut off. */
function deniedServerAnswers(
  { hops }: Way,
  kinds: readonly ClientKind[],
  servers: readonly Server[],
  atLarge: readonly DenialOfOne[],
): DenialOfOne[] {
  return servers.flatMap(({ protocol, port, address, block }) => {
    const region = (ports: Ports) => ({ protocol, ports, icmp: null, addresses: [block] });
    const mayBeAsked = hops
      .filter(goesOut)
      .every(({ acl, egress }) => deniedAtLarge(acl.entries, egress, region([port, port])).length === 0);
    if (!mayBeAsked) return [];
    return hops
      .filter(({ name }) => name === "D" || name === "F")
      .flatMap((hop) =>
        wantedOn(hop, kinds)
          .flatMap((ports) => deniedAtLarge(hop.acl.entries, hop.egress, region(ports)))
          .filter(
            ({ ports }) =>
              !atLarge.some(
                (other) =>
                  other.hop === hop.name &&
                  other.protocol === protocol &&
                  intersection([other.ports], ports).length > 0,
              ),
          )
          .map((denied) => ({ ...denialOn(hop, protocol, denied), cidr: hostCidr(address) })),
      );
  });
}

function deniedRequests({ hops }: Way, servers: readonly Server[]): (DenialOfOne & Wanted)[] {
  const wanted = new Map([[`${tcp} ${wantedPort}`, { protocol: tcp, port: wantedPort, seen: false }]]);
  for (const { protocol, port, answered } of servers) {
    if (!answered) wanted.set(`${protocol} ${port}`, { protocol, port, seen: true });
  }
  const usesOtherPorts = servers.some(({ port, answered }) => answered && port !== wantedPort);
  return hops
    .filter((hop) => !isAnswer(hop))
    .flatMap((hop) =>
      [...wanted.values()].flatMap(({ protocol, port, ...want }) => {
        // What the table holds has passed A and B.
        const seen = want.seen && hop.name === "C";
        if (!seen && port !== wantedPort) return [];
        const web = !webPorts.some((webPort) => passes(hop, tcp, webPort));
        // Shut to HTTPS and used for something else: somebody meant it so.
        if (!seen && !web && usesOtherPorts) return [];
        const denied = deniedAtLarge(hop.acl.entries, hop.egress, regionOf(hop, protocol, [port, port]));
        return denied.map((ports) => ({ ...denialOn(hop, protocol, ports), seen, web }));
      }),
    );
}

/** Whether an ACL lets nothing of the web out. */
function isClosed({ hops }: Way): boolean {
  return hops.filter(goesOut).some((hop) => !webPorts.some((port) => passes(hop, tcp, port)));
}

const goesOut = ({ name }: Hop) => name === "A" || name === "C";

const passes = (hop: Hop, protocol: number, port: number) =>
  deniedAtLarge(hop.acl.entries, hop.egress, regionOf(hop, protocol, [port, port])).length === 0;

/** A port that survives all three hops serves; one that the NAT changes has to survive D as what it became. */
function lossOf(answers: readonly DenialOfOne[], { ports }: ClientKind, remapped: number): number {
  const on = (...names: HopName[]) =>
    union(answers.filter(({ hop }) => names.includes(hop)).map((denial) => denial.ports));
  const preserved = shareOf(on("D", "E", "F"), ports);
  const changed = 1 - (1 - shareOf(on("D"), natPorts)) * (1 - shareOf(on("E", "F"), ports));
  return (1 - remapped) * preserved + remapped * changed;
}

function collectPathMtu(found: Assessment["pathMtu"], { hops }: Way): void {
  for (const hop of hops) {
    const family = hop.addresses[0]?.family ?? 4;
    const [protocol, message] = family === 4 ? [icmp, { type: 3, code: 4 }] : [icmpv6, { type: 2, code: 0 }];
    const region = { protocol, ports: [0, 0] as const, icmp: message, addresses: hop.addresses };
    const denied = deniedAtLarge(hop.acl.entries, hop.egress, region).length > 0;
    const told = found.some((other) => other.hop === hop.name && other.aclId === hop.acl.id);
    if (denied && !told) found.push({ hop: hop.name, aclId: hop.acl.id });
  }
}

type DenialOfOne = Omit<Denial, "subnetIds">;

const denialOn = (hop: Hop, protocol: number, denied: DeniedPorts): DenialOfOne => ({
  ...denied,
  hop: hop.name,
  aclId: hop.acl.id,
  egress: hop.egress,
  protocol,
  cidr: hop.cidr,
});

const regionOf = ({ addresses }: Hop, protocol: number, ports: Ports) => ({
  protocol,
  ports,
  icmp: null,
  addresses,
});

/** Two subnets under one ACL meet the same rule: one denial that concerns both. */
function collect<T extends DenialOfOne>(
  found: (T & { subnetIds: string[] })[],
  denials: readonly T[],
  { client }: Way,
) {
  for (const denial of denials) {
    const same = found.find(
      (other) =>
        other.hop === denial.hop &&
        other.aclId === denial.aclId &&
        other.protocol === denial.protocol &&
        other.rule === denial.rule &&
        other.cidr === denial.cidr &&
        other.ports[0] === denial.ports[0] &&
        other.ports[1] === denial.ports[1],
    );
    const subnetIds = client === null ? [] : [client.subnet.id];
    if (same === undefined) found.push({ ...denial, subnetIds });
    else if (!same.subnetIds.some((id) => subnetIds.includes(id))) same.subnetIds.push(...subnetIds);
  }
}

type Server = { protocol: number; port: number; address: string; block: AddressRange; answered: boolean };

const protocolNumbers: Record<string, number> = { tcp, udp };

/** Servers outside the VPC that the NAT's table shows. */
function serversOf(host: HostEvidence | null, { network }: NatPath): Server[] {
  if (host?.table == null) return [];
  const { destinations, unansweredDestinations } = host.table;
  const servers = new Map<string, Server>();
  const add = (answered: boolean) => (space: (typeof destinations)[number]) => {
    const protocol = protocolNumbers[space.protocol];
    const block = parseBlock(space.address);
    if (protocol === undefined || block === undefined || space.port === 0) return;
    if (network.cidrs.some((cidr) => liesIn(space.address, cidr)) || liesIn(space.address, linkLocal)) return;
    servers.set(`${protocol} ${space.address} ${space.port}`, {
      protocol,
      port: space.port,
      address: space.address,
      block,
      answered,
    });
  };
  destinations.forEach(add(true));
  unansweredDestinations.forEach(add(false));
  return [...servers.values()];
}

/** The instance's own metadata, time and DNS services: no ACL is asked for them. */
const linkLocal = "169.254.0.0/16";

const hostCidr = (address: string): string => `${address}/${parseAddress(address)?.family === 6 ? 128 : 32}`;
