/** Which active tests a diagnosis asks for. They run only when a person has asked for them. */
import type { CommandOutcome } from "./command.ts";
import { printedBy } from "./evidence/document-output.ts";
import { FragmentCapture, type ProbeResults, TimestampProbe } from "./evidence/probe.ts";
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

/** The results so far, and what came of one more request. */
export function withResult(
  results: ProbeResults,
  request: ProbeRequest,
  outcome: CommandOutcome,
): ProbeResults {
  switch (request.document) {
    case "ProbeTimestamps": {
      const printed = printedBy(TimestampProbe, outcome);
      const { Address, Port } = request.parameters;
      if (printed.status === "unread") return unread(results, `the test of timestamps: ${printed.detail}`);
      const { address, port, status } = printed.value;
      // A refusal may be of the very address.
      if (status === "done" && (address !== Address || String(port) !== Port)) {
        return unread(
          results,
          "the test of timestamps: the host tells of another destination than it was asked",
        );
      }
      return { ...results, timestamps: printed.value };
    }
    case "CaptureFragments": {
      const printed = printedBy(FragmentCapture, outcome);
      if (printed.status === "read") return { ...results, fragments: printed.value };
      return unread(results, `the capture of fragments: ${printed.detail}`);
    }
    default:
      return request satisfies never;
  }
}

function unread(results: ProbeResults, detail: string): ProbeResults {
  return { ...results, unread: [...results.unread, detail] };
}
