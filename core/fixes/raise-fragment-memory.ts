import { parameter } from "../evidence/stack-counters.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { parameterChange } from "../kernel-parameters.ts";
import { whole } from "../wording.ts";

const name = "net.ipv4.ipfrag_high_thresh";
const MiB = 1_048_576;
const times = 4;
/** The same bound is kept by the fix on the host, which has the last word. */
const shareOfMemory = 1 / 16;

export const raiseFragmentMemory: Fix = {
  id: "raise-fragment-memory",
  title: "Give reassembly more memory",
  risk: "low",
  document: "SetKernelParameters",
  precondition: "A sixteenth of the free memory is more than what reassembly may use now.",
  effect: "Fragments find room while the rest of their packet is on its way.",
  blastRadius: "This NAT instance. The memory is taken only while fragments wait.",
  verifiedBy: "No packet lost in reassembly, in two windows.",
  undoing: "Exact: the old limit is put back.",
  permissions: [sendDocument("SetKernelParameters")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { evidence } = host;
    const present = parameter(evidence, name);
    if (present === undefined) return { impossible: `${name} could not be read` };
    const room = Math.floor((evidence.memory.availableKiB * 1024 * shareOfMemory) / MiB) * MiB;
    const wanted = Math.min(times * present, room);
    if (wanted < present + MiB) {
      return { impossible: "reassembly may already use a sixteenth of the free memory" };
    }
    return parameterChange(
      "raise-fragment-memory",
      `Let reassembly use ${whole(wanted / MiB)} MiB, not ${whole(present / MiB)} MiB`,
      [{ name, before: present, after: wanted }],
    );
  },
};
