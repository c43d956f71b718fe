/** The alarms that a template deploys, as requests to CloudWatch. */
import * as z from "zod/mini";
import { type Deployment, deployedResources } from "../template.ts";

export type AlarmRequest = {
  operation: "PutMetricAlarm" | "PutCompositeAlarm";
  /** In the API's own words, which CloudFormation's are too. */
  input: { AlarmName: string; [property: string]: unknown };
};

const Alarm = z.looseObject({ AlarmName: z.string() });

/** Composite alarms last: what they name has to be there. A resource without a name gets one, as CloudFormation gives it. */
export const templateAlarms = (deployment: Deployment): AlarmRequest[] => {
  const requests = (type: string, operation: AlarmRequest["operation"]): AlarmRequest[] =>
    deployedResources(deployment, type).map(({ logicalId, properties }) => ({
      operation,
      input: Alarm.parse({ AlarmName: `${deployment.stackName}-${logicalId}`, ...properties }),
    }));
  return [
    ...requests("AWS::CloudWatch::Alarm", "PutMetricAlarm"),
    ...requests("AWS::CloudWatch::CompositeAlarm", "PutCompositeAlarm"),
  ];
};
