/** What people read about the alarms behind an incident. */
import { expect, test } from "vitest";
import type { Trigger } from "../../core/incident.ts";
import type { KnownTrigger } from "../../core/incident-record.ts";
import { alarmsSection, sinceFact } from "../../core/report/triggers.ts";
import { fixedIncident } from "./recorded-incident.ts";

const { incident } = fixedIncident();
const alarm = (more: Partial<Trigger & { kind: "alarm" }> = {}): Trigger => ({
  kind: "alarm",
  alarmName: "nat-medic-fleet-table-filling",
  metric: null,
  reason: "Threshold Crossed",
  at: "2026-11-20T03:12:44.000Z",
  ...more,
});
const about = (trigger: Trigger) => ({ ...incident, trigger });
const known = (trigger: Trigger): KnownTrigger => ({ trigger, joinedAt: trigger.at, clearedAt: null });

test("one series of an alarm over many is told from the whole alarm", () => {
  const trigger = alarm({ contributor: true });
  expect(sinceFact(about(trigger))).toEqual([
    "Since",
    "2026-11-20 03:12:44 UTC, one series of the alarm nat-medic-fleet-table-filling",
  ]);
  expect(sinceFact(about(alarm()))[1]).toBe("2026-11-20 03:12:44 UTC, alarm nat-medic-fleet-table-filling");
});

test("a composite alarm is named with the alarm below it that its state comes from", () => {
  const trigger = alarm({ alarmName: "nat-medic-any", child: "nat-medic-failing" });
  expect(sinceFact(about(trigger))[1]).toContain("composite alarm nat-medic-any");
  const section = alarmsSection(about(trigger), [known(trigger), known(alarm({ contributor: true }))]);
  expect(section).toContain("  because of its child alarm nat-medic-failing");
  expect(section).toContain("joined this incident: one series of the alarm nat-medic-fleet-table-filling");
});

test("the name of a child is as harmless as every foreign text", () => {
  const trigger = alarm({ child: "evil.example <b>[click](http://evil.example)" });
  const section = alarmsSection(about(trigger), [known(trigger)]);
  expect(section).not.toMatch(/[<>[\]]|evil\.example|:\/\//);
});
