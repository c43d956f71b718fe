/** The VPC around the NAT instance, as far as packets between its clients and the internet meet it. */
import * as z from "zod/mini";

const port = z.int().check(z.gte(0), z.lte(65_535));
const Range = z.tuple([port, port]);

/** One entry of a network ACL, one direction. EC2 lists the default deny as number 32767. */
export const AclEntry = z.object({
  number: z.int(),
  egress: z.boolean(),
  action: z.enum(["allow", "deny"]),
  /** IANA's protocol number, or `null` for all ("-1"). */
  protocol: z.nullable(z.int()),
  /** IPv4 or IPv6; the two families are judged apart. */
  cidr: z.string(),
  /** Destination ports, in both directions; `null`: all, or a protocol without ports. */
  ports: z.nullable(Range),
  /** ICMP and ICMPv6 only; -1 is any. */
  icmp: z.nullable(z.object({ type: z.int(), code: z.int() })),
});
export type AclEntry = z.infer<typeof AclEntry>;

export const NetworkAcl = z.object({ id: z.string(), entries: z.array(AclEntry) });
export type NetworkAcl = z.infer<typeof NetworkAcl>;

export const Route = z.object({
  /** CIDR, or a prefix list's ID. */
  destination: z.string(),
  target: z.enum([
    "local",
    "internet-gateway",
    "egress-only-gateway",
    "network-interface",
    "nat-gateway",
    "vpc-endpoint",
    "transit-gateway",
    "peering",
    "other",
  ]),
  /** The target's ID, e.g. `eni-…`; for an interface, the instance that it is attached to is in `instanceId`. */
  targetId: z.string(),
  instanceId: z.nullable(z.string()),
  blackhole: z.boolean(),
});
export type Route = z.infer<typeof Route>;

export const RouteTable = z.object({ id: z.string(), routes: z.array(Route) });
export type RouteTable = z.infer<typeof RouteTable>;

export const Subnet = z.object({
  id: z.string(),
  cidr: z.string(),
  availabilityZone: z.string(),
  aclId: z.nullable(z.string()),
  /** Its own, or the VPC's main one. */
  routeTableId: z.nullable(z.string()),
});
export type Subnet = z.infer<typeof Subnet>;

/** One permission of a security group; several sources of one rule are several of these. */
export const SecurityGroupRule = z.object({
  groupId: z.string(),
  egress: z.boolean(),
  /** IANA's number, or `null` for all. */
  protocol: z.nullable(z.int()),
  /** `null`: all ports. */
  ports: z.nullable(Range),
  /** A CIDR, or `null` when the other end is a group or a prefix list (`peer` has its ID). */
  cidr: z.nullable(z.string()),
  peer: z.nullable(z.string()),
});
export type SecurityGroupRule = z.infer<typeof SecurityGroupRule>;

export const Network = z.object({
  vpcId: z.string(),
  /** CIDR blocks of the VPC. */
  cidrs: z.array(z.string()),
  /** All subnets of the VPC, at most 100. */
  subnets: z.array(Subnet),
  acls: z.array(NetworkAcl),
  routeTables: z.array(RouteTable),
  /** Of the NAT instance's interfaces. */
  securityGroupRules: z.array(SecurityGroupRule),
  /** Gateway endpoints in the VPC by service, e.g. `com.amazonaws.eu-central-1.s3`. */
  gatewayEndpoints: z.array(z.string()),
});
export type Network = z.infer<typeof Network>;
