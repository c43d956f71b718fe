import { utilization } from "../alarms/fleet.ts";
import { publicationOf, utilizationMetric } from "../evidence/publication.ts";
import type { Fix } from "../fix.ts";
import { findInstance } from "../instance-type.ts";

/** In percent. */
const threshold = utilization.default;
const script = "/usr/local/sbin/nat-conntrack-metric";
const unit = "/etc/systemd/system/nat-conntrack-metric";

const enrol = [
  "# NAT Medic's stack makes instances with this tag publish, within half an hour or with the last line at once:",
  'aws ec2 create-tags --resources "$INSTANCE" --tags Key=nat-medic:enabled,Value=true',
  'aws ssm describe-instance-associations-status --instance-id "$INSTANCE" # tells why it did not',
  "aws ssm list-associations --association-filter-list key=Name,value=NatMedic-EnrolHost --query 'Associations[].AssociationId' --output text | xargs aws ssm start-associations-once --association-ids",
  "# or, where Systems Manager is not to do it, by hand:",
];
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
  verifiedBy: `${utilizationMetric} has a data point each minute, and the alarm is OK.`,
  undoing: "Exact: the timer, its files and the alarm are removed.",
  permissions: [],

  prepare({ cloud }) {
    if (!cloud.asked || cloud.utilizationAlarms === null)
      return { impossible: "CloudWatch could not be asked" };
    const publication = publicationOf(cloud);
    const published = publication.known && publication.published;
    const watched = cloud.utilizationAlarms.length > 0;
    if (published && watched) return { impossible: "the table is watched by now" };
    const what = published
      ? ""
      : "Have NAT Medic's publisher installed, which publishes the table's utilisation each minute";
    const alarm = watched ? "" : `${published ? "Make" : " and make"} an alarm at ${threshold} %`;
    return {
      action: `${what}${alarm}`,
      settings: [],
      parameters: {},
      commands: [
        findInstance(cloud),
        ...(published ? [] : [...enrol, ...publish]),
        ...(watched ? [] : watch),
      ],
      undo: [
        ...(watched ? [] : [findInstance(cloud), ...stopWatching]),
        ...(published
          ? []
          : [
              "# what was done by hand; NatMedic-RemoveHost removes NAT Medic's own publisher:",
              ...stopPublishing,
            ]),
      ],
    };
  },
};
