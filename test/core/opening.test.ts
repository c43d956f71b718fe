import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type OpeningFacts, open } from "../../core/opening.ts";
import { triage } from "../../core/triage.ts";

const execution = {
  name: "2dde4eb1-528b-d2d5-9ca6-6d590caf2329_ab12",
  startedAt: "2026-11-20T03:12:44.123Z",
};
const alarm = JSON.parse(readFileSync("events/alarm-conntrack-utilization.json", "utf8"));
const enrolled = { "nat-medic:enabled": "true" };
const facts = (change: Partial<OpeningFacts> & { event?: unknown } = {}): OpeningFacts => ({
  triage: triage(change.event ?? alarm, execution.startedAt),
  stackMode: "apply",
  tags: enrolled,
  execution,
  ...change,
});

test("the same execution always opens the same incident, another never", () => {
  const opened = open(facts());
  expect(opened).toEqual(open(facts()));
  expect(opened).toMatchObject({
    decision: "open",
    incident: { id: expect.stringMatching(/^inc-[a-z0-9-]{8,60}$/), mode: "apply" },
  });
  expect(open(facts({ execution: { ...execution, name: "other" } }))).not.toEqual(opened);
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
    const opened = open(facts(change));
    return opened.decision === "open" ? opened.incident.mode : opened.decision;
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
