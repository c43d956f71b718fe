/** The shapes in which CloudWatch tells of an alarm, as one. */
import * as z from "zod/mini";
import type { Place } from "../place.ts";
import { plainLine } from "../plain-text.ts";
import type { Subject } from "./leads.ts";
import { type Attributes, watchedMetric } from "./questions.ts";

export const detailTypes = {
  alarm: "CloudWatch Alarm State Change",
  contributor: "CloudWatch Alarm Contributor State Change",
  configuration: "CloudWatch Alarm Configuration Change",
} as const;

export type AlarmEvent = {
  /** Plain, at most 120 characters. */
  name: string;
  subject: Subject;
  state: "OK" | "ALARM" | "INSUFFICIENT_DATA";
  /** CloudWatch's own words, plain. */
  reason: string;
  /** When the state began, ISO 8601. */
  at: string;
  /** The same for every delivery, by whichever way; for one alarm at one moment. */
  key: string;
  place: Partial<Place>;
  /** A mute rule holds for the alarm, and until when: ISO 8601, null when the event does not say. */
  muted: { until: string | null } | null;
  /** What suppresses a composite's actions, and how many seconds its own period lasts (0: no end is known). */
  suppressed: { by: string; seconds: number } | null;
};

const Expression = z.object({
  expression: z.optional(z.string()),
  metricStat: z.optional(
    z.object({
      metric: z.object({
        namespace: z.string(),
        name: z.string(),
        dimensions: z._default(z.record(z.string(), z.string()), {}),
      }),
      stat: z.optional(z.string()),
    }),
  ),
});

/** `detail` of an event, `alarmData` of an invocation. */
const Detail = z.object({
  alarmName: z.string(),
  alarmContributor: z.optional(
    z.object({ id: z.string(), attributes: z._default(z.record(z.string(), z.string()), {}) }),
  ),
  state: z.object({
    value: z.enum(["OK", "ALARM", "INSUFFICIENT_DATA"]),
    reason: z._default(z.string(), ""),
    reasonData: z.optional(z.string()),
    timestamp: z.optional(z.string()),
    actionsSuppressedBy: z.optional(z.string()),
  }),
  configuration: z.object({
    metrics: z._default(z.array(Expression), []),
    alarmRule: z.optional(z.string()),
    actionsSuppressorWaitPeriod: z._default(z.number(), 0),
    actionsSuppressorExtensionPeriod: z._default(z.number(), 0),
  }),
  muteDetail: z.optional(z.unknown()),
});
type Detail = z.infer<typeof Detail>;

const Mute = z.object({ muteWindowEnd: z.string() });

/** By EventBridge. */
const Event = z.object({
  "detail-type": z.enum([detailTypes.alarm, detailTypes.contributor]),
  source: z.literal("aws.cloudwatch"),
  account: z.optional(z.string()),
  region: z.optional(z.string()),
  time: z.string(),
  detail: Detail,
});

/** An alarm that invokes a function itself. */
const Invocation = z.object({
  source: z.literal("aws.cloudwatch"),
  alarmArn: z.string(),
  accountId: z.optional(z.string()),
  region: z.optional(z.string()),
  time: z.string(),
  alarmData: Detail,
});

/** `undefined` when it is neither of the two; a text names the place where it is malformed. */
export function alarmEventOf(input: object): AlarmEvent | string | undefined {
  if ("alarmData" in input) {
    const parsed = z.safeParse(Invocation, input);
    if (!parsed.success) return pathOf(parsed.error);
    const { alarmData, accountId, region, time } = parsed.data;
    return normalised(alarmData, time, { ...given("account", accountId), ...given("region", region) });
  }
  const kind = "detail-type" in input ? input["detail-type"] : undefined;
  if (kind !== detailTypes.alarm && kind !== detailTypes.contributor) return undefined;
  const parsed = z.safeParse(Event, input);
  if (!parsed.success) return pathOf(parsed.error);
  const { detail, account, region, time } = parsed.data;
  return normalised(detail, time, { ...given("account", account), ...given("region", region) });
}

const given = <Key extends keyof Place>(key: Key, value: string | undefined): Partial<Place> =>
  value === undefined ? {} : { [key]: value };

const pathOf = ({ issues }: z.core.$ZodError) => plainLine(issues[0]?.path.join(".") ?? "", 80);

function normalised(detail: Detail, time: string, place: Partial<Place>): AlarmEvent {
  const { alarmName, alarmContributor, state, configuration } = detail;
  const { alarmRule } = configuration;
  const at = plainLine(isoTime(state.timestamp ?? time), 40);
  const contributor: Attributes | null = alarmContributor?.attributes ?? null;
  return {
    name: plainLine(alarmName, 120),
    subject: {
      alarmName,
      watched: {
        metrics: configuration.metrics.flatMap(({ metricStat }) =>
          metricStat === undefined ? [] : watchedMetric(metricStat.metric, metricStat.stat),
        ),
        expressions: configuration.metrics.flatMap(({ expression }) => expression ?? []),
        composite: alarmRule === undefined ? null : { rule: alarmRule, reasonData: state.reasonData ?? "" },
      },
      contributor,
    },
    state: state.value,
    reason: plainLine(state.reason, 300),
    at,
    // One alarm changes its state once at a time: so the event, the invocation and the event of its one series agree.
    key: `${plainLine(alarmName, 200)} ${at}`,
    place,
    muted: muteOf(detail),
    suppressed: suppressionOf(detail),
  };
}

function muteOf({ muteDetail }: Detail): AlarmEvent["muted"] {
  if (muteDetail === undefined || muteDetail === null) return null;
  const parsed = z.safeParse(Mute, muteDetail);
  const until = parsed.success ? isoTime(parsed.data.muteWindowEnd) : "";
  return { until: Number.isNaN(Date.parse(until)) ? null : new Date(until).toISOString() };
}

function suppressionOf({ state, configuration }: Detail): AlarmEvent["suppressed"] {
  const by = state.actionsSuppressedBy;
  if (by === undefined || by === "") return null;
  const periods: Record<string, number> = {
    WaitPeriod: configuration.actionsSuppressorWaitPeriod,
    ExtensionPeriod: configuration.actionsSuppressorExtensionPeriod,
  };
  return { by: plainLine(by, 40), seconds: Object.hasOwn(periods, by) ? (periods[by] ?? 0) : 0 };
}

/** CloudWatch writes the zone without a colon, which not everything reads. */
function isoTime(text: string): string {
  return text.replace(/\+0000$/, "Z");
}
