import type { HostEvidence } from "../evidence/host.ts";
import { parameter } from "../evidence/stack-counters.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { parameterChange } from "../kernel-parameters.ts";

const strict = 1;
const loose = 2;
/** What one command of ours changes at most. */
const mostInterfaces = 8;

export const loosenRpFilter: Fix = {
  id: "loosen-rp-filter",
  title: "Accept packets that arrive on another interface than their answers leave by",
  risk: "low",
  document: "SetKernelParameters",
  precondition: "An interface filters strictly (rp_filter is 1, its own or that for all).",
  effect: "Packets whose sender is reached by another interface pass at once.",
  blastRadius:
    "The interfaces that filter strictly. Senders that are reached by no interface at all are still refused; EC2 checks the addresses of its instances itself.",
  verifiedBy: "No packet dropped by the reverse path filter, in two windows.",
  undoing: "Exact: the old setting of each interface is put back.",
  permissions: [sendDocument("SetKernelParameters")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const changes = strictInterfaces(host.evidence);
    if (changes === undefined) return { impossible: "rp_filter could not be read" };
    if (changes.length === 0) return { impossible: "no interface filters strictly" };
    const names = changes.map(({ link }) => link).join(", ");
    return parameterChange("loosen-rp-filter", `Set rp_filter to 2 (loose) on ${names}`, changes);
  },
};

/** The kernel takes the larger of an interface's own value and that for all, so its own is enough. */
function strictInterfaces(host: HostEvidence) {
  const all = parameter(host, "net.ipv4.conf.all.rp_filter");
  const known = Object.keys(host.parameters).flatMap((name) => {
    const link = /^net\.ipv4\.conf\.(.+)\.rp_filter$/.exec(name)?.[1];
    return link === undefined || ["all", "default", "lo"].includes(link) ? [] : [{ name, link }];
  });
  if (all === undefined || known.length === 0) return undefined;
  return known
    .map(({ name, link }) => ({ name, link, before: parameter(host, name) ?? 0, after: loose }))
    .filter(({ before }) => Math.max(all, before) === strict)
    .slice(0, mostInterfaces);
}
