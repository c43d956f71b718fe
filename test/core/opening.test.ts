import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { freshInstance, type InstanceRecord } from "../../core/incident-record.ts";
import { type OpeningFacts, open } from "../../core/opening.ts";
import { triage } from "../../core/triage.ts";

const execution = {
  arn: "arn:aws:states:eu-central-1:123456789012:execution:nat-medic-remediate:mine",
  name: "2dde4eb1-528b-d2d5-9ca6-6d590caf2329_ab12",
  startedAt: "2026-11-20T03:12:44.123Z",
};
const alarm = JSON.parse(readFileSync("events/alarm-conntrack-utilization.json", "utf8"));
const enrolled = { "nat-medic:enabled": "true" };
const now = "2026-11-20T03:12:45.000Z";
const ago = (seconds: number) => new Date(Date.parse(now) - seconds * 1000).toISOString();
const opened = (event: unknown) => {
  const triaged = triage(event, { now: execution.startedAt, home: null });
  if (triaged.decision !== "open") throw new Error(triaged.reason);
  return triaged;
};
const byHand = { instanceId: "i-0a1b2c3d4e5f67890", mode: "apply" };
const facts = ({
  event = alarm,
  ...change
}: Partial<OpeningFacts> & { event?: unknown } = {}): OpeningFacts => ({
  triage: opened(event),
  stackMode: "apply",
  limits: { coolDownSeconds: 900, automaticChangesPerDay: 3 },
  tags: enrolled,
  record: freshInstance,
  execution,
  now,
  ...change,
});
const record = (change: Partial<InstanceRecord>): InstanceRecord => ({ ...freshInstance, ...change });

test("the same execution always opens the same incident, another never", () => {
  const first = open(facts());
  expect(first).toEqual(open(facts()));
  expect(first).toMatchObject({
    decision: "open",
    incident: { id: expect.stringMatching(/^inc-[a-z0-9-]{8,60}$/), mode: "apply" },
  });
  expect(open(facts({ execution: { ...execution, name: "other" } }))).not.toEqual(first);
});

describe("only instances with the tag are looked at", () => {
  test.each([[undefined], [{}], [{ "nat-medic:enabled": "false" }]])("tags %j", (tags) => {
    expect(open(facts({ tags }))).toMatchObject({ decision: "ignore" });
    expect(open(facts({ tags, event: { instanceId: "i-0a1b2c3d4e5f67890" } }))).toMatchObject({
      decision: "refuse",
      subject: "i-0a1b2c3d4e5f67890",
    });
  });
});

describe("the mode", () => {
  const modeOf = (change: Parameters<typeof facts>[0]) => {
    const opening = open(facts(change));
    return opening.decision === "open" ? opening.incident.mode : opening.decision;
  };
  test("the stricter of stack and instance wins for an alarm", () => {
    expect(modeOf({ stackMode: "apply", tags: { ...enrolled, "nat-medic:mode": "approve" } })).toBe(
      "approve",
    );
    expect(modeOf({ stackMode: "propose", tags: { ...enrolled, "nat-medic:mode": "apply" } })).toBe(
      "propose",
    );
  });
  test("a tag that is no mode changes nothing", () => {
    expect(modeOf({ tags: { ...enrolled, "nat-medic:mode": "Apply!" } })).toBe("propose");
  });
  test("a person's word counts", () => {
    expect(
      modeOf({ stackMode: "apply", event: { instanceId: "i-0a1b2c3d4e5f67890", mode: "propose" } }),
    ).toBe("propose");
  });
});

describe("one open incident per instance", () => {
  const held = (execution: string, since = ago(60)) =>
    record({ open: { incidentId: "inc-20261120-held", execution, since } });

  test("whoever comes later joins it, also by hand", () => {
    for (const event of [alarm, byHand]) {
      expect(open(facts({ event, record: held("another") }))).toMatchObject({
        decision: "join",
        incidentId: "inc-20261120-held",
      });
    }
  });
  test("the execution that holds it goes on", () => {
    expect(open(facts({ record: held(execution.arn) }))).toMatchObject({ decision: "open" });
  });
  test("a lock older than any execution can be is nobody's", () => {
    expect(open(facts({ record: held("another", ago(345_601)) }))).toMatchObject({ decision: "open" });
    expect(open(facts({ record: held("another", ago(345_599)) }))).toMatchObject({ decision: "join" });
  });
});

describe("the cool-down after an incident", () => {
  const closed = (seconds: number) =>
    record({ closed: { incidentId: "inc-20261120-before", at: ago(seconds) } });

  test("an alarm waits until it has passed, and is then looked at", () => {
    expect(open(facts({ record: closed(300) }))).toMatchObject({
      decision: "wait",
      until: new Date(Date.parse(now) + 600_000).toISOString(),
    });
    expect(open(facts({ record: closed(900) }))).toMatchObject({ decision: "open" });
  });
  test("a person does not wait", () => {
    expect(open(facts({ event: byHand, record: closed(1) }))).toMatchObject({ decision: "open" });
  });
});

describe("the circuit breaker", () => {
  const changes = (...seconds: number[]) =>
    record({ automaticChanges: Object.fromEntries(seconds.map((age, n) => [`inc-${n}/fix`, ago(age)])) });
  const incident = (change: Parameters<typeof facts>[0]) => {
    const opening = open(facts(change));
    if (opening.decision !== "open") throw new Error(opening.decision);
    return opening.incident;
  };

  test("counts the automatic changes of the last 24 hours, and opens at the limit", () => {
    expect(incident({ record: changes(10, 20, 86_401) })).toMatchObject({
      mode: "apply",
      automaticChangesLeft: 1,
    });
    expect(incident({ record: changes(10, 20, 30) })).toMatchObject({
      mode: "propose",
      modeReason: expect.stringContaining("circuit breaker: 3 automatic changes"),
      automaticChangesLeft: 0,
    });
  });
  test("does not stop a person from being asked: approve counts on people", () => {
    expect(incident({ stackMode: "approve", record: changes(10, 20, 30) }).mode).toBe("approve");
  });
  test("opens for a day after one undo, also for what people would be asked", () => {
    for (const stackMode of ["apply", "approve"] as const) {
      expect(incident({ stackMode, record: record({ undoneAt: ago(3600) }) })).toMatchObject({
        mode: "propose",
        modeReason: expect.stringContaining("was undone"),
      });
      expect(incident({ stackMode, record: record({ undoneAt: ago(86_401) }) }).mode).toBe(stackMode);
    }
  });
  test("gives way to a person who asks for it by hand", () => {
    expect(incident({ event: byHand, record: { ...changes(1, 2, 3), undoneAt: ago(1) } })).toMatchObject({
      mode: "apply",
      automaticChangesLeft: 3,
    });
  });
});
