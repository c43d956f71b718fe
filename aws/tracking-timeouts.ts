/** When the security group layer forgets idle connections of one network interface. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeNetworkInterfacesCommand,
  EC2Client,
  ModifyNetworkInterfaceAttributeCommand,
} from "@aws-sdk/client-ec2";
import type { TrackingTimeouts } from "../core/evidence/cloud.ts";
import { clientHere } from "./place.ts";

const client = clientHere(EC2Client);

/** A change shows within seconds. */
const looks = 5;
const secondsBetweenLooks = 1;

/** `null`: the type's default holds. `undefined`: EC2 knows no such interface. */
export async function trackingTimeouts(networkInterfaceId: string): Promise<TrackingTimeouts | undefined> {
  try {
    const { NetworkInterfaces = [] } = await client().send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [networkInterfaceId] }),
    );
    const [found] = NetworkInterfaces;
    if (found === undefined) return undefined;
    const { TcpEstablishedTimeout, UdpStreamTimeout, UdpTimeout } =
      found.ConnectionTrackingConfiguration ?? {};
    return {
      tcpEstablished: TcpEstablishedTimeout ?? null,
      udpStream: UdpStreamTimeout ?? null,
      udp: UdpTimeout ?? null,
    };
  } catch (error) {
    if (error instanceof Error && error.name.startsWith("InvalidNetworkInterfaceID.")) return undefined;
    throw error;
  }
}

/** EC2's word when it refuses, else `null`: asked twice, it does the same twice. */
export async function setTrackingTimeouts(
  networkInterfaceId: string,
  { tcpEstablished, udpStream, udp }: TrackingTimeouts,
): Promise<string | null> {
  try {
    await client().send(
      new ModifyNetworkInterfaceAttributeCommand({
        NetworkInterfaceId: networkInterfaceId,
        ConnectionTrackingSpecification: {
          ...(tcpEstablished !== null && { TcpEstablishedTimeout: tcpEstablished }),
          ...(udpStream !== null && { UdpStreamTimeout: udpStream }),
          ...(udp !== null && { UdpTimeout: udp }),
        },
      }),
    );
    return null;
  } catch (error) {
    if (error instanceof Error && refusals.test(error.name)) return error.name;
    throw error;
  }
}

/** It did nothing: we may not, or it makes no sense there. What is throttled or broken is thrown, and tried again. */
const refusals = /^(UnauthorizedOperation|OperationNotPermitted|UnsupportedOperation|Invalid[A-Za-z.]+)$/;

/** As EC2 shows it, once it shows `expected` or a few seconds have passed. */
export async function trackingTimeoutsOnceSet(
  networkInterfaceId: string,
  expected: TrackingTimeouts,
): Promise<TrackingTimeouts | undefined> {
  for (let look = 1; ; look += 1) {
    const present = await trackingTimeouts(networkInterfaceId);
    if (look === looks || present?.tcpEstablished === expected.tcpEstablished) return present;
    await sleep(secondsBetweenLooks * 1000);
  }
}
