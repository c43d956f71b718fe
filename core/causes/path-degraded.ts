import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { CloudEvidence } from "../evidence/cloud.ts";
import { growth } from "../evidence/counters.ts";
import { cpuCredits, cpuShare } from "../evidence/cpu.ts";
import type { HostEvidence } from "../evidence/host.ts";
import {
  driverResets,
  isBusyForwarding,
  isThrottled,
  lostInBacklog,
  lostOnArrival,
  muchSteal,
} from "../evidence/path-load.ts";
import { duration, percent, whole } from "../wording.ts";

/** What was found, and how sure that alone makes us. */
type Symptom = { confidence: number; severity: "critical" | "warning" };

/**
 * The host loses packets or time before connection tracking sees them: no CPU credits left, a CPU that does nothing
 * but move packets, a full receive ring or backlog, a driver that resets. Settled by the host's own drop counters, by
 * steal and credits together, and by the driver's log. Looks alike: EC2's allowances (counted by the driver as
 * exceeded, while the host has time to spare).
 */
export const pathDegraded: Cause = {
  id: "path-degraded",
  title: "The NAT instance itself is too busy to forward",
  symptom: "All connections are slow and lose packets at busy times.",
  fixes: ["use-unlimited-credits", "enlarge-rx-ring", "change-instance-type"],

  judge({ host, cloud }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    if (cpuShare(evidence, "idle") === undefined || lostInBacklog(evidence) === undefined) {
      return { verdict: "unknown", missing: "/proc/stat and /proc/net/softnet_stat could not be read" };
    }
    const seen = observe(evidence, cloud);
    const symptoms = symptomsOf(evidence, cloud);
    if (symptoms.length === 0) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: Math.max(...symptoms.map(({ confidence }) => confidence)),
      severity: symptoms.some(({ severity }) => severity === "critical") ? "critical" : "warning",
      evidence: seen,
      advice: adviceFor(evidence, cloud),
    };
  },

  verify: null,
};

function symptomsOf(host: HostEvidence, cloud: CloudEvidence): Symptom[] {
  const symptoms: Symptom[] = [];
  const credits = cpuCredits(cloud);
  if (lostOnArrival(host).hurts || lostInBacklog(host)?.hurts) {
    symptoms.push({ confidence: 0.85, severity: "critical" });
  }
  if (isThrottled(host)) {
    symptoms.push({ confidence: credits === "gone" ? 0.9 : 0.6, severity: "warning" });
  } else if (credits === "gone") {
    symptoms.push({ confidence: 0.7, severity: "warning" });
  }
  if (isBusyForwarding(host)) symptoms.push({ confidence: 0.7, severity: "warning" });
  const resets = driverResets(host);
  if (resets.now > 0 || resets.lines > 0) symptoms.push({ confidence: 0.7, severity: "warning" });
  return symptoms;
}

function observe(host: HostEvidence, cloud: CloudEvidence): Observation[] {
  const share = (what: "softirq" | "steal" | "idle") => percent(cpuShare(host, what) ?? 0);
  const arrival = lostOnArrival(host);
  const backlog = lostInBacklog(host);
  const resets = driverResets(host);
  const credits = cpuCredits(cloud);
  const window = duration(host.window);
  const seen: Observation[] = [
    {
      signal: "packets lost at the receive ring",
      observed: `${whole(arrival.packets)} in ${window} (${percent(arrival.share)})`,
      expected: "0, at most 0.1 %",
    },
    {
      signal: "packets lost in the backlog (softnet dropped)",
      observed: `${whole(backlog?.packets ?? 0)} in ${window}, ${whole(growth(host, "softnet.squeezed") ?? 0)} times out of time`,
      expected: "0 lost, at most 0.1 %",
    },
    {
      signal: "CPU time: packets, steal, idle",
      observed: `${share("softirq")}, ${share("steal")}, ${share("idle")}`,
      expected: `packets below 50 % or some idle, steal below ${percent(muchSteal)}`,
    },
  ];
  if (credits !== undefined) {
    const words = { left: "left", borrowed: "used up, and unlimited mode goes on", gone: "used up" };
    seen.push({ signal: "CPU credits", observed: words[credits], expected: "left, or unlimited mode" });
  }
  if (resets.now > 0 || resets.lines > 0) {
    const lines =
      resets.secondsAgo === null
        ? ""
        : `; ${whole(resets.lines)} lines in the kernel log, the last ${duration(resets.secondsAgo)} before`;
    seen.push({
      signal: "resets of the network driver",
      observed: `${whole(resets.now)} in ${window}${lines}`,
      expected: "none",
    });
  }
  return seen;
}

function adviceFor(host: HostEvidence, cloud: CloudEvidence): string[] {
  const advice: string[] = [];
  if (lostInBacklog(host)?.hurts) {
    advice.push(
      "Spread the work over all CPUs (RPS: a mask with all of them in /sys/class/net/IF/queues/rx-0/rps_cpus) before raising net.core.netdev_max_backlog: a longer queue only delays.",
    );
  }
  if (driverResets(host).lines > 0 || driverResets(host).now > 0) {
    advice.push(
      "Update the ENA driver and the kernel: resets cost seconds each time, and most have a fix by now. If they go on, stop and start the instance, which moves it to other hardware.",
    );
  }
  if (isThrottled(host) && cpuCredits(cloud) !== "gone") {
    advice.push(
      "Steal without a lack of credits: look at CPUCreditBalance, and if it is not that, stop and start the instance, which moves it to other hardware.",
    );
  }
  return advice;
}
