import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { HostEvidence } from "../evidence/host.ts";
import type { FragmentCapture } from "../evidence/probe.ts";
import { failed, memoryNearlyFull, memoryUsed, strayFailures, wantsMemory } from "../evidence/reassembly.ts";
import { rateDoubled, stackGrowth } from "../evidence/stack-counters.ts";
import { duration, percent, whole } from "../wording.ts";

/** Of the fragments that came. One datagram in a hundred lost is what a user begins to notice, as with any other loss. */
const noticeable = 0.01;
/** One in ten: whoever depends on it does not work any more. */
const crippling = 0.1;

/**
 * Connection tracking has to put fragments together before it can translate them. It fails when a fragment never comes
 * (`ReasmTimeout` grows as well, 30 s later), or when the memory for waiting fragments is full (it does not).
 * Looks alike: fragments that EC2 drops on their way out (`pps_allowance_exceeded` grows), packets too large with the
 * don't-fragment bit (`FragFails`).
 */
export const fragmentsDropped: Cause = {
  id: "fragments-dropped",
  title: "Fragmented packets cannot be put together",
  symptom: "Answers that arrive in fragments are lost: large DNS answers, some VPNs and old servers.",
  fixes: ["raise-fragment-memory"],

  judge({ host, probes }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const failures = stackGrowth(evidence, failed);
    if (failures === undefined) return { verdict: "unknown", missing: "ReasmFails could not be read" };
    const seen = [...observe(evidence, failures), ...observeCapture(probes.fragments)];
    const share = failureShare(evidence, failures);
    if (failures < strayFailures || share < noticeable) return { verdict: "absent", evidence: seen };
    const severity = share >= crippling ? "critical" : "warning";
    if (wantsMemory(evidence)) {
      const title = "There is too little memory for waiting fragments";
      return {
        verdict: "present",
        confidence: 0.9,
        severity,
        title,
        evidence: seen,
        advice: [gatewayAdvice],
      };
    }
    return {
      verdict: "present",
      confidence: 0.8,
      severity,
      title: "Fragments are lost before they reach this host",
      evidence: seen,
      advice: [
        "More memory does not bring a lost fragment back: find the sender and let it send smaller packets (EDNS buffer of 1,232 bytes for DNS, a smaller MTU or MSS for tunnels).",
        "`tcpdump -ni any 'ip[6:2] & 0x3fff != 0'` on this host shows who sends fragments, and which of them are missing.",
        gatewayAdvice,
      ],
    };
  },

  verify(before, after) {
    const failures = stackGrowth(after, failed);
    if (failures === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after, failures);
    if (failures < strayFailures || !wantsMemory(after)) return { verdict: "better", evidence };
    return { verdict: rateDoubled(before, after, failed) ? "worse" : "unchanged", evidence };
  },
};

const gatewayAdvice =
  "A NAT gateway would not help: it passes fragments of UDP only and drops those of TCP and ICMP, where an instance puts them together.";

function failureShare(host: HostEvidence, failures: number): number {
  const fragments = Math.max(stackGrowth(host, "ip.ReasmReqds") ?? 0, failures);
  return fragments === 0 ? 0 : failures / fragments;
}

function observe(host: HostEvidence, failures: number): Observation[] {
  const fragments = stackGrowth(host, "ip.ReasmReqds") ?? 0;
  const timeouts = stackGrowth(host, "ip.ReasmTimeout") ?? 0;
  const seen: Observation[] = [
    {
      signal: "reassembly failures",
      observed:
        `${whole(failures)} in ${duration(host.window)}, of ${whole(fragments)} fragments` +
        (failures === 0
          ? ""
          : ` (${percent(failureShare(host, failures))}); ${whole(timeouts)} because a fragment never came`),
      expected: `below ${strayFailures}, or below ${percent(noticeable)}`,
    },
  ];
  const share = memoryUsed(host);
  if (share !== undefined) {
    seen.push({
      signal: "memory of waiting fragments, of ipfrag_high_thresh",
      observed: `${whole((host.gauges["frag.memory"] ?? 0) / 1024)} KiB (${percent(share)})`,
      expected: `below ${percent(memoryNearlyFull)}`,
    });
  }
  return seen;
}

function observeCapture(capture: FragmentCapture | null): Observation[] {
  if (capture === null || capture.status !== "done") return [];
  const senders = capture.senders.slice(0, 3).map(([address, count]) => `${address} (${whole(count)})`);
  return [
    {
      signal: "fragments captured on the wire",
      observed: `${whole(capture.fragments)} in ${duration(capture.seconds)}, ${whole(capture.tcp)} of TCP${senders.length === 0 ? "" : `, from ${senders.join(", ")}`}`,
      expected: "none",
    },
  ];
}
