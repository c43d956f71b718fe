import { type InstanceWorld, instanceOperations } from "./ec2/instances.ts";
import { type NetworkWorld, networkOperations } from "./ec2/network.ts";
import { type InterfaceWorld, networkInterfaceOperations } from "./ec2/network-interfaces.ts";
import type { Service } from "./service.ts";

/** EC2 over the given resources, described as the API does; what changes an interface changes them in place. */
export const ec2 = (world: InstanceWorld & InterfaceWorld & NetworkWorld): Service => ({
  name: "ec2",
  title: "EC2",
  target: "AmazonEC2",
  version: "2016-11-15",
  xmlNamespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
  dialect: "ec2",
  operations: [
    ...instanceOperations(world),
    ...networkInterfaceOperations(world),
    ...networkOperations(world),
  ],
});
