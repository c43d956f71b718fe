/**
 * What AWS allows per second in one account and Region, by default; as its documentation had it when it was read (2026-11).
 * Where Regions differ, the least is taken. Most can be raised.
 */
export type Quota = {
  /** Sustained, per second. */
  refill: number;
  /** What may come at once; as much as a second allows where the documentation names no bucket. */
  bucket: number;
  source: string;
};

const stepFunctions = "Step Functions developer guide, Service quotas";
const ec2 = "EC2 developer guide, Request throttling: non-mutating actions, each for itself";
const cloudwatch = "CloudWatch user guide, Service quotas";
const perSecond = (refill: number, source: string): Quota => ({ refill, bucket: refill, source });
const describe: Quota = { refill: 20, bucket: 100, source: ec2 };

/** By what is counted in the simulation. */
export const quotas: Readonly<Record<string, Quota>> = {
  "states StartExecution": { refill: 150, bucket: 800, source: stepFunctions },
  "states StateTransition": { refill: 500, bucket: 800, source: stepFunctions },
  "ec2 DescribeInstances": describe,
  "ec2 DescribeInstanceStatus": describe,
  "ec2 DescribeInstanceTypes": describe,
  "ec2 DescribeNetworkInterfaces": describe,
  "ec2 DescribeNetworkAcls": describe,
  "ec2 DescribeRouteTables": describe,
  "ec2 DescribeSecurityGroupRules": describe,
  "ec2 DescribeSubnets": describe,
  "ec2 DescribeVpcs": describe,
  "ec2 DescribeVpcEndpoints": describe,
  "monitoring GetMetricData": perSecond(50, cloudwatch),
  "monitoring GetMetricData datapoints": perSecond(180_000, `${cloudwatch}, StartTime within three hours`),
  "monitoring DescribeAlarms": perSecond(9, cloudwatch),
  "monitoring DescribeAlarmsForMetric": perSecond(9, `${cloudwatch}; cannot be raised`),
  "monitoring PutMetricAlarm": perSecond(3, cloudwatch),
  "dynamodb write units": perSecond(4_000, "DynamoDB developer guide, on-demand capacity of a new table"),
  "dynamodb read units": perSecond(12_000, "DynamoDB developer guide, on-demand capacity of a new table"),
  "sns Publish": perSecond(300, "AWS general reference, Amazon SNS, the smallest Regions"),
};

/** Executions at a time; new accounts may have less until they are used. */
export const lambdaConcurrency = { most: 1_000, source: "Lambda developer guide, Quotas" };

/**
 * For these AWS publishes no number, and throttles by what it calls fair use. What is known is that callers who send tens
 * a second are throttled: hence one a second for runs over many.
 */
export const unpublished: readonly string[] = [
  "ssm SendCommand",
  "ssm GetCommandInvocation",
  "ssm DescribeInstanceInformation",
];
