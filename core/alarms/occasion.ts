/** Why the alarms are looked at. Events are only hints: which alarms an instance needs is asked of EC2, not read in them. */
import * as z from "zod/mini";
import { InstanceId } from "../incident.ts";
import { parseAlarmName } from "./names.ts";

export type Occasion =
  | { kind: "instance"; instanceId: InstanceId }
  /** The sweep: every instance and every alarm of ours. */
  | { kind: "all" }
  /** The stack is made, changed or deleted; CloudFormation waits for an answer. */
  | { kind: "stack"; removed: boolean; answerTo: AnswerTo }
  | { kind: "nothing"; reason: string };

/** What CloudFormation wants to see again in the answer, and where. */
export type AnswerTo = {
  url: string;
  stackId: string;
  requestId: string;
  logicalResourceId: string;
  physicalResourceId: string;
};

/** EC2's `EC2 Instance State-change Notification`. */
const StateChange = z.object({
  source: z.literal("aws.ec2"),
  detail: z.object({ "instance-id": InstanceId }),
});
/** `Tag Change on Resource`: the resource is the instance's ARN. */
const TagChange = z.object({ source: z.literal("aws.tag"), resources: z.array(z.string()) });
const AlarmChange = z.object({
  source: z.literal("aws.cloudwatch"),
  detail: z.object({ alarmName: z.string() }),
});
const Sweep = z.object({ source: z.literal("aws.events") });
const Stack = z.object({
  RequestType: z.enum(["Create", "Update", "Delete"]),
  ResponseURL: z.url(),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  PhysicalResourceId: z.optional(z.string()),
});

/** `prefix`: the stack's name and a hyphen. */
export function occasionOf(event: unknown, prefix: string): Occasion {
  const state = z.safeParse(StateChange, event);
  if (state.success) return { kind: "instance", instanceId: state.data.detail["instance-id"] };
  const tag = z.safeParse(TagChange, event);
  if (tag.success) return instanceNamed(tag.data.resources[0]?.split(":instance/")[1]);
  const alarm = z.safeParse(AlarmChange, event);
  if (alarm.success) return instanceNamed(parseAlarmName(prefix, alarm.data.detail.alarmName)?.instanceId);
  if (z.safeParse(Sweep, event).success) return { kind: "all" };
  const stack = z.safeParse(Stack, event);
  if (!stack.success) return { kind: "nothing", reason: "not an event that keeps alarms" };
  const { RequestType, ResponseURL, StackId, RequestId, LogicalResourceId, PhysicalResourceId } = stack.data;
  return {
    kind: "stack",
    removed: RequestType === "Delete",
    answerTo: {
      url: ResponseURL,
      stackId: StackId,
      requestId: RequestId,
      logicalResourceId: LogicalResourceId,
      physicalResourceId: PhysicalResourceId ?? `${prefix}instance-alarms`,
    },
  };
}

function instanceNamed(id: string | undefined): Occasion {
  const parsed = z.safeParse(InstanceId, id);
  if (!parsed.success) return { kind: "nothing", reason: "the event is about no instance" };
  return { kind: "instance", instanceId: parsed.data };
}
