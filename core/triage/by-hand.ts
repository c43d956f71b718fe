/** What people and our own functions start by hand. */
import * as z from "zod/mini";
import { IncidentId, InstanceId } from "../incident.ts";
import { Mode } from "../mode.ts";
import { Place } from "../place.ts";

/** What a person may ask for besides. */
const asked = {
  mode: z.optional(Mode),
  /** Also run the tests that send traffic or capture packets. */
  probe: z.optional(z.boolean()),
  /** Connections do fail: a host where nothing is found is then not called healthy. */
  complaint: z.optional(z.boolean()),
};

/** One instance; with `event`, one of the instances that an alarm led to. */
export const One = z.strictObject({
  instanceId: InstanceId,
  ...asked,
  /** Where it is, when not where the stack is. */
  account: z.optional(Place.shape.account),
  region: z.optional(Place.shape.region),
  event: z.optional(z.unknown()),
});

const Instances = z.strictObject({
  instanceIds: z.array(InstanceId).check(z.minLength(1), z.maxLength(10_000)),
  ...asked,
});

/** `key=value`, as EC2 allows them; the instances must carry our own tag besides. */
const tagPattern = /^([^=]{1,128})=(.{0,256})$/s;
const Tagged = z.strictObject({ tag: z.string().check(z.regex(tagPattern)), ...asked });

/** Every enrolled instance. */
const Everything = z.strictObject({ fleet: z.literal(true), ...asked });

export const Many = z.union([Instances, Tagged, Everything]);
export type Many = z.infer<typeof Many>;

export const Selection = z.object({
  instanceIds: z.optional(z.array(InstanceId)),
  tag: z.optional(z.object({ key: z.string(), value: z.string() })),
  all: z.optional(z.literal(true)),
});
export type Selection = z.infer<typeof Selection>;

export function selectionOf(many: Many): Selection {
  if ("instanceIds" in many) return { instanceIds: [...new Set(many.instanceIds)] };
  if ("fleet" in many) return { all: true };
  const [, key = "", value = ""] = tagPattern.exec(many.tag) ?? [];
  return { tag: { key, value } };
}

/** `nat-medic undo`, or (with `because`) our own RescueIncident. */
export const Undo = z.strictObject({
  undo: IncidentId,
  force: z._default(z.boolean(), false),
  because: z._default(z.nullable(z.string()), null),
});
