/** Which rules translate what leaves by the default route, and what the table says of it. */
import { liesIn } from "../address.ts";
import type { Evidence } from "../evidence.ts";
import type { HostEvidence, NatRule } from "./host.ts";

export type Translation = {
  /** Where the default route leaves; `null`: not known. */
  outer: string | null;
  /** Rules that translate what clients send there. */
  serving: NatRule[];
  /** Others, with why they do not. */
  idle: { rule: NatRule; reason: string }[];
  /** Unanswered connections that left with the sender's own address: what a missing rule leaves in the table. */
  untranslated: number;
  /** Entries whose address was changed. */
  translated: number;
};

/** `null` where the rules could not be read. */
export function translationOf({ host, cloud }: Evidence): Translation | null {
  if (host.status === "unread" || host.evidence.rules === null) return null;
  const { evidence } = host;
  const outer = evidence.interfaces?.find(({ defaultRoute }) => defaultRoute)?.name ?? null;
  const clients = clientsOf(evidence);
  const vpc = cloud.network?.cidrs ?? [];
  const idle: Translation["idle"] = [];
  const serving = (host.evidence.rules?.nat ?? []).filter((rule) => {
    const reason = whyNot(rule, outer, clients, vpc);
    if (reason !== undefined) idle.push({ rule, reason });
    return reason === undefined;
  });
  return { outer, serving, idle, ...entriesByTranslation(evidence) };
}

/** Senders that want out in vain: whoever has its own address as the one that answers go to. */
function clientsOf({ table }: HostEvidence): string[] {
  const sources = new Set(table?.sources.map(([address]) => address));
  return (table?.unansweredDestinations ?? [])
    .map(({ natAddress }) => natAddress)
    .filter((address) => sources.has(address));
}

function whyNot(rule: NatRule, outer: string | null, clients: string[], vpc: string[]): string | undefined {
  const { outInterface, source, protocol, destination } = rule;
  if (outer !== null && outInterface !== null && outInterface !== outer) {
    return `it is for ${outInterface}, and the default route leaves by ${outer}`;
  }
  if (destination !== null && destination !== "0.0.0.0/0") return `it is for traffic to ${destination} only`;
  if (protocol !== null && protocol !== "tcp" && protocol !== "all") return `it is for ${protocol} only`;
  if (source === null || source === "0.0.0.0/0") return undefined;
  if (clients.length > 0) {
    return clients.some((client) => liesIn(client, source))
      ? undefined
      : `it is for ${source}, and connections come from ${[...new Set(clients)].slice(0, 3).join(", ")}`;
  }
  const meetsVpc = vpc.length === 0 || vpc.some((block) => liesIn(source, block));
  return meetsVpc ? undefined : `it is for ${source}, which is no part of the VPC's ${vpc.join(", ")}`;
}

function entriesByTranslation({ table }: HostEvidence): { untranslated: number; translated: number } {
  if (table === null) return { untranslated: 0, translated: 0 };
  const sources = new Set(table.sources.map(([address]) => address));
  const count = (entries: number[]) => entries.reduce((sum, each) => sum + each, 0);
  return {
    untranslated: count(
      table.unansweredDestinations
        .filter(({ natAddress }) => sources.has(natAddress))
        .map(({ entries }) => entries),
    ),
    translated: count(
      table.natAddresses.filter(([address]) => !sources.has(address)).map(([, entries]) => entries),
    ),
  };
}
