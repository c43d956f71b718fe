import { describe, expect, test } from "vitest";
import { type ChangeResult, type HostChange, resultOnRecord } from "../../core/change.ts";
import { diagnose } from "../../core/diagnosis.ts";
import type { HostAction, IncidentRecord } from "../../core/incident-record.ts";
import { alarmsCleared } from "../../core/incident-record.ts";
import { planFor } from "../../core/plan.ts";
import type { StepRecord } from "../../core/step-record.ts";
import { changesToUndo, unfinishedChanges } from "../../core/undo.ts";
import { byHand, captured, evidenceOf } from "./captured.ts";

const at = "2026-11-20T03:12:44.000Z";
const evidence = evidenceOf(captured("conntrack-table-full"));
const diagnosis = diagnose(evidence, byHand);
const plan = planFor(diagnosis, evidence, { mode: "apply", automaticChangesLeft: 3 });
const [raise, shorten] = plan.steps;

const told = (status: HostChange["status"], change: Partial<HostChange> = {}): ChangeResult => ({
  status: "told",
  change: {
    schema: "nat-medic/change/1",
    fix: "raise-conntrack-max",
    action: "apply",
    status,
    reason: "",
    values: [],
    files: [],
    notes: [],
    onRecord: "applied",
    restoresAt: 0,
    ...change,
  },
});
const action = (
  fix: HostAction["fix"],
  name: HostAction["action"],
  result: ChangeResult | null,
): HostAction => ({
  fix,
  action: name,
  begunAt: at,
  endedAt: null,
  result,
});
const verified: StepRecord = {
  step: raise!,
  answer: null,
  skipped: null,
  applied: told("changed"),
  verification: { verdict: "better", evidence: [], quietWindows: 2 },
  persisted: told("changed"),
  undone: null,
};
const incident = (change: Partial<IncidentRecord>): IncidentRecord => ({
  incident: {
    id: "inc-20261120t031244z-e5f67890-abc",
    instanceId: "i-0a1b2c3d4e5f67890",
    mode: "apply",
    modeReason: "",
    trigger: byHand,
    openedAt: at,
    automaticChangesLeft: 3,
    probe: false,
    place: null,
  },
  execution: "arn:aws:states:eu-central-1:123456789012:execution:nat-medic-remediate:a",
  status: "open",
  triggers: [],
  findings: { at, evidence, diagnosis, plan },
  requests: [],
  actions: [],
  steps: [],
  closing: null,
  ...change,
});
const fixes = (records: StepRecord[]) => records.map(({ step }) => step.fix);

describe("what of an incident is to be undone", () => {
  test("the last change first", () => {
    const record = incident({
      actions: [action(raise!.fix, "apply", told("changed")), action(shorten!.fix, "apply", told("changed"))],
      steps: [verified],
    });
    expect(fixes(changesToUndo(record))).toEqual([shorten!.fix, raise!.fix]);
    expect(fixes(unfinishedChanges(record))).toEqual([shorten!.fix]);
  });
  test("a change that was begun and never ended counts: only the host knows", () => {
    const record = incident({ actions: [action(raise!.fix, "apply", null)] });
    expect(changesToUndo(record)).toMatchObject([{ applied: { status: "untold" } }]);
    expect(fixes(unfinishedChanges(record))).toEqual([raise!.fix]);
  });
  test.each([
    ["refused by the host", [action(raise!.fix, "apply", told("refused"))]],
    ["rolled back by the host", [action(raise!.fix, "apply", told("failed"))]],
    [
      "undone before",
      [action(raise!.fix, "apply", told("changed")), action(raise!.fix, "undo", told("changed"))],
    ],
  ])("nothing that was %s", (_, actions) => {
    expect(changesToUndo(incident({ actions }))).toEqual([]);
  });
  test("an undo that failed, or whose end nobody knows, is asked for again", () => {
    for (const undo of [
      null,
      told("failed"),
      told("refused"),
      { status: "untold" as const, detail: "gone" },
    ]) {
      const actions = [action(raise!.fix, "apply", told("changed")), action(raise!.fix, "undo", undo)];
      expect(fixes(changesToUndo(incident({ actions })))).toEqual([raise!.fix]);
    }
  });
});

describe("what a repeated apply learns from the host's own record", () => {
  test("nothing done, or half of it: it is asked again, and the host finishes it once", () => {
    expect(resultOnRecord(told("unchanged", { onRecord: "none" }))).toBeUndefined();
    expect(resultOnRecord(told("unchanged", { onRecord: "applying" }))).toBeUndefined();
  });
  test("done: that is its result", () => {
    expect(resultOnRecord(told("unchanged", { action: "show", onRecord: "applied" }))).toMatchObject({
      change: { action: "apply", status: "changed" },
    });
  });
  test("put back by the host meanwhile: it is not done again", () => {
    expect(resultOnRecord(told("unchanged", { onRecord: "undone" }))).toMatchObject({
      change: { status: "failed", reason: expect.stringContaining("put it back") },
    });
  });
  test("a host that does not answer leaves it untold", () => {
    expect(resultOnRecord({ status: "untold", detail: "gone" })).toMatchObject({ status: "untold" });
  });
});

test("alarms are cleared when all of them are; a person who asked stays", () => {
  const alarm = { kind: "alarm" as const, alarmName: "a", metric: null, reason: "", at };
  const known = (clearedAt: string | null) => ({ trigger: alarm, joinedAt: at, clearedAt });
  expect(alarmsCleared([known(at)])).toBe(true);
  expect(alarmsCleared([known(at), known(null)])).toBe(false);
  expect(alarmsCleared([known(at), { trigger: byHand, joinedAt: at, clearedAt: at }])).toBe(false);
  expect(alarmsCleared([])).toBe(false);
});
