import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { parameter } from "../evidence/stack-counters.ts";

const setting = "net.ipv4.tcp_tw_recycle";

/**
 * Linux before 4.12 could forget TIME_WAIT early, by remembering the last timestamp of each address. Hosts behind another
 * NAT share one address and not one clock, so the kernel drops their SYNs for a minute. What is forwarded is not touched:
 * only connections to and from this host itself.
 * Settled by the setting. Looks alike: the same setting at a destination.
 */
export const twRecycleEnabledHere: Cause = {
  id: "tw-recycle-enabled-here",
  title: "This host recycles TIME_WAIT by timestamps",
  symptom: "Connections from networks behind other NATs to this host fail at random.",
  fixes: ["prefer-time-wait-reuse"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    if (Object.keys(evidence.parameters).length === 0) {
      return { verdict: "unknown", missing: `${setting} could not be read`, asked: false };
    }
    const value = parameter(evidence, setting);
    const seen = observe(evidence);
    if (value === undefined || value === 0) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: 0.95,
      severity: "warning",
      evidence: seen,
      advice: [
        "Forwarded connections do not suffer from it; those to this host do, such as SSH, a proxy or health checks.",
      ],
    };
  },

  verify(_before, after) {
    if (Object.keys(after.parameters).length === 0) return { verdict: "unknown", evidence: [] };
    const isOff = (parameter(after, setting) ?? 0) === 0;
    return { verdict: isOff ? "better" : "unchanged", evidence: observe(after) };
  },
};

function observe(host: HostEvidence): Observation[] {
  const value = parameter(host, setting);
  return [
    {
      signal: setting,
      observed: value === undefined ? `not there: Linux ${host.kernel} has no such setting` : String(value),
      expected: "0, or not there (since Linux 4.12)",
    },
  ];
}
