/** What changes alarms. */
import {
  DeleteAlarms$,
  type DeleteAlarmsInput,
  ListTagsForResource$,
  type ListTagsForResourceInput,
  type ListTagsForResourceOutput,
  PutCompositeAlarm$,
  type PutCompositeAlarmInput,
  PutMetricAlarm$,
  type PutMetricAlarmInput,
  SetAlarmState$,
  type SetAlarmStateInput,
  type Tag,
  TagResource$,
  type TagResourceInput,
  UntagResource$,
  type UntagResourceInput,
} from "@aws-sdk/client-cloudwatch";
import { AlarmRuleError, childrenOf, parseAlarmRule } from "../../alarms/alarm-rule.ts";
import type { AlarmStore, StoredAlarm } from "../../alarms/alarm-store.ts";
import { AwsError } from "../aws-error.ts";
import type { Operation } from "../service.ts";
import { checkedAlarm } from "./checked-alarm.ts";
import { invalid, noSuchResource, noSuchResourceException, refuseOthers } from "./refuse.ts";

export const alarmOperations = (store: AlarmStore): Operation[] => {
  const putMetricAlarm = async ({ Tags, ...input }: PutMetricAlarmInput): Promise<object> => {
    const alarm = checkedAlarm(input);
    checkName(alarm.AlarmName, "metric");
    store.putMetric(alarm, tagMap(Tags));
    return {};
  };

  const putCompositeAlarm = async ({
    AlarmName,
    AlarmRule = "",
    AlarmDescription,
    ActionsEnabled = true,
    OKActions = [],
    AlarmActions = [],
    InsufficientDataActions = [],
    Tags,
    ...others
  }: PutCompositeAlarmInput): Promise<object> => {
    refuseOthers("PutCompositeAlarm", others);
    checkName(AlarmName, "composite");
    const children = ruleChildren(AlarmRule);
    const missing = children.filter((child) => store.find(child) === undefined);
    if (missing.length > 0)
      throw invalid(
        `Could not save the composite alarm as alarms [${missing.join(", ")}] in the alarm rule do not exist`,
      );
    if (children.length > MOST_CHILDREN)
      throw invalid(`AlarmRule must not contain more than ${MOST_CHILDREN} children alarms`);
    store.putComposite(
      {
        AlarmName,
        AlarmRule,
        AlarmDescription,
        ActionsEnabled,
        OKActions,
        AlarmActions,
        InsufficientDataActions,
      },
      tagMap(Tags),
    );
    return {};
  };

  const checkName = (name: string | undefined, kind: StoredAlarm["kind"]): void => {
    if (name === undefined || name === "" || name.length > 255) throw invalid("AlarmName is not valid.");
    const known = store.find(name);
    if (known !== undefined && known.kind !== kind)
      throw invalid(`An alarm with the name ${name} and another type exists already`);
  };

  const deleteAlarms = async ({ AlarmNames = [] }: DeleteAlarmsInput): Promise<object> => {
    if (AlarmNames.length > MOST_DELETED)
      throw invalid(
        `Value at 'alarmNames' failed to satisfy constraint: Member must have length less than or equal to ${MOST_DELETED}`,
      );
    const found = AlarmNames.map((name) => {
      const alarm = store.find(name);
      if (alarm === undefined) throw noSuchResource(`The alarm ${name} does not exist`);
      return alarm;
    });
    if (found.filter(({ kind }) => kind === "composite").length > 1)
      throw invalid("Only one composite alarm can be deleted per request");
    // An alarm that a composite depends on stays, also when both are to go.
    const needed = found.find(({ name }) => store.parentsOf(name).length > 0);
    if (needed !== undefined)
      throw invalid(
        `Cannot delete ${needed.name} as there are composite alarm(s) depending on it: [${store
          .parentsOf(needed.name)
          .map(({ name }) => name)
          .join(", ")}]`,
      );
    store.remove(AlarmNames);
    return {};
  };

  const setAlarmState = async ({
    AlarmName = "",
    StateValue,
    StateReason,
    StateReasonData,
  }: SetAlarmStateInput): Promise<object> => {
    if (StateValue === undefined || !["OK", "ALARM", "INSUFFICIENT_DATA"].includes(StateValue))
      throw invalid("StateValue is not valid.");
    if (StateReason === undefined || StateReason.length > 1023) throw invalid("StateReason is not valid.");
    if (StateReasonData !== undefined && !isJson(StateReasonData))
      throw new AwsError("InvalidFormatFault", "TypeException: StateReasonData is not JSON", {
        code: "InvalidFormat",
      });
    const alarm = store.find(AlarmName);
    if (alarm === undefined) throw noSuchResource(`The alarm ${AlarmName} does not exist`);
    store.setState(alarm.name, { value: StateValue, reason: StateReason, reasonData: StateReasonData });
    return {};
  };

  const tagged = (arn = ""): StoredAlarm => {
    const alarm = arn.startsWith("arn:") ? store.find(arn) : undefined;
    if (alarm === undefined) throw noSuchResourceException(`Unknown: ${arn}`);
    return alarm;
  };

  const tagResource = async ({ ResourceARN, Tags }: TagResourceInput): Promise<object> => {
    const { tags } = tagged(ResourceARN);
    for (const [key, value] of tagMap(Tags)) tags.set(key, value);
    return {};
  };

  const untagResource = async ({ ResourceARN, TagKeys = [] }: UntagResourceInput): Promise<object> => {
    const { tags } = tagged(ResourceARN);
    for (const key of TagKeys) tags.delete(key);
    return {};
  };

  const listTags = async ({ ResourceARN }: ListTagsForResourceInput): Promise<ListTagsForResourceOutput> => ({
    Tags: [...tagged(ResourceARN).tags].map(([Key, Value]) => ({ Key, Value })),
  });

  return [
    { schema: PutMetricAlarm$, run: putMetricAlarm },
    { schema: PutCompositeAlarm$, run: putCompositeAlarm },
    { schema: DeleteAlarms$, run: deleteAlarms },
    { schema: SetAlarmState$, run: setAlarmState },
    { schema: TagResource$, run: tagResource },
    { schema: UntagResource$, run: untagResource },
    { schema: ListTagsForResource$, run: listTags },
  ];
};

const ruleChildren = (rule: string): string[] => {
  try {
    return childrenOf(parseAlarmRule(rule));
  } catch (error) {
    if (error instanceof AlarmRuleError) throw invalid(`AlarmRule: ${error.message}`);
    throw error;
  }
};

const tagMap = (tags: Tag[] = []): Map<string, string> => {
  if (tags.length > MOST_TAGS) throw invalid(`An alarm has at most ${MOST_TAGS} tags`);
  return new Map(tags.map(({ Key = "", Value = "" }) => [Key, Value]));
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** API reference: DeleteAlarms, PutCompositeAlarm, Tags of PutMetricAlarm. */
const MOST_DELETED = 100;
const MOST_CHILDREN = 100;
const MOST_TAGS = 50;
