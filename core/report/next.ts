/** What is left for a person to do. */
import type { Closing, Outcome } from "../closing.ts";
import type { Diagnosis } from "../diagnosis.ts";
import { fixes } from "../fixes.ts";
import type { Incident } from "../incident.ts";
import { mailText } from "../plain-text.ts";
import type { PlanStep } from "../plan.ts";
import { type StepRecord, type StepStatus, statusOf } from "../step-record.ts";
import { sendCommand } from "./by-hand.ts";
import { decisionLines } from "./decision.ts";
import { folded, indent, section } from "./layout.ts";
import { settings } from "./steps.ts";

export function nextSection(closing: Closing, outcome: Outcome): string {
  const { steps, plan, incident, diagnosis, undo } = closing;
  const lines: string[] = [];
  for (const record of undo === null ? steps : []) {
    const status = statusOf(record);
    if (stillToDo(status)) lines.push(...describeStep(record.step, whyNot(record, status), incident));
  }
  for (const step of undo === null ? notReached(closing) : []) {
    lines.push(...describeStep(step, "Not tried", incident));
  }
  for (const { fix, reason } of plan?.impossible ?? []) {
    lines.push(
      ...folded(`${fixes[fix].title}: not possible here, because ${mailText(reason, 300)}.`, { hanging: 2 }),
      "",
    );
  }
  if (undo === null && diagnosis !== null) lines.push(...adviceOn(diagnosis));
  if (outcome === "not-the-nat") lines.push(...lookElsewhere(), "");
  if (outcome === "undetermined" || outcome === "failed" || (outcome === "undone" && undo === null)) {
    lines.push(...lookForYourself(incident?.instanceId ?? "INSTANCE"), "");
  }
  const [leading] = diagnosis?.causes ?? [];
  if (leading !== undefined && undo === null && lines.length > 0) {
    // A file's name would become a link to a stranger's domain: .md is one.
    lines.push(`More about this cause: nat-medic explain ${leading.id}`);
    const aboutTheTable = /^(?:conntrack|snat)-/.test(leading.id);
    const isSaid = leading.advice.some((line) => line.includes("reboot"));
    if (outcome !== "fixed" && aboutTheTable && !isSaid) {
      lines.push("Do not reboot the instance: that empties the table for a while and fixes nothing.");
    }
  }
  return section("WHAT YOU CAN DO", trimEnd(lines));
}

/** Steps that may still be made by hand; what the plan holds beyond the finished ones was not tried. */
export function leftToDo(closing: Closing): PlanStep[] {
  const open = closing.steps.filter((record) => stillToDo(statusOf(record))).map(({ step }) => step);
  return [...open, ...notReached(closing)];
}

function notReached({ steps, plan }: Closing): PlanStep[] {
  return (plan?.steps ?? []).filter((step) => !steps.some((record) => record.step.fix === step.fix));
}

function stillToDo(status: StepStatus): status is keyof typeof why {
  return status in why;
}

const why = {
  proposed: "Proposed",
  rejected: "Rejected",
  unanswered: "Nobody answered in time",
  withdrawn: "The alarm went back to OK before anybody decided",
  refused: "Refused by a guard on the host",
} as const;

function whyNot({ step, answer }: StepRecord, status: keyof typeof why): string {
  switch (status) {
    case "rejected":
    case "unanswered":
    case "withdrawn":
      return answer === null ? why[status] : decisionLines(answer).join(".\n");
    case "proposed":
      return step.decisionReason === ""
        ? why.proposed
        : `${why.proposed} only: ${mailText(step.decisionReason, 200)}`;
    case "refused":
      return why.refused;
    default:
      return status satisfies never;
  }
}

/** A change that a person may make: what, why it was not made for them, how, and the way back. */
export function describeStep(
  step: PlanStep,
  reason = "Proposed",
  incident: Incident | null = null,
): string[] {
  const lines = [
    // A letter to somebody else may be in it, whole.
    ...folded(`${mailText(step.action, 1_500)} (risk ${step.risk})`, { hanging: 2 }),
    ...indent(reason.split("\n").flatMap((line) => folded(line, { hanging: 2, depth: 4 }))),
    ...indent(folded(`${step.effect} ${step.blastRadius}`, { depth: 4 })),
    ...indent(settings(step.settings)),
    ...typed("Do", step.commands),
  ];
  if (step.document !== null && incident !== null) {
    lines.push("  or from anywhere:", `    ${sendCommand(step, incident, "apply")}`);
  }
  return [...lines, ...typed("Undo", step.undo), ""];
}

function typed(what: string, commands: readonly string[]): string[] {
  return commands.length === 0 ? [] : [`  ${what}:`, ...indent(indent(commands))];
}

/** What to know about each cause that is no change. */
export function adviceOn({ causes }: Diagnosis): string[] {
  return causes
    .filter(({ advice }) => advice.length > 0)
    .flatMap(({ id, advice }) => [
      `Know about ${id}:`,
      ...advice.flatMap((line) => indent(folded(mailText(line, 600), { hanging: 2, depth: 4 }))),
      "",
    ]);
}

/** Where to look when the NAT is not the reason: what is next to it on the path. */
function lookElsewhere(): string[] {
  return [
    "From a client behind the NAT, while it fails, with and without the NAT in between where you can:",
    "  ss -tin state syn-sent              # retransmissions: the SYN leaves and nothing comes back",
    "  curl -sv --max-time 5 https://DESTINATION/ -o /dev/null",
    "On the NAT instance, whether the SYN leaves it and an answer comes to it:",
    "  tcpdump -lnni any -c 50 'host DESTINATION and tcp[tcpflags] & (tcp-syn|tcp-rst) != 0'",
    "Flow logs of its interface tell a REJECT from silence; a destination that counts or bans by address sees one client.",
    "Does the destination refuse by TCP timestamps, or answer in fragments? Start again with probe: true.",
  ];
}

function lookForYourself(instance: string): string[] {
  return [
    "See whether the instance and its SSM agent are well:",
    `  aws ec2 describe-instance-status --instance-ids ${instance}`,
    `  aws ssm describe-instance-information --filters Key=InstanceIds,Values=${instance}`,
    "Look for yourself, as root on the instance:",
    "  cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max",
    "  conntrack -S; dmesg | grep nf_conntrack",
    "Ask again while it fails:",
    "  nat-medic doctor --sudo --ssh USER@HOST",
  ];
}

export function trimEnd(lines: string[]): string[] {
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
