import { confirmedDestination } from "../evidence/suspected-destination.ts";
import type { Fix } from "../fix.ts";

export const tellRemoteOwner: Fix = {
  id: "tell-remote-owner",
  title: "Ask the owner of the destination to turn tcp_tw_recycle off",
  risk: "low",
  document: null,
  precondition:
    "The active test has shown that the destination answers without TCP timestamps and not with them.",
  effect: "Ends the trouble at its root, for everybody who reaches that destination through a NAT.",
  blastRadius: "None on this host: it is a message to people.",
  verifiedBy: "the active test shows no difference between connections with and without timestamps",
  undoing: "Exact: nothing is changed here, so there is nothing to undo.",
  permissions: [],

  prepare(evidence) {
    const destination = confirmedDestination(evidence);
    if ("unconfirmed" in destination) return { impossible: destination.unconfirmed };
    const { address, port } = destination;
    return {
      action: `Send this to whoever runs ${address}: ${message(evidence, address, port)}`,
      settings: [],
      parameters: {},
      // What the owner types, on the destination's own hosts and load balancers.
      commands: [],
      undo: [],
    };
  },
};

type Evidence = Parameters<Fix["prepare"]>[0];

function message({ probes, cloud }: Evidence, address: string, port: number): string {
  const { withTimestamps: on, withoutTimestamps: off } = probes.timestamps ?? {
    withTimestamps: { attempted: 0, succeeded: 0 },
    withoutTimestamps: { attempted: 0, succeeded: 0 },
  };
  const from = cloud.instance?.publicAddress;
  return [
    `"Connections from our NAT${from ? ` (${from})` : ""} to ${address} port ${port} time out at random.`,
    `Of ${on.attempted} connections with TCP timestamps ${on.succeeded} were answered,`,
    `of ${off.attempted} without them ${off.succeeded}, in turns in the same minute.`,
    "A host or load balancer of yours seems to run Linux before 4.12 with net.ipv4.tcp_tw_recycle = 1, which drops",
    "connections of clients that share one address.",
    "Please run: sysctl -w net.ipv4.tcp_tw_recycle=0 and remove the setting from sysctl.conf and sysctl.d.",
    'Where outgoing ports are scarce, net.ipv4.tcp_tw_reuse = 1 is the safe way; Linux 4.12 has removed tcp_tw_recycle."',
  ].join(" ");
}
