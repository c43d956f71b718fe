/** Every fix that NAT Medic knows, by id. */
import type { Fix, FixId } from "./fix.ts";
import { addMasqueradeRule } from "./fixes/add-masquerade-rule.ts";
import { addVpcEndpoint } from "./fixes/add-vpc-endpoint.ts";
import { alignEniTimeouts } from "./fixes/align-eni-timeouts.ts";
import { attachPublicAddress } from "./fixes/attach-public-address.ts";
import { bypassConntrack } from "./fixes/bypass-conntrack.ts";
import { changeInstanceType } from "./fixes/change-instance-type.ts";
import { clampMss } from "./fixes/clamp-mss.ts";
import { disableSourceDestCheck } from "./fixes/disable-source-dest-check.ts";
import { enableIpForward } from "./fixes/enable-ip-forward.ts";
import { enlargeRxRing } from "./fixes/enlarge-rx-ring.ts";
import { limitSourceConnections } from "./fixes/limit-source-connections.ts";
import { loosenRpFilter } from "./fixes/loosen-rp-filter.ts";
import { openNetworkAcl } from "./fixes/open-network-acl.ts";
import { openSecurityGroup } from "./fixes/open-security-group.ts";
import { persistConntrackSettings } from "./fixes/persist-conntrack-settings.ts";
import { preferTimeWaitReuse } from "./fixes/prefer-time-wait-reuse.ts";
import { raiseConntrackMax } from "./fixes/raise-conntrack-max.ts";
import { raiseFragmentMemory } from "./fixes/raise-fragment-memory.ts";
import { raiseNeighbourLimits } from "./fixes/raise-neighbour-limits.ts";
import { randomizeSourcePorts } from "./fixes/randomize-source-ports.ts";
import { repairRoute } from "./fixes/repair-route.ts";
import { setUpMonitoring } from "./fixes/set-up-monitoring.ts";
import { shortenConntrackTimeouts } from "./fixes/shorten-conntrack-timeouts.ts";
import { spreadNatAddresses } from "./fixes/spread-nat-addresses.ts";
import { stripTimestamps } from "./fixes/strip-timestamps.ts";
import { tellRemoteOwner } from "./fixes/tell-remote-owner.ts";
import { untrackSecurityGroupRules } from "./fixes/untrack-security-group-rules.ts";
import { useUnlimitedCredits } from "./fixes/use-unlimited-credits.ts";
import { widenClientPorts } from "./fixes/widen-client-ports.ts";
import { widenSnatRange } from "./fixes/widen-snat-range.ts";

export const fixes: Readonly<Record<FixId, Fix>> = {
  "raise-conntrack-max": raiseConntrackMax,
  "shorten-conntrack-timeouts": shortenConntrackTimeouts,
  "limit-source-connections": limitSourceConnections,
  "enable-ip-forward": enableIpForward,
  "add-masquerade-rule": addMasqueradeRule,
  "raise-neighbour-limits": raiseNeighbourLimits,
  "loosen-rp-filter": loosenRpFilter,
  "raise-fragment-memory": raiseFragmentMemory,
  "prefer-time-wait-reuse": preferTimeWaitReuse,
  "randomize-source-ports": randomizeSourcePorts,
  "widen-snat-range": widenSnatRange,
  "clamp-mss": clampMss,
  "strip-timestamps": stripTimestamps,
  "persist-conntrack-settings": persistConntrackSettings,
  "align-eni-timeouts": alignEniTimeouts,
  "spread-nat-addresses": spreadNatAddresses,
  "bypass-conntrack": bypassConntrack,
  "set-up-monitoring": setUpMonitoring,
  "open-network-acl": openNetworkAcl,
  "repair-route": repairRoute,
  "open-security-group": openSecurityGroup,
  "attach-public-address": attachPublicAddress,
  "disable-source-dest-check": disableSourceDestCheck,
  "change-instance-type": changeInstanceType,
  "untrack-security-group-rules": untrackSecurityGroupRules,
  "add-vpc-endpoint": addVpcEndpoint,
  "use-unlimited-credits": useUnlimitedCredits,
  "enlarge-rx-ring": enlargeRxRing,
  "tell-remote-owner": tellRemoteOwner,
  "widen-client-ports": widenClientPorts,
};
