/**
 * Every cause that NAT Medic knows. Order matters: of those that hold equally badly the first leads, and the others
 * are listed with it as contributing.
 */
import type { Cause } from "./cause.ts";
import { asymmetricPath } from "./causes/asymmetric-path.ts";
import { conntrackChurn } from "./causes/conntrack-churn.ts";
import { conntrackHashUndersized } from "./causes/conntrack-hash-undersized.ts";
import { conntrackHeavyHitter } from "./causes/conntrack-heavy-hitter.ts";
import { conntrackLimitMasked } from "./causes/conntrack-limit-masked.ts";
import { conntrackSettingsNotPersistent } from "./causes/conntrack-settings-not-persistent.ts";
import { conntrackTableFull } from "./causes/conntrack-table-full.ts";
import { conntrackTimeoutsTooLong } from "./causes/conntrack-timeouts-too-long.ts";
import { conntrackUnmonitored } from "./causes/conntrack-unmonitored.ts";
import { containerTableFull } from "./causes/container-table-full.ts";
import { enaBandwidthExceeded } from "./causes/ena-bandwidth-exceeded.ts";
import { enaConntrackExceeded } from "./causes/ena-conntrack-exceeded.ts";
import { enaFragmentsExceeded } from "./causes/ena-fragments-exceeded.ts";
import { enaLinklocalExceeded } from "./causes/ena-linklocal-exceeded.ts";
import { enaPpsExceeded } from "./causes/ena-pps-exceeded.ts";
import { eniTimeoutMismatch } from "./causes/eni-timeout-mismatch.ts";
import { fragmentsDropped } from "./causes/fragments-dropped.ts";
import { hostUnreachable } from "./causes/host-unreachable.ts";
import { ipForwardDisabled } from "./causes/ip-forward-disabled.ts";
import { masqueradeRuleMissing } from "./causes/masquerade-rule-missing.ts";
import { neighbourTableOverflow } from "./causes/neighbour-table-overflow.ts";
import { networkAclBlocksEphemeralPorts } from "./causes/network-acl-blocks-ephemeral-ports.ts";
import { pathDegraded } from "./causes/path-degraded.ts";
import { pathMtuBlackhole } from "./causes/path-mtu-blackhole.ts";
import { publicAddressMissing } from "./causes/public-address-missing.ts";
import { remoteRejectsTimestamps } from "./causes/remote-rejects-timestamps.ts";
import { routeMissing } from "./causes/route-missing.ts";
import { rpFilterDrops } from "./causes/rp-filter-drops.ts";
import { securityGroupBlocks } from "./causes/security-group-blocks.ts";
import { snatPortCollisions } from "./causes/snat-port-collisions.ts";
import { snatPortsExhausted } from "./causes/snat-ports-exhausted.ts";
import { snatRangeTooSmall } from "./causes/snat-range-too-small.ts";
import { sourceDestCheckEnabled } from "./causes/source-dest-check-enabled.ts";
import { sourcePortsExhausted } from "./causes/source-ports-exhausted.ts";
import { twRecycleEnabledHere } from "./causes/tw-recycle-enabled-here.ts";

export const causes: readonly Cause[] = [
  hostUnreachable,
  ipForwardDisabled,
  masqueradeRuleMissing,
  sourceDestCheckEnabled,
  publicAddressMissing,
  routeMissing,
  securityGroupBlocks,
  conntrackTableFull,
  conntrackLimitMasked,
  snatRangeTooSmall,
  snatPortsExhausted,
  conntrackHashUndersized,
  snatPortCollisions,
  enaConntrackExceeded,
  enaFragmentsExceeded,
  enaPpsExceeded,
  enaBandwidthExceeded,
  enaLinklocalExceeded,
  neighbourTableOverflow,
  rpFilterDrops,
  pathDegraded,
  fragmentsDropped,
  pathMtuBlackhole,
  networkAclBlocksEphemeralPorts,
  sourcePortsExhausted,
  remoteRejectsTimestamps,
  twRecycleEnabledHere,
  eniTimeoutMismatch,
  asymmetricPath,
  conntrackTimeoutsTooLong,
  conntrackHeavyHitter,
  conntrackChurn,
  containerTableFull,
  conntrackSettingsNotPersistent,
  conntrackUnmonitored,
];
