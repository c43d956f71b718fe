import { awsNotAsked, type Cause, type Judgement, type Observation } from "../cause.ts";
import type { CloudInstance, NetworkInterface } from "../evidence/cloud.ts";
import { natPath, unreadNetwork } from "../evidence/nat-path.ts";

/**
 * EC2 drops what neither comes from nor goes to the interface's own addresses: all that a NAT takes in from its clients.
 * Settled by the attribute of the interface that the routes lead to. One that only faces the internet does without:
 * what leaves there already has the NAT's own address.
 * Looks alike: forwarding off or no masquerade rule (there the packets arrive and the host drops them).
 */
export const sourceDestCheckEnabled: Cause = {
  id: "source-dest-check-enabled",
  title: "EC2 drops what the NAT forwards",
  symptom: "Nothing behind the NAT reaches the internet; the NAT's own connections work.",
  fixes: ["disable-source-dest-check"],

  judge({ cloud }): Judgement {
    if (!cloud.asked) return awsNotAsked;
    const { instance } = cloud;
    if (instance === null) return { verdict: "unknown", missing: unreadNetwork(cloud) };
    const forwarding = natPath(cloud)?.clients.map(({ inside }) => inside) ?? [];
    const looked = forwarding.length > 0 ? [...new Set(forwarding)] : instance.interfaces;
    if (looked.length === 0) return judgeInstance(instance);
    const checked = looked.filter(({ sourceDestCheck }) => sourceDestCheck);
    const evidence = looked.map(observe);
    if (checked.length === 0) return { verdict: "absent", evidence };
    if (forwarding.length > 0 || checked.length === instance.interfaces.length) {
      return { verdict: "present", confidence: 0.99, severity: "critical", evidence };
    }
    // Off on one and on on another, and no route tells which one takes the clients' packets in.
    return {
      verdict: "unknown",
      missing: `no route leads here: which of ${looked.map(({ id }) => id).join(", ")} forwards is not known`,
    };
  },

  verify: null,
};

/** EC2 tells the attribute of the first interface as the instance's. */
function judgeInstance({ sourceDestCheck }: CloudInstance): Judgement {
  if (sourceDestCheck === null) {
    return { verdict: "unknown", missing: "EC2 tells the source/destination check of no interface" };
  }
  const evidence = [
    { signal: "source/destination check of the instance", observed: onOff(sourceDestCheck), expected: "off" },
  ];
  return sourceDestCheck
    ? { verdict: "present", confidence: 0.99, severity: "critical", evidence }
    : { verdict: "absent", evidence };
}

const observe = ({ id, sourceDestCheck }: NetworkInterface): Observation => ({
  signal: `source/destination check of ${id}`,
  observed: onOff(sourceDestCheck),
  expected: "off",
});

const onOff = (value: boolean) => (value ? "on" : "off");
