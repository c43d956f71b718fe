/** Every fix that NAT Medic knows, by id. */
import type { Fix, FixId } from "./fix.ts";
import { limitSourceConnections } from "./fixes/limit-source-connections.ts";
import { raiseConntrackMax } from "./fixes/raise-conntrack-max.ts";
import { shortenConntrackTimeouts } from "./fixes/shorten-conntrack-timeouts.ts";

export const fixes: Readonly<Record<FixId, Fix>> = {
  "raise-conntrack-max": raiseConntrackMax,
  "shorten-conntrack-timeouts": shortenConntrackTimeouts,
  "limit-source-connections": limitSourceConnections,
};
