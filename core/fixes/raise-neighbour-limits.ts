import { parameter } from "../evidence/stack-counters.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { parameterChange } from "../kernel-parameters.ts";
import { whole } from "../wording.ts";

const nameOf = (number: number) => `net.ipv4.neigh.default.gc_thresh${number}`;
/** Room for every address of four /20 subnets; the kernel's own 128, 512 and 1,024 do not hold one /22. */
const sensible = [4_096, 8_192, 16_384] as const;
/** The same bounds are kept by the fix on the host, which has the last word. */
const most = 1_048_576;
const bytesPerNeighbour = 512;
const shareOfMemory = 1 / 16;

export const raiseNeighbourLimits: Fix = {
  id: "raise-neighbour-limits",
  title: "Raise the limits of the neighbour table",
  risk: "low",
  document: "SetKernelParameters",
  precondition: "The three limits are known, and a sixteenth of the free memory has room for more.",
  effect: "New neighbours find room at once; no entry that exists is touched.",
  blastRadius: "This NAT instance. A neighbour takes up to half a KiB, and only while it is there.",
  verifiedBy: "No neighbour refused for want of room, in two windows.",
  undoing: "Exact: the old limits are put back, and the kernel forgets what is beyond them.",
  permissions: [sendDocument("SetKernelParameters")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { evidence } = host;
    const present = [1, 2, 3].map((number) => parameter(evidence, nameOf(number)));
    const [first, second, third] = present;
    if (first === undefined || second === undefined || third === undefined) {
      return { impossible: "the present limits of the neighbour table could not be read" };
    }
    const room = Math.floor((evidence.memory.availableKiB * 1024 * shareOfMemory) / bytesPerNeighbour);
    const limit = Math.min(most, room);
    const isSmall = third < sensible[2];
    const wanted = [first, second, third].map((value, at) =>
      Math.max(value, Math.min(limit, isSmall ? (sensible[at] ?? value) : 2 * value)),
    );
    const changes = [3, 2, 1].flatMap((number) => {
      const before = present[number - 1] ?? 0;
      const after = wanted[number - 1] ?? 0;
      return after > before ? [{ name: nameOf(number), before, after }] : [];
    });
    const raisesLast = (wanted[2] ?? 0) > third;
    if (!raisesLast) {
      return { impossible: "the table is as large as a sixteenth of the free memory allows" };
    }
    return parameterChange(
      "raise-neighbour-limits",
      `Raise the neighbour table from ${whole(third)} to ${whole(wanted[2] ?? third)} entries`,
      changes,
    );
  },
};
