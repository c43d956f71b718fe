import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { noCloudEvidence } from "../evidence/cloud.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { noProbes } from "../evidence/probe.ts";
import { type Translation, translationOf } from "../evidence/translation.ts";
import { whole } from "../wording.ts";

/**
 * Packets leave with their private source address, and nobody on the internet can answer that.
 * Settled by the rules themselves: none masquerades or rewrites what leaves by the default route. A rule for an interface
 * that is not the default route's (eth0 became ens5), or for other sources (Docker's), is none.
 * Looks alike: forwarding that is off, the source/destination check, a missing route.
 */
export const masqueradeRuleMissing: Cause = {
  id: "masquerade-rule-missing",
  title: "No rule translates the source addresses",
  symptom:
    "Nothing behind the NAT reaches the internet, while the NAT itself does and every check of its state is green.",
  fixes: ["add-masquerade-rule"],

  judge(evidence): Judgement {
    const { host } = evidence;
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const translation = translationOf(evidence);
    if (translation === null) return unreadRules(host.evidence);
    const seen = observe(host.evidence, translation);
    if (translation.serving.length > 0) return { verdict: "absent", evidence: seen };
    // Connections that were translated when they began go on so without the rule. But where nothing shows that new ones
    // are not, the rule may also be written in a way that the collector does not know.
    const contradicted = translation.translated > 0 && translation.untranslated === 0;
    return {
      verdict: "present",
      confidence: contradicted ? 0.75 : 0.99,
      severity: "critical",
      evidence: seen,
      advice:
        translation.idle.length === 0
          ? [
              "A rule that was there and is gone was flushed: by a restart of the firewall's service, or by a boot that found no interface (-o with an empty name).",
            ]
          : translation.idle.map(({ rule, reason }) => `There is a rule to ${rule.action}, but ${reason}.`),
    };
  },

  verify(_before, after) {
    const translation = translationOf({
      host: { status: "read", evidence: after },
      cloud: noCloudEvidence,
      sources: [],
      probes: noProbes,
    });
    if (translation === null) return { verdict: "unknown", evidence: [] };
    const verdict = translation.serving.length > 0 ? "better" : "unchanged";
    return { verdict, evidence: observe(after, translation) };
  },
};

/** Nobody asked for rules where an older collector printed neither them nor the interfaces. */
function unreadRules({ interfaces }: HostEvidence): Judgement {
  const missing = "the NAT rules could not be read";
  return interfaces === null
    ? { verdict: "unknown", missing, asked: false }
    : { verdict: "unknown", missing };
}

function observe({ rules }: HostEvidence, { outer, serving, untranslated }: Translation): Observation[] {
  const readers = rules?.readers ?? [];
  const seen: Observation[] = [
    {
      signal: `rules that translate what leaves by ${outer ?? "the default route"}`,
      observed:
        serving.length > 0
          ? serving.map(({ specification, action }) => specification || action).join("; ")
          : `none of ${rules?.nat.length ?? 0} (asked: ${readers.join(", ") || "nothing is loaded"})`,
      expected: "one that masquerades",
    },
  ];
  if (untranslated > 0) {
    seen.push({
      signal: "unanswered connections that left with the sender's own address",
      observed: whole(untranslated),
      expected: "0",
    });
  }
  return seen;
}
