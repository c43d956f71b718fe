import { lostBy, lostOnArrival } from "../evidence/path-load.ts";
import type { Fix } from "../fix.ts";
import { whole } from "../wording.ts";

/** Four times as long as now: the ENA driver's default of 1,024 becomes 4,096, what AWS advises for busy routers. */
const longer = 4;

/** Proposed only: the driver stops its queues for a moment to change them. */
export const enlargeRxRing: Fix = {
  id: "enlarge-rx-ring",
  title: "Give the network card a larger receive ring",
  risk: "medium",
  document: null,
  precondition: "The card loses packets for want of a free descriptor, and its ring can be larger.",
  effect: "A burst of packets waits in the ring instead of being lost.",
  blastRadius:
    "This interface stops for less than a second while its queues are made anew. More memory per queue.",
  verifiedBy: "rx_over_errors and rx_dropped stand still at a busy time.",
  undoing: "Exact: the old size, with the same short stop.",
  permissions: [],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { evidence } = host;
    if (!lostOnArrival(evidence).hurts) return { impossible: "no packets are lost at a receive ring" };
    const card = (evidence.interfaces ?? []).find(
      ({ name, rxRing }) => rxRing !== null && lostBy(evidence, name) > 0,
    );
    if (card === undefined || card.rxRing === null) {
      return { impossible: "the card that loses packets does not say how long its ring is" };
    }
    const [size, most] = card.rxRing;
    const larger = Math.min(longer * size, most);
    if (larger <= size)
      return { impossible: `the ring of ${card.name} is as long as it can be (${whole(size)})` };
    return {
      action: `Make the receive ring of ${card.name} ${whole(larger)} descriptors long, not ${whole(size)}`,
      settings: [{ setting: `${card.name} rx ring`, before: String(size), after: String(larger) }],
      parameters: {},
      commands: [
        `ethtool -G ${card.name} rx ${larger}`,
        "# to keep it over a reboot, a udev rule:",
        `printf '%s\\n' 'ACTION=="add", SUBSYSTEM=="net", KERNEL=="${card.name}", RUN+="/usr/sbin/ethtool -G ${card.name} rx ${larger}"' > /etc/udev/rules.d/99-nat-rx-ring.rules`,
      ],
      undo: [`ethtool -G ${card.name} rx ${size}`, "rm -f /etc/udev/rules.d/99-nat-rx-ring.rules"],
    };
  },
};
