/**
 * What an alarm invokes by itself. User Guide, "Invoke a Lambda function from an alarm" and "Acting on alarm changes": on a
 * change of state of the alarm, and of each of its contributors.
 */
import type { AlarmEvent } from "./alarm-events.ts";
import type { StoredAlarm } from "./alarm-store.ts";

export type LambdaAction = { functionName: string; payload: object };

export const lambdaActions = (event: AlarmEvent, stored: StoredAlarm | undefined): LambdaAction[] => {
  if (stored === undefined || event["detail-type"] === "CloudWatch Alarm Configuration Change") return [];
  const { alarm, arn } = stored;
  if (alarm.ActionsEnabled === false) return [];
  const { value, timestamp } = event.detail.state;
  const actions = {
    ALARM: alarm.AlarmActions,
    OK: alarm.OKActions,
    INSUFFICIENT_DATA: alarm.InsufficientDataActions,
  }[value];
  return (actions ?? []).flatMap((action) => {
    const [, functionName] = /^arn:[^:]+:lambda:[^:]+:[^:]+:function:([^:]+)/.exec(action) ?? [];
    if (functionName === undefined) return [];
    const payload = {
      source: event.source,
      alarmArn: arn,
      accountId: event.account,
      time: timestamp,
      region: event.region,
      alarmData: event.detail,
    };
    return [{ functionName, payload }];
  });
};
