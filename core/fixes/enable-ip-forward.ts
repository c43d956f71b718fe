import { parameter } from "../evidence/stack-counters.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { parameterChange } from "../kernel-parameters.ts";

const name = "net.ipv4.ip_forward";

export const enableIpForward: Fix = {
  id: "enable-ip-forward",
  title: "Let the kernel forward packets",
  risk: "low",
  document: "SetKernelParameters",
  precondition: "net.ipv4.ip_forward is 0.",
  effect: "What clients send is forwarded at once, on every interface.",
  blastRadius:
    "This NAT instance. The kernel then forwards between all of its interfaces, and accepts no ICMP redirects.",
  verifiedBy: "net.ipv4.ip_forward is 1 and every interface forwards, in two windows.",
  undoing: "Exact: the setting, that of each interface and the one for redirects are put back.",
  permissions: [sendDocument("SetKernelParameters")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const present = parameter(host.evidence, name);
    if (present === undefined) return { impossible: `${name} could not be read` };
    if (present !== 0) return { impossible: `${name} is 1 already` };
    return parameterChange("enable-ip-forward", "Turn forwarding on (net.ipv4.ip_forward from 0 to 1)", [
      { name, before: present, after: 1 },
    ]);
  },
};
