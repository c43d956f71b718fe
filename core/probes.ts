/** Which active tests a diagnosis asks for. They run only when a person has asked for them. */
import { suspectedDestination } from "./evidence/suspected-destination.ts";
import type { Evidence } from "./evidence.ts";

export type ProbeRequest =
  | { document: "ProbeTimestamps"; parameters: { Address: string; Port: string } }
  | { document: "CaptureFragments"; parameters: { Interface: string } };

/** IPv4 alone: the test's namespace has no IPv6. */
const dotted = /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/;

export function probesWorthRunning(evidence: Evidence): ProbeRequest[] {
  const requests: ProbeRequest[] = [];
  const suspicion = suspectedDestination(evidence);
  if (suspicion !== undefined && dotted.test(suspicion.address)) {
    const { address, port } = suspicion;
    requests.push({ document: "ProbeTimestamps", parameters: { Address: address, Port: String(port) } });
  }
  const { host } = evidence;
  const interfaces = host.status === "read" ? host.evidence.interfaces : null;
  // What the destinations send arrives where the default route leaves.
  const outside = interfaces?.find(({ defaultRoute }) => defaultRoute);
  if (outside !== undefined) {
    requests.push({ document: "CaptureFragments", parameters: { Interface: outside.name } });
  }
  return requests;
}
