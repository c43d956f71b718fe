import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { parameter, stackGrowth } from "../evidence/stack-counters.ts";
import { duration, whole } from "../wording.ts";

/**
 * The kernel drops what it would have to forward. It asks the interface at which a packet arrives
 * (`net.ipv4.conf.<interface>.forwarding`); writing `net.ipv4.ip_forward` sets all of them.
 * Settled by the settings themselves, and by `ForwDatagrams` standing still.
 * Looks alike: no rule that translates, a wrong source/destination check, no route (there the kernel forwards).
 */
export const ipForwardDisabled: Cause = {
  id: "ip-forward-disabled",
  title: "The kernel does not forward packets",
  symptom: "Nothing behind the NAT reaches the internet, while the NAT itself does.",
  fixes: ["enable-ip-forward"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const setting = parameter(evidence, "net.ipv4.ip_forward");
    if (setting === undefined) return unreadParameter(evidence);
    const seen = observe(evidence);
    const refusing = refusingInterfaces(evidence);
    const outer = refusing.find((name) => isDefaultRoute(evidence, name));
    // Somebody may turn it on for the interfaces one by one, and leave the setting for all of them off; and a second
    // interface may be meant for management alone. The one of the default route is not: answers arrive there.
    if (outer === undefined && forwardsNow(evidence)) return { verdict: "absent", evidence: seen };
    if (setting === 0 && (refusing.length > 0 || !interfacesAreKnown(evidence))) {
      return { verdict: "present", confidence: 0.99, severity: "critical", evidence: seen };
    }
    const noneInside =
      refusing.length > 0 && innerInterfaces(evidence).every((name) => refusing.includes(name));
    if (outer === undefined && !noneInside) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: outer === undefined ? 0.8 : 0.99,
      severity: "critical",
      title: `The kernel does not forward what arrives at ${refusing.join(" and ")}`,
      evidence: seen,
      advice: [
        `net.ipv4.ip_forward is 1 already: set ${refusing.map((name) => `net.ipv4.conf.${name}.forwarding=1`).join(" and ")} with sysctl -w, and find what turned it off.`,
      ],
    };
  },

  verify(_before, after) {
    const now = parameter(after, "net.ipv4.ip_forward");
    if (now === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after);
    const works = now !== 0 && refusingInterfaces(after).length === 0;
    return { verdict: works ? "better" : "unchanged", evidence };
  },
};

/** Nobody asked for parameters where an older collector printed none at all. */
function unreadParameter({ parameters }: HostEvidence): Judgement {
  const missing = "net.ipv4.ip_forward could not be read";
  return Object.keys(parameters).length === 0
    ? { verdict: "unknown", missing, asked: false }
    : { verdict: "unknown", missing };
}

const forwardsNow = (host: HostEvidence) => (stackGrowth(host, "ip.ForwDatagrams") ?? 0) > 0;

const isDefaultRoute = ({ interfaces }: HostEvidence, name: string) =>
  interfaces?.find((each) => each.name === name)?.defaultRoute === true;

const innerInterfaces = ({ interfaces }: HostEvidence) =>
  (interfaces ?? []).filter(({ defaultRoute }) => !defaultRoute).map(({ name }) => name);

const interfacesAreKnown = (host: HostEvidence) =>
  (host.interfaces ?? []).some(({ name }) => parameter(host, forwardingOf(name)) !== undefined);

const forwardingOf = (name: string) => `net.ipv4.conf.${name}.forwarding`;

function refusingInterfaces(host: HostEvidence): string[] {
  return (host.interfaces ?? [])
    .map(({ name }) => name)
    .filter((name) => parameter(host, forwardingOf(name)) === 0);
}

function observe(host: HostEvidence): Observation[] {
  const seen: Observation[] = [
    {
      signal: "net.ipv4.ip_forward",
      observed: String(parameter(host, "net.ipv4.ip_forward") ?? "not readable"),
      expected: "1",
    },
  ];
  for (const name of refusingInterfaces(host)) {
    seen.push({ signal: forwardingOf(name), observed: "0", expected: "1" });
  }
  seen.push({
    signal: "packets forwarded",
    observed: `${whole(stackGrowth(host, "ip.ForwDatagrams") ?? 0)} in ${duration(host.window)}`,
    expected: "more than 0 while clients send",
  });
  return seen;
}
