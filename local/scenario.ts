/** A trouble that can be staged: how to bring it about, and what NAT Medic should make of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod/mini";
import { root } from "../build/layout.ts";
import { CauseId } from "../core/cause.ts";
import { Outcome } from "../core/closing.ts";
import { FixId } from "../core/fix.ts";
import { fixes } from "../core/fixes.ts";
import { InstanceId } from "../core/incident.ts";
import { decisionFor, Mode } from "../core/mode.ts";
import { clients } from "./qemu/topology.ts";

const Expectation = z.strictObject({
  outcome: Outcome,
  leading: z.nullable(CauseId),
  contributing: z.array(CauseId),
  /** Staged as well, but not every kernel lets it be seen. */
  sometimesSeen: z._default(z.array(CauseId), []),
  /** Fixes that are applied when people approve. */
  fixes: z.array(FixId),
});

/**
 * How AWS differs from the healthy world in `world.ts`: by kind of resource and ID, merged into what is there. Arrays
 * replace what is there, and `null` deletes.
 */
const WorldPatch = z.record(z.string(), z.record(z.string(), z.unknown()));

/** A metric's values per minute, the last one now. No values: CloudWatch has none of it. */
const Metric = z.strictObject({
  namespace: z.string(),
  name: z.string(),
  /** By default the NAT instance, as `InstanceId`. */
  dimensions: z.optional(z.record(z.string(), z.string())),
  values: z.array(z.number()),
});

/** What starts the incident: a file of `events/`, by its name. */
const StartingEvent = z.enum([
  "alarm-conntrack-utilization",
  "alarm-ena-conntrack-exceeded",
  "start-by-hand",
]);

const staging = {
  /** For `inject.sh`. */
  environment: z._default(z.record(z.string(), z.string()), {}),
  world: z._default(WorldPatch, {}),
  metrics: z._default(z.array(Metric), []),
};

export const Scenario = z.strictObject({
  title: z.string(),
  description: z.string(),
  mode: Mode,
  event: z._default(StartingEvent, "alarm-conntrack-utilization"),
  expect: Expectation,
  host: z.strictObject({
    memoryMiB: z.int(),
    /** False: no agent answers. */
    reachable: z._default(z.boolean(), true),
    /** Clients whose agents answer too, by the instances that they are: `client1: i-0c11e0000000000a1`. */
    clients: z._default(z.partialRecord(z.enum(clients), InstanceId), {}),
    /** Whether the person who starts it asks for the active tests. */
    probe: z._default(z.boolean(), false),
  }),
  ...staging,
  /** The same trouble, milder or otherwise, and hosts that look alike and are not: for the full matrix of the lab. */
  variants: z._default(
    z.record(
      z.string().check(z.regex(/^[a-z0-9-]+$/)),
      z.strictObject({
        title: z.string(),
        /** Instead of the scenario's, as far as given. */
        expect: z._default(z.partial(Expectation), {}),
        /** Its own, whole: nothing of the scenario's is added. */
        ...staging,
      }),
    ),
    {},
  ),
});
export type Scenario = z.infer<typeof Scenario> & { id: string; folder: string };

/** How the trouble is brought about, in the guest and around it. */
export type Staging = Pick<Scenario, keyof typeof staging>;

const folder = join(root, "scenarios");

export const scenarioIds: readonly string[] = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "scenario.yaml")))
  .map(({ name }) => name);

/** Throws when the file does not fit its schema. */
export function readScenario(id: string): Scenario {
  const parsed = z.parse(Scenario, parse(readFileSync(join(folder, id, "scenario.yaml"), "utf8")));
  return { ...parsed, id, folder: join(folder, id) };
}

/**
 * What the scenario's incident starts with. A start by hand asks for the drill's mode, and for the active tests where the
 * scenario has them.
 */
export function startingEvent({ event, host }: Scenario, mode: Mode): unknown {
  const given = JSON.parse(readFileSync(join(root, "events", `${event}.json`), "utf8"));
  return event === "start-by-hand" ? { ...given, mode, probe: host.probe } : given;
}

export const recordingFile = (scenario: Scenario) => join(scenario.folder, "recording.json");

/** What a drill should end with: what the scenario says where changes are allowed, proposals where they are not. */
export function expectedOutcome({ expect }: Scenario, mode: Mode, approved: boolean): Outcome {
  if (expect.outcome !== "fixed") return expect.outcome;
  const appliesSomething = expect.fixes.some((fix) => {
    const decision = decisionFor[mode][fixes[fix].risk];
    return decision === "apply" || (decision === "ask" && approved);
  });
  return appliesSomething ? "fixed" : "proposed";
}

/** What must come of it, or of one of its variants. */
export function expectationOf({ expect, variants }: Scenario, variant: string | null): Scenario["expect"] {
  const own = variant === null ? {} : (variants[variant]?.expect ?? {});
  return {
    outcome: own.outcome ?? expect.outcome,
    leading: own.leading === undefined ? expect.leading : own.leading,
    contributing: own.contributing ?? expect.contributing,
    sometimesSeen: own.sometimesSeen ?? expect.sometimesSeen,
    fixes: own.fixes ?? expect.fixes,
  };
}
