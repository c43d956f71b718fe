import { parameter } from "../evidence/stack-counters.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { parameterChange } from "../kernel-parameters.ts";

const recycle = "net.ipv4.tcp_tw_recycle";
const reuse = "net.ipv4.tcp_tw_reuse";

export const preferTimeWaitReuse: Fix = {
  id: "prefer-time-wait-reuse",
  title: "Reuse TIME_WAIT the safe way",
  risk: "low",
  document: "SetKernelParameters",
  precondition: "net.ipv4.tcp_tw_recycle is on, which only kernels before 4.12 have.",
  effect:
    "The host stops refusing clients behind one address. Its own outgoing connections take over ports in TIME_WAIT instead.",
  blastRadius: "Connections that end on this host itself; what it forwards is not touched.",
  verifiedBy: "net.ipv4.tcp_tw_recycle is 0, in two windows.",
  undoing: "Exact: both old settings are put back.",
  permissions: [sendDocument("SetKernelParameters")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const present = parameter(host.evidence, recycle);
    const reused = parameter(host.evidence, reuse);
    if (present === undefined) return { impossible: "this kernel has no net.ipv4.tcp_tw_recycle" };
    if (present === 0) return { impossible: `${recycle} is off already` };
    const changes = [{ name: recycle, before: present, after: 0 }];
    if (reused !== undefined && reused !== 1) changes.push({ name: reuse, before: reused, after: 1 });
    return parameterChange(
      "prefer-time-wait-reuse",
      "Turn net.ipv4.tcp_tw_recycle off, and net.ipv4.tcp_tw_reuse on",
      changes,
    );
  },
};
