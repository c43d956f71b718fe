/** How much of its own port range a private host has used up. */
import type { Evidence } from "../evidence.ts";
import type { SourceEvidence } from "./source.ts";

export type PortUse = {
  source: string;
  instanceId: string | null;
  reading: SourceEvidence;
  /** The remote end with the most ports in use; `null`: all together, as on Windows. */
  destination: { address: string; port: number } | null;
  used: number;
  /** Of `used`, in TIME_WAIT. */
  waiting: number;
  available: number;
  share: number;
};

/** Of all sources that could be asked, the one nearest to its end. */
export function tightestPortUse({ sources }: Evidence): PortUse | undefined {
  const uses = sources.flatMap(({ address, instanceId, reading }) => {
    if (reading.status === "unread") return [];
    const use = portUse(reading.evidence);
    return use === undefined ? [] : [{ source: address, instanceId, reading: reading.evidence, ...use }];
  });
  return uses.sort((a, b) => b.share - a.share)[0];
}

function portUse(reading: SourceEvidence) {
  const [first, last] = reading.portRange;
  const available = last - first + 1 - reading.reservedPorts;
  if (available <= 0) return undefined;
  const uses = candidates(reading).map((use) => ({ ...use, available, share: use.used / available }));
  return uses.sort((a, b) => b.share - a.share)[0];
}

/**
 * Linux gives the same port again towards another destination, so each has the whole range. Windows counts a dynamic
 * port once, whatever it is connected to.
 */
function candidates(reading: SourceEvidence): Pick<PortUse, "destination" | "used" | "waiting">[] {
  if (reading.platform === "windows") {
    const { established, timeWait } = reading;
    return [{ destination: null, used: established + timeWait, waiting: timeWait }];
  }
  // 1: for everybody; 2, the default since 4.19, is for loopback only. Either needs timestamps.
  const reuses = reading.timeWaitReuse === 1 && reading.timestamps !== 0;
  return reading.destinations.map(({ address, port, established, timeWait }) => {
    const waiting = reuses ? 0 : timeWait;
    return { destination: { address, port }, used: established + waiting, waiting };
  });
}
