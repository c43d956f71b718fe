/**
 * The alarms over the whole fleet: one Metrics Insights query each, in which every instance is a contributor with a state
 * of its own. A new instance is covered by publishing. `template.yaml` deploys exactly these (a test compares).
 */
import { metricNamespace, type PublishedMetric } from "../metrics.ts";

/** A parameter of the stack, with its bounds. */
type Threshold = { parameter: string; default: number; least: number; most: number };

export type FleetAlarm = {
  /** The stack's name, `-fleet-` and this is its name. */
  what: string;
  metric: PublishedMetric;
  /** Of what one instance published in a minute. */
  aggregate: "MAX" | "MIN" | "SUM";
  breaching: "at-or-above" | "below";
  threshold: Threshold | number;
  /**
   * Of the last `of` minutes so many have to breach: one bad minute starts nothing, and the alarm ends only when fewer
   * are left among them, which is its hysteresis.
   */
  minutes: { breaching: number; of: number };
};

/**
 * In percent. Below the 90 of netdata and node-problem-detector and above the 75 of the node_exporter mixin: tables fill
 * within minutes, and the fifth that is left is the time in which to act.
 */
export const utilization: Threshold = {
  parameter: "UtilizationThreshold",
  default: 80,
  least: 1,
  most: 100,
};

/**
 * Lost per minute. A retransmission a second later hides a lost packet every six seconds, and two DNS packets of one
 * socket that race each other are counted here too; a full table loses more than that even on a small NAT.
 */
const losses: Threshold = { parameter: "LossThreshold", default: 10, least: 1, most: 1_000_000 };

/**
 * Ports found taken per second. A search that fails asks for 129 ports at least (measured: 300 connections, 38,700
 * ports), so 1,000 is eight new connections a second that get none, or a hundred that need ten tries each. Where ports
 * are plenty a connection finds less than one taken.
 */
const ports: Threshold = { parameter: "PortPressureThreshold", default: 1000, least: 1, most: 10_000_000 };

/**
 * Packets per minute: the 100 in five minutes from which the EKS node monitoring agent speaks of a spike. Some bursts
 * beyond an allowance are nothing that users feel.
 */
const exceeded: Threshold = { parameter: "AllowanceThreshold", default: 20, least: 1, most: 10_000_000 };

/**
 * Connections that the security group layer still takes. AWS publishes no sizes; a hundred new connections a second that
 * stay open use up 5,000 in the minute that the alarm needs.
 */
const headroom: Threshold = {
  parameter: "AllowanceHeadroomThreshold",
  default: 5000,
  least: 1,
  most: 10_000_000,
};

const twoOfFive = { breaching: 2, of: 5 };

export const fleetAlarms: readonly FleetAlarm[] = [
  {
    what: "table-filling",
    metric: "ConntrackUtilization",
    aggregate: "MAX",
    breaching: "at-or-above",
    threshold: utilization,
    minutes: twoOfFive,
  },
  lost("drops", "ConntrackDrops"),
  lost("insert-failed", "ConntrackInsertFailed"),
  lost("early-drops", "ConntrackEarlyDrops"),
  lost("chain-too-long", "ConntrackChainTooLong"),
  {
    what: "port-pressure",
    metric: "SnatPortPressure",
    aggregate: "MAX",
    breaching: "at-or-above",
    threshold: ports,
    minutes: { breaching: 3, of: 5 },
  },
  {
    what: "allowance-exceeded",
    metric: "EnaAllowanceExceeded",
    aggregate: "SUM",
    breaching: "at-or-above",
    threshold: exceeded,
    minutes: { breaching: 3, of: 5 },
  },
  {
    what: "allowance-headroom",
    metric: "EnaConntrackHeadroom",
    aggregate: "MIN",
    breaching: "below",
    threshold: headroom,
    minutes: twoOfFive,
  },
  // While an instance boots it may publish before its rule is in place.
  {
    what: "not-forwarding",
    metric: "NatForwarding",
    aggregate: "MIN",
    breaching: "below",
    threshold: 1,
    minutes: { breaching: 3, of: 5 },
  },
];

function lost(what: string, metric: PublishedMetric): FleetAlarm {
  return {
    what,
    metric,
    aggregate: "SUM",
    breaching: "at-or-above",
    threshold: losses,
    minutes: twoOfFive,
  };
}

/** The threshold where nobody chose another. */
export const defaultThreshold = ({ threshold }: FleetAlarm): number =>
  typeof threshold === "number" ? threshold : threshold.default;

/**
 * Metrics Insights. An alarm on several series needs both clauses at the end; the order keeps the worst among the 500
 * that a query returns.
 */
export function queryOf({ metric, aggregate, breaching }: FleetAlarm): string {
  const dimensions = metric === "EnaAllowanceExceeded" ? "InstanceId, Allowance" : "InstanceId";
  const worstFirst = breaching === "below" ? "ASC" : "DESC";
  return `SELECT ${aggregate}(${metric}) FROM SCHEMA("${metricNamespace}", ${dimensions}) GROUP BY ${dimensions} ORDER BY ${aggregate}() ${worstFirst}`;
}
