import { availableConnections } from "../evidence/allowances.ts";
import type { CloudEvidence, NetworkInterface } from "../evidence/cloud.ts";
import { effectiveTimeout, lacksRoom } from "../evidence/security-group-tracking.ts";
import type { Evidence } from "../evidence.ts";
import type { CloudChange, Fix, Prepared } from "../fix.ts";
import { timeout as inWords, whole } from "../wording.ts";

/** EC2 takes 60 to 432,000 s. Its own default for the newest types is the least that we set. */
const least = 350;
const most = 432_000;
/** Of the security group layer's places, for each connection through a NAT. */
const flowsPerConnection = 2;

/**
 * The layer must not forget before the kernel does, and need not remember for longer: the kernel's timeout is the one
 * to follow, upwards where connections hang, downwards where the layer has no room.
 */
export const alignEniTimeouts: Fix = {
  id: "align-eni-timeouts",
  title: "Align the interface's idle timeout with the kernel's",
  risk: "medium",
  document: null,
  precondition:
    "The interface and the kernel forget idle connections at different times, and the security group layer has room for a full table if it is to remember for longer.",
  effect: "The security group layer keeps an idle connection for as long as the kernel does.",
  blastRadius:
    "All connections of this interface. A longer timeout keeps idle ones in the layer's table; a shorter one ends those that are idle for longer, which the kernel has then forgotten too.",
  verifiedBy:
    "EC2 shows the new timeout, and conntrack_allowance_exceeded stands still with room left, in two windows.",
  undoing:
    "The old timeout is set again. An interface that had none of its own then has the type's default set on it, which is the same.",
  permissions: ["ec2:ModifyNetworkInterfaceAttribute", "ec2:DescribeNetworkInterfaces"],

  prepare({ host, cloud }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const kernel = host.evidence.timeouts.tcp_timeout_established;
    if (kernel === undefined) return { impossible: "the kernel's timeout is unknown" };
    const cards = knownCards(cloud);
    if (cards.length === 0) return { impossible: "EC2 did not say when the interfaces forget connections" };

    if (lacksRoom(host.evidence, cloud)) {
      const target = Math.max(least, kernel);
      const slow = cards.filter(({ timeout }) => timeout > target);
      if (slow.length === 0) {
        return {
          impossible: `the kernel itself remembers idle connections for ${inWords(kernel)}, and the interface must not forget first: shorten the kernel's timeout before`,
        };
      }
      return prepared(slow, target, isObservable(host));
    }
    const target = Math.min(most, kernel);
    const hasty = cards.filter(({ timeout }) => timeout < target);
    if (hasty.length === 0) return { impossible: "the interface remembers for as long as the kernel by now" };
    const available = availableConnections(host.evidence);
    const needed = flowsPerConnection * (host.evidence.conntrack.max ?? 0);
    if (available !== undefined && available < needed) {
      return {
        impossible: `the security group layer has room for ${whole(available)} more, and a full table needs ${whole(needed)}: shorten the kernel's timeout instead`,
      };
    }
    return prepared(hasty, target, isObservable(host));
  },
};

type Card = { card: NetworkInterface; timeout: number };

function knownCards(cloud: CloudEvidence): Card[] {
  return (cloud.instance?.interfaces ?? []).flatMap((card) => {
    const timeout = effectiveTimeout(card, cloud);
    return timeout === undefined ? [] : [{ card, timeout }];
  });
}

/** What cannot be verified afterwards is not done by us. */
function isObservable(host: Extract<Evidence["host"], { status: "read" }>): boolean {
  return availableConnections(host.evidence) !== undefined;
}

function prepared(cards: Card[], target: number, observable: boolean): Prepared {
  const [first] = cards;
  const change: CloudChange | undefined =
    // One step is one change: where several interfaces need it, a person does it.
    first !== undefined && cards.length === 1 && first.card.enrolled && observable
      ? {
          kind: "tracking-timeouts",
          networkInterfaceId: first.card.id,
          before: { tcpEstablished: first.timeout, udpStream: null, udp: null },
          after: { tcpEstablished: target, udpStream: null, udp: null },
        }
      : undefined;
  const was = [...new Set(cards.map((card) => inWords(card.timeout)))].join(" and ");
  return {
    action: `Let the security group layer forget established connections of ${cards.map(({ card }) => card.id).join(" and ")} after ${inWords(target)} of silence, like the kernel, not ${was}`,
    settings: cards.map(({ card, timeout }) => ({
      setting: `${card.id}.tcp-established`,
      before: String(timeout),
      after: String(target),
    })),
    parameters: {},
    commands: cards.map(({ card }) => setTimeoutCommand(card.id, target)),
    undo: cards.map(({ card, timeout }) => setTimeoutCommand(card.id, timeout)),
    ...(change === undefined ? {} : { cloudChange: change }),
  };
}

const setTimeoutCommand = (networkInterfaceId: string, seconds: number) =>
  `aws ec2 modify-network-interface-attribute --network-interface-id ${networkInterfaceId} --connection-tracking-specification TcpEstablishedTimeout=${seconds}`;
