/** The metrics that the publisher on a NAT instance sends, by the names that alarms, dashboard and causes know them by. */

/** Namespace of what the host publishes. */
export const metricNamespace = "NatMedic";

/**
 * All have the dimension `InstanceId`; `EnaAllowanceExceeded` also `Allowance`, one of `allowances`.
 * `count`: what was counted since the publication before (wrap and reset of the counter taken care of), so that a sum
 * over any period is what happened in it. `gauge`: the value now. `rate`: per second since the publication before.
 * `sparse`: published only when it is not zero, since CloudWatch bills a metric for the hours in which it has data; that the
 * others are published says that it was zero.
 */
export const publishedMetrics = {
  /** Entries against nf_conntrack_max. */
  ConntrackUtilization: { unit: "Percent", kind: "gauge" },
  ConntrackEntries: { unit: "Count", kind: "gauge" },
  /** Column `drop`: the table was full, or (with as many failed insertions) no port was free. */
  ConntrackDrops: { unit: "Count", kind: "count" },
  ConntrackInsertFailed: { unit: "Count", kind: "count" },
  ConntrackEarlyDrops: { unit: "Count", kind: "count", sparse: true },
  /** Column `chainlength`, since Linux 5.15. */
  ConntrackChainTooLong: { unit: "Count", kind: "count", sparse: true },
  /** Column `found`: ports that NAT tried and found taken. */
  SnatPortPressure: { unit: "Count/Second", kind: "rate" },
  EnaAllowanceExceeded: { unit: "Count", kind: "count", sparse: true },
  /** `conntrack_allowance_available`, where the driver shows it (2.8.1 and later, on Nitro). */
  EnaConntrackHeadroom: { unit: "Count", kind: "gauge" },
  /** 1 when IPv4 is forwarded and a rule translates source addresses, else 0. */
  NatForwarding: { unit: "None", kind: "gauge" },
} as const;
export type PublishedMetric = keyof typeof publishedMetrics;

/** As `ethtool -S` names them, without `_allowance_exceeded`. */
export const allowances = ["bw_in", "bw_out", "pps", "conntrack", "linklocal"] as const;
