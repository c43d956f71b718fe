import { awsNotAsked, type Cause, type Judgement, type Observation } from "../cause.ts";
import type { CloudEvidence } from "../evidence/cloud.ts";

/**
 * The host could not be read, and AWS says why: stopped, impaired, or well and silent.
 * Settled by the instance's state, EC2's status checks and what SSM says of the agent. Looks alike: our own trouble
 * (no permission, an answer that does not fit), which is not called a cause. A host that was read is not this.
 */
export const hostUnreachable: Cause = {
  id: "host-unreachable",
  title: "The NAT instance does not answer",
  symptom: "Nothing behind the NAT reaches the internet, or nobody can look why it does not.",
  fixes: [],

  judge({ host, cloud }): Judgement {
    if (host.status === "read") {
      return {
        verdict: "absent",
        evidence: [{ signal: "the host", observed: "it was read", expected: "readable" }],
      };
    }
    if (host.reason !== "unreachable" && host.reason !== "timed-out") {
      return { verdict: "unknown", missing: `the host was not read for a reason of ours: ${host.detail}` };
    }
    if (!cloud.asked) return awsNotAsked;
    const { instance, statusChecks, agent } = cloud;
    if (instance === null) return { verdict: "unknown", missing: "EC2 did not say how the instance is" };
    const evidence: Observation[] = [
      { signal: "Run Command", observed: host.detail, expected: "an answer" },
      ...observe(cloud),
    ];
    const found = (confidence: number, severity: "critical" | "warning", title: string, advice: string[]) =>
      ({ verdict: "present", confidence, severity, title, evidence, advice }) satisfies Judgement;

    if (instance.state !== "running") {
      return found(0.99, "critical", `The NAT instance is ${instance.state}`, [
        "Find out who or what stopped it before it is started again (CloudTrail: StopInstances, TerminateInstances; a spot interruption; an Auto Scaling group).",
        "Routes that point to its interface are blackholes meanwhile: another NAT can take them over.",
      ]);
    }
    if (statusChecks?.system === "impaired") {
      return found(0.97, "critical", "The NAT instance runs on impaired hardware", [
        "Stop and start the instance (a reboot does not move it to other hardware); instance store volumes are lost.",
        "An alarm on StatusCheckFailed_System with the recover action does this by itself.",
      ]);
    }
    if (statusChecks?.instance === "impaired") {
      return found(0.95, "critical", "The NAT instance fails its own status check", [
        "Read the console log for the reason: out of memory, a full disk, a kernel panic, a lost network configuration (aws ec2 get-console-output --latest).",
        "A reboot may bring it back; the console log is what tells why it happened.",
      ]);
    }
    if (agent?.ping === "unregistered") {
      return found(0.9, "warning", "SSM does not know the NAT instance", [
        "The agent is not installed, not running, or the instance profile lacks AmazonSSMManagedInstanceCore.",
        "The agent needs HTTPS to ssm, ssmmessages and ec2messages of the Region: by the instance's own public address, or by VPC endpoints.",
      ]);
    }
    if (statusChecks === null && agent === null) {
      return { verdict: "unknown", missing: "neither EC2's status checks nor SSM could be asked" };
    }
    return found(0.6, "warning", "The NAT instance runs, and its agent is silent", silentAgent);
  },

  verify: null,
};

/** By how often it is so, the first to look at. */
const silentAgent = [
  "A full connection tracking table stops new connections of the agent itself too: look at the table's utilisation in CloudWatch, and if it is high, read nf_conntrack_count over SSH or the serial console.",
  "The host may be out of memory or CPU time (CPUUtilization, CPUCreditBalance; the console log names killed processes).",
  "The agent may have stopped (systemctl status amazon-ssm-agent) or lost its way out: the security group, the route and the network ACL of the instance's own subnet, DNS.",
  "The NAT may well go on forwarding: try a new connection through it before anything is restarted. A reboot empties the table and hides the reason.",
];

function observe({ instance, statusChecks, agent }: CloudEvidence): Observation[] {
  const seen: Observation[] = [
    { signal: "state of the instance", observed: instance?.state ?? "unknown", expected: "running" },
  ];
  if (statusChecks !== null) {
    seen.push({
      signal: "status checks: system, instance",
      observed: `${statusChecks.system}, ${statusChecks.instance}`,
      expected: "ok, ok",
    });
  }
  if (agent !== null) seen.push({ signal: "SSM agent", observed: agent.ping, expected: "Online" });
  return seen;
}
