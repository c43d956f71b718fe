/** The rules of a template that wait for events, and what each of them starts. */
import * as z from "zod/mini";
import { type Deployment, deployedResources } from "../template.ts";
import type { Pattern } from "./pattern.ts";

export type Rule = {
  /** `RemediateStateMachineAlarm`: the target's resource and the event's name, as SAM calls it. */
  name: string;
  /** `default`, or a bus of our own. */
  bus: string;
  pattern: Pattern;
  /** Logical IDs. */
  targets: string[];
};

const Fields = z.record(z.string(), z.unknown());

/** An event of SAM. What it hands over is the whole event: another input is refused. */
const RuleEvent = z.strictObject({
  Pattern: Fields,
  EventBusName: z._default(z.string(), "default"),
  RetryPolicy: z.optional(z.unknown()),
  DeadLetterConfig: z.optional(z.unknown()),
  State: z._default(z.literal("ENABLED"), "ENABLED"),
});

const PlainRule = z.object({
  EventPattern: z.optional(Fields),
  EventBusName: z._default(z.string(), "default"),
  State: z._default(z.string(), "ENABLED"),
  Targets: z._default(
    z.array(
      z.strictObject({
        Id: z.string(),
        Arn: z.string(),
        RoleArn: z.optional(z.unknown()),
        RetryPolicy: z.optional(z.unknown()),
        DeadLetterConfig: z.optional(z.unknown()),
      }),
    ),
    [],
  ),
});

export const templateRules = (deployment: Omit<Deployment, "reference">): Rule[] => {
  // Of a target its logical ID is enough: what stands behind it, whoever delivers knows.
  const resources = (type: string, pick?: (properties: Record<string, unknown>) => Record<string, unknown>) =>
    deployedResources({ ...deployment, reference: (logicalId) => logicalId }, type, pick);
  const ofTargets = ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"].flatMap((type) =>
    resources(type, ({ Events = {} }) => ({ Events })).flatMap(({ logicalId, properties }) =>
      Object.entries(z.parse(Fields, properties.Events)).flatMap(([name, given]): Rule[] => {
        const event = z.parse(z.object({ Type: z.string(), Properties: z._default(Fields, {}) }), given);
        if (event.Type !== "EventBridgeRule") return [];
        const { Pattern: pattern, EventBusName: bus } = RuleEvent.parse(event.Properties);
        return [{ name: `${logicalId}${name}`, bus, pattern, targets: [logicalId] }];
      }),
    ),
  );
  const plain = resources("AWS::Events::Rule").flatMap(({ logicalId, properties }): Rule[] => {
    const { EventPattern, EventBusName: bus, State, Targets } = PlainRule.parse(properties);
    if (EventPattern === undefined || State !== "ENABLED") return [];
    return [{ name: logicalId, bus, pattern: EventPattern, targets: Targets.map(({ Arn }) => Arn) }];
  });
  return [...ofTargets, ...plain];
};
