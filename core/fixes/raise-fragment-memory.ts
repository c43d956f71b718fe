import { wantsMemory } from "../evidence/reassembly.ts";
import { parameter } from "../evidence/stack-counters.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { parameterChange } from "../kernel-parameters.ts";
import { whole } from "../wording.ts";

const name = "net.ipv4.ipfrag_high_thresh";
const MiB = 1_048_576;
const times = 4;
/** The kernel's own default: less than that was somebody's advice. */
const usual = 4 * MiB;
/** The same bound is kept by the fix on the host, which has the last word. */
const shareOfMemory = 1 / 16;

export const raiseFragmentMemory: Fix = {
  id: "raise-fragment-memory",
  title: "Give reassembly more memory",
  risk: "low",
  document: "SetKernelParameters",
  precondition:
    "Fragments are refused because that memory is full, and a sixteenth of the free memory is more than it may use now.",
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
    if (!wantsMemory(evidence))
      return { impossible: "reassembly has memory left: what it lacks is fragments" };
    const room = Math.floor((evidence.memory.availableKiB * 1024 * shareOfMemory) / MiB) * MiB;
    const wanted = Math.min(Math.max(usual, times * present), room);
    if (wanted < present + MiB) {
      return { impossible: "reassembly may already use a sixteenth of the free memory" };
    }
    return parameterChange(
      "raise-fragment-memory",
      `Let reassembly use ${whole(wanted / 1024)} KiB, not ${whole(present / 1024)} KiB`,
      [{ name, before: present, after: wanted }],
    );
  },
};
