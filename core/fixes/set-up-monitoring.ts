import type { Fix } from "../fix.ts";
import { findInstance } from "../instance-type.ts";

const metricName = "NatMedic/ConntrackUtilization";
/** In percent: what is left lasts for minutes at the pace at which tables fill. */
const threshold = 80;
const script = "/usr/local/sbin/nat-conntrack-metric";
const unit = "/etc/systemd/system/nat-conntrack-metric";

const publish = [
  "# on the NAT instance, as root; its role needs cloudwatch:PutMetricData:",
  `printf '%s\\n' '#!/bin/sh' 'cd /proc/sys/net/netfilter || exit 1' 'exec aws cloudwatch put-metric-data --namespace NatMedic --metric-name ConntrackUtilization --unit Percent --dimensions "InstanceId=$(cat /var/lib/cloud/data/instance-id)" --value "$((100 * $(cat nf_conntrack_count) / $(cat nf_conntrack_max)))"' > ${script}`,
  `chmod 755 ${script}`,
  `printf '%s\\n' '[Service]' 'Type=oneshot' 'ExecStart=${script}' > ${unit}.service`,
  `printf '%s\\n' '[Timer]' 'OnCalendar=minutely' 'AccuracySec=1s' '[Install]' 'WantedBy=timers.target' > ${unit}.timer`,
  "systemctl daemon-reload && systemctl enable --now nat-conntrack-metric.timer",
];
const stopPublishing = [
  "systemctl disable --now nat-conntrack-metric.timer",
  `rm -f ${script} ${unit}.service ${unit}.timer && systemctl daemon-reload`,
];
const watch = [
  "# from anywhere with the right to make alarms:",
  `aws cloudwatch put-metric-alarm --alarm-name "nat-conntrack-utilization-$INSTANCE" --namespace NatMedic --metric-name ConntrackUtilization --dimensions "Name=InstanceId,Value=$INSTANCE" --statistic Maximum --period 60 --evaluation-periods 1 --threshold ${threshold} --comparison-operator GreaterThanOrEqualToThreshold`,
];
const stopWatching = ['aws cloudwatch delete-alarms --alarm-names "nat-conntrack-utilization-$INSTANCE"'];

/** Proposed only: what runs on the instance, and who is told, is its owner's to decide. */
export const setUpMonitoring: Fix = {
  id: "set-up-monitoring",
  title: "Watch the connection tracking table",
  risk: "low",
  document: null,
  precondition: "The table's utilisation is not published, or no alarm watches it.",
  effect: `Utilisation is in CloudWatch once a minute, and an alarm at ${threshold} % starts a diagnosis before connections fail.`,
  blastRadius: "A few small calls to CloudWatch each minute. Nothing that is forwarded is touched.",
  verifiedBy: `${metricName} has a data point each minute, and the alarm is OK.`,
  undoing: "Exact: the timer, its files and the alarm are removed.",
  permissions: [],

  prepare({ cloud }) {
    if (!cloud.asked || cloud.utilizationAlarms === null)
      return { impossible: "CloudWatch could not be asked" };
    const published = [cloud.metric, cloud.metrics[metricName]].some(
      (history) => history?.name === metricName && history.points.length > 0,
    );
    const watched = cloud.utilizationAlarms.length > 0;
    if (published && watched) return { impossible: "the table is watched by now" };
    const what = published ? "" : "Publish the table's utilisation each minute";
    const alarm = watched ? "" : `${published ? "Make" : " and make"} an alarm at ${threshold} %`;
    return {
      action: `${what}${alarm}`,
      settings: [],
      parameters: {},
      commands: [...(published ? [] : publish), ...(watched ? [] : [findInstance(cloud), ...watch])],
      undo: [
        ...(watched ? [] : [findInstance(cloud), ...stopWatching]),
        ...(published ? [] : stopPublishing),
      ],
    };
  },
};
