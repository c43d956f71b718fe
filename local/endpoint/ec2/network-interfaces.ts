/** Network interfaces: described, and changed as far as a NAT instance's are ever changed. */
import {
  DescribeNetworkInterfaces$,
  type DescribeNetworkInterfacesRequest,
  type DescribeNetworkInterfacesResult,
  ModifyNetworkInterfaceAttribute$,
  type ModifyNetworkInterfaceAttributeRequest,
} from "@aws-sdk/client-ec2";
import type { World } from "../../world.ts";
import { AwsError, notImplementedLocally } from "../aws-error.ts";
import type { Operation } from "../service.ts";
import { list } from "./list.ts";

export type InterfaceWorld = Pick<World, "networkInterfaces">;

export const networkInterfaceOperations = (world: InterfaceWorld): Operation[] => {
  const describeNetworkInterfaces = async (
    request: DescribeNetworkInterfacesRequest,
  ): Promise<DescribeNetworkInterfacesResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeNetworkInterfaces",
        items: world.networkInterfaces,
        ids: { wanted: request.NetworkInterfaceIds, ...INTERFACE_IDS },
        filters: {
          "addresses.private-ip-address": ({ PrivateIpAddresses = [] }) =>
            PrivateIpAddresses.map(({ PrivateIpAddress }) => PrivateIpAddress),
          "attachment.instance-id": ({ Attachment }) => [Attachment?.InstanceId],
          "network-interface-id": ({ NetworkInterfaceId }) => [NetworkInterfaceId],
          "subnet-id": ({ SubnetId }) => [SubnetId],
          "vpc-id": ({ VpcId }) => [VpcId],
        },
        tags: ({ TagSet }) => TagSet,
      },
      request,
    );
    return { NetworkInterfaces: items, ...(nextToken !== undefined && { NextToken: nextToken }) };
  };

  const modifyNetworkInterfaceAttribute = async ({
    NetworkInterfaceId = "",
    SourceDestCheck,
    ConnectionTrackingSpecification,
    ...others
  }: ModifyNetworkInterfaceAttributeRequest): Promise<object> => {
    const { items } = list(
      {
        operation: "ModifyNetworkInterfaceAttribute",
        items: world.networkInterfaces,
        ids: { wanted: [NetworkInterfaceId], ...INTERFACE_IDS },
      },
      {},
    );
    const [other] = Object.keys(others);
    if (other !== undefined) throw notImplementedLocally("EC2", "ModifyNetworkInterfaceAttribute", other);
    const [found] = items;
    if (found === undefined) return {};
    if (SourceDestCheck?.Value !== undefined) found.SourceDestCheck = SourceDestCheck.Value;
    if (ConnectionTrackingSpecification !== undefined) {
      for (const [name, least, most] of TIMEOUTS) {
        const value = ConnectionTrackingSpecification[name];
        if (value !== undefined && (value < least || value > most)) {
          throw new AwsError(
            "InvalidParameterValue",
            `Value (${value}) for parameter ${name} is invalid. It must be from ${least} to ${most}.`,
          );
        }
      }
      // What is not given stays as it is.
      found.ConnectionTrackingConfiguration = {
        ...found.ConnectionTrackingConfiguration,
        ...ConnectionTrackingSpecification,
      };
    }
    return {};
  };

  return [
    { schema: DescribeNetworkInterfaces$, run: describeNetworkInterfaces },
    { schema: ModifyNetworkInterfaceAttribute$, run: modifyNetworkInterfaceAttribute },
  ];
};

const INTERFACE_IDS = {
  code: "InvalidNetworkInterfaceID",
  noun: "networkInterface ID",
  pattern: /^eni-(?:[0-9a-f]{8}|[0-9a-f]{17})$/,
};

/** API reference, ConnectionTrackingSpecificationRequest: seconds. */
const TIMEOUTS = [
  ["TcpEstablishedTimeout", 60, 432_000],
  ["UdpStreamTimeout", 60, 180],
  ["UdpTimeout", 30, 60],
] as const;
