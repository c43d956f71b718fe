import { natPath } from "../evidence/nat-path.ts";
import type { Fix } from "../fix.ts";

export const disableSourceDestCheck: Fix = {
  id: "disable-source-dest-check",
  title: "Let EC2 pass what the NAT forwards",
  risk: "medium",
  document: null,
  precondition: "The interface is the one that forwards, and its source/destination check is on.",
  effect: "At once: packets of the clients reach the NAT. No connection is interrupted.",
  blastRadius: "This interface, which may then send and receive packets of other addresses.",
  verifiedBy: "EC2 says that the check is off; connections of the clients appear in the NAT's table.",
  undoing: "Exact: the check is turned on again.",
  permissions: [],

  prepare({ cloud }) {
    const { instance } = cloud;
    if (instance === null) return { impossible: "the instance could not be read from EC2" };
    const forwarding = new Set(natPath(cloud)?.clients.map(({ inside }) => inside.id));
    const ids = instance.interfaces
      .filter(({ id, sourceDestCheck }) => sourceDestCheck && (forwarding.size === 0 || forwarding.has(id)))
      .map(({ id }) => id);
    if (ids.length === 0) return { impossible: "the check is off on every interface that forwards" };
    const command = (id: string, flag: string) =>
      `aws ec2 modify-network-interface-attribute --network-interface-id ${id} ${flag}`;
    return {
      action: `Turn the source/destination check of ${ids.join(", ")} off`,
      settings: ids.map((id) => ({ setting: `${id} source/destination check`, before: "on", after: "off" })),
      parameters: {},
      commands: ids.map((id) => command(id, "--no-source-dest-check")),
      undo: ids.map((id) => command(id, "--source-dest-check")),
    };
  },
};
