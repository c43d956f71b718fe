/** The VPC: subnets, network ACLs, route tables, security group rules, endpoints. Described only. */
import {
  DescribeNetworkAcls$,
  type DescribeNetworkAclsRequest,
  type DescribeNetworkAclsResult,
  DescribeRouteTables$,
  type DescribeRouteTablesRequest,
  type DescribeRouteTablesResult,
  DescribeSecurityGroupRules$,
  type DescribeSecurityGroupRulesRequest,
  type DescribeSecurityGroupRulesResult,
  DescribeSubnets$,
  type DescribeSubnetsRequest,
  type DescribeSubnetsResult,
  DescribeVpcEndpoints$,
  type DescribeVpcEndpointsRequest,
  type DescribeVpcEndpointsResult,
  DescribeVpcs$,
  type DescribeVpcsRequest,
  type DescribeVpcsResult,
} from "@aws-sdk/client-ec2";
import type { World } from "../../world.ts";
import type { Operation } from "../service.ts";
import { list } from "./list.ts";

export type NetworkWorld = Pick<
  World,
  "vpcs" | "subnets" | "networkAcls" | "routeTables" | "securityGroupRules" | "vpcEndpoints"
>;

export const networkOperations = (world: NetworkWorld): Operation[] => {
  const describeVpcs = async (request: DescribeVpcsRequest): Promise<DescribeVpcsResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeVpcs",
        items: world.vpcs,
        ids: { wanted: request.VpcIds, code: "InvalidVpcID", noun: "vpc ID" },
        filters: { "vpc-id": ({ VpcId }) => [VpcId] },
        tags: ({ Tags }) => Tags,
      },
      request,
    );
    return { Vpcs: items, ...token(nextToken) };
  };

  const describeSubnets = async (request: DescribeSubnetsRequest): Promise<DescribeSubnetsResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeSubnets",
        items: world.subnets,
        ids: { wanted: request.SubnetIds, code: "InvalidSubnetID", noun: "subnet ID" },
        filters: {
          "availability-zone": ({ AvailabilityZone }) => [AvailabilityZone],
          "subnet-id": ({ SubnetId }) => [SubnetId],
          "vpc-id": ({ VpcId }) => [VpcId],
        },
        tags: ({ Tags }) => Tags,
      },
      request,
    );
    return { Subnets: items, ...token(nextToken) };
  };

  const describeNetworkAcls = async (
    request: DescribeNetworkAclsRequest,
  ): Promise<DescribeNetworkAclsResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeNetworkAcls",
        items: world.networkAcls,
        ids: { wanted: request.NetworkAclIds, code: "InvalidNetworkAclID", noun: "networkAcl ID" },
        filters: {
          "association.subnet-id": ({ Associations = [] }) => Associations.map(({ SubnetId }) => SubnetId),
          "network-acl-id": ({ NetworkAclId }) => [NetworkAclId],
          "vpc-id": ({ VpcId }) => [VpcId],
        },
        tags: ({ Tags }) => Tags,
      },
      request,
    );
    return { NetworkAcls: items, ...token(nextToken) };
  };

  const describeRouteTables = async (
    request: DescribeRouteTablesRequest,
  ): Promise<DescribeRouteTablesResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeRouteTables",
        items: world.routeTables,
        ids: { wanted: request.RouteTableIds, code: "InvalidRouteTableID", noun: "routeTable ID" },
        filters: {
          "association.main": ({ Associations = [] }) => Associations.map(({ Main }) => String(Main)),
          "association.subnet-id": ({ Associations = [] }) => Associations.map(({ SubnetId }) => SubnetId),
          "route-table-id": ({ RouteTableId }) => [RouteTableId],
          "vpc-id": ({ VpcId }) => [VpcId],
        },
        tags: ({ Tags }) => Tags,
      },
      request,
    );
    return { RouteTables: items, ...token(nextToken) };
  };

  const describeSecurityGroupRules = async (
    request: DescribeSecurityGroupRulesRequest,
  ): Promise<DescribeSecurityGroupRulesResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeSecurityGroupRules",
        items: world.securityGroupRules,
        ids: {
          wanted: request.SecurityGroupRuleIds,
          code: "InvalidSecurityGroupRuleId",
          noun: "security group rule ID",
        },
        filters: {
          "group-id": ({ GroupId }) => [GroupId],
          "security-group-rule-id": ({ SecurityGroupRuleId }) => [SecurityGroupRuleId],
        },
        tags: ({ Tags }) => Tags,
      },
      request,
    );
    return { SecurityGroupRules: items, ...token(nextToken) };
  };

  const describeVpcEndpoints = async (
    request: DescribeVpcEndpointsRequest,
  ): Promise<DescribeVpcEndpointsResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeVpcEndpoints",
        items: world.vpcEndpoints,
        ids: { wanted: request.VpcEndpointIds, code: "InvalidVpcEndpointId", noun: "VpcEndpoint Id" },
        filters: {
          "service-name": ({ ServiceName }) => [ServiceName],
          "vpc-endpoint-state": ({ State }) => [State],
          "vpc-endpoint-type": ({ VpcEndpointType }) => [VpcEndpointType],
          "vpc-id": ({ VpcId }) => [VpcId],
        },
        tags: ({ Tags }) => Tags,
      },
      request,
    );
    return { VpcEndpoints: items, ...token(nextToken) };
  };

  return [
    { schema: DescribeVpcs$, run: describeVpcs },
    { schema: DescribeSubnets$, run: describeSubnets },
    { schema: DescribeNetworkAcls$, run: describeNetworkAcls },
    { schema: DescribeRouteTables$, run: describeRouteTables },
    { schema: DescribeSecurityGroupRules$, run: describeSecurityGroupRules },
    { schema: DescribeVpcEndpoints$, run: describeVpcEndpoints },
  ];
};

const token = (nextToken: string | undefined) => (nextToken === undefined ? {} : { NextToken: nextToken });
