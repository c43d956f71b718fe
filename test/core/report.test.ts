import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Verification } from "../../core/cause.ts";
import type { ChangeResult } from "../../core/change.ts";
import { type Closing, outcomeOf } from "../../core/closing.ts";
import { type Diagnosis, diagnose } from "../../core/diagnosis.ts";
import { planFor } from "../../core/plan.ts";
import { approvalRequest } from "../../core/report/approval.ts";
import { report } from "../../core/report.ts";
import { type StepRecord, statusOf } from "../../core/step-record.ts";
import { byHand, captured, evidenceOf } from "./captured.ts";

/** What the state machine knew when it closed the incident that was captured. */
const closing: Closing = JSON.parse(readFileSync("events/functions/close-incident.json", "utf8"));
const [raised] = closing.steps as [StepRecord, ...StepRecord[]];
const told = (status: "changed" | "unchanged" | "refused" | "failed", reason = ""): ChangeResult => ({
  status: "told",
  change: {
    schema: "nat-medic/change/1",
    fix: "raise-conntrack-max",
    action: "apply",
    status,
    reason,
    values: [],
    files: [],
    notes: [],
  },
});
const untold: ChangeResult = { status: "untold", detail: "the command was killed at its time limit" };
const better: Verification = { verdict: "better", evidence: [] };
const unchanged: Verification = { verdict: "unchanged", evidence: [] };
const record = (change: Partial<StepRecord>): StepRecord => ({
  step: raised.step,
  answer: null,
  applied: null,
  verification: null,
  persisted: null,
  undone: null,
  ...change,
});

describe("what became of a step, and of its incident", () => {
  test.each<[string, Partial<StepRecord>, string, string]>([
    [
      "applied, verified and kept",
      { applied: told("changed"), verification: better, persisted: told("changed") },
      "in-force",
      "fixed",
    ],
    [
      "already in force and verified",
      { applied: told("unchanged"), verification: better },
      "in-force",
      "fixed",
    ],
    [
      "without effect and put back",
      { applied: told("changed"), verification: unchanged, undone: told("changed") },
      "undone",
      "undone",
    ],
    [
      "without effect, nothing to put back",
      { applied: told("changed"), verification: unchanged, undone: told("unchanged") },
      "undone",
      "undone",
    ],
    [
      "without effect, undo refused",
      { applied: told("changed"), verification: unchanged, undone: told("refused") },
      "unsettled",
      "failed",
    ],
    [
      "without effect, undo untold",
      { applied: told("changed"), verification: unchanged, undone: untold },
      "unsettled",
      "failed",
    ],
    ["untold and put back", { applied: untold, undone: told("changed") }, "undone", "undone"],
    ["refused by the host", { applied: told("refused") }, "refused", "proposed"],
    ["failed on the host, which rolled back", { applied: told("failed") }, "failed", "failed"],
    [
      "rejected by a person",
      { step: { ...raised.step, decision: "ask" }, answer: "reject" },
      "rejected",
      "proposed",
    ],
    ["unanswered", { step: { ...raised.step, decision: "ask" }, answer: "nobody" }, "unanswered", "proposed"],
    ["only proposed", { step: { ...raised.step, decision: "propose" } }, "proposed", "proposed"],
  ])("%s", (_, change, status, outcome) => {
    const steps = [record(change)];
    expect(statusOf(steps[0]!)).toBe(status);
    expect(outcomeOf({ ...closing, steps })).toBe(outcome);
    const { subject, body } = report({ ...closing, steps });
    expect(subject).toContain("i-0a1b2c3d4e5f67890");
    // Whatever happened to it, the reader sees the step and the way back.
    expect(body).toContain(raised.step.action);
    if (status !== "undone" && status !== "failed") expect(body).toContain(raised.step.undo[0]);
  });

  test("a failure of our own is one, whatever else went well", () => {
    const failure = {
      state: "Diagnose",
      error: "Sandbox.Timedout",
      cause: '{"errorType":"x","errorMessage":"Task timed out","trace":["at secret.js"]}',
    };
    expect(outcomeOf({ ...closing, diagnosis: null, steps: [], failure })).toBe("failed");
    const { subject, body } = report({ ...closing, diagnosis: null, plan: null, steps: [], failure });
    expect(subject).toContain("stopped at Diagnose");
    expect(body).toContain("Task timed out");
    expect(body).not.toContain("secret.js");
  });
});

test("a fixed incident says what failed, each value before and after, how it was verified, and how to undo it", () => {
  const { subject, body } = report(closing);
  expect(subject).toBe("NAT Medic fixed i-0a1b2c3d4e5f67890: The connection tracking table is full");
  for (const { setting, before, after } of raised.step.settings) {
    expect(body).toMatch(new RegExp(`${setting.replaceAll(".", "\\.")} +${before} -> ${after}`));
  }
  for (const words of [
    "new ones time out at random",
    "expected below 70 %",
    "Verified, it helped",
    "Survives a reboot",
    "To undo",
    "Action=undo",
    "RULED OUT",
    closing.incident!.id,
  ]) {
    expect(body).toContain(words);
  }
});

test("the reason that makes several causes unknown is said once", () => {
  const host = { status: "unread", reason: "unreachable", detail: "no agent took the command" } as const;
  const diagnosis = diagnose({ host, cloud: { instance: null, metric: null, unread: [] } }, byHand);
  const { body } = report({ ...closing, diagnosis, plan: null, steps: [], cloud: null });
  expect(body.match(/no agent took the command/g)).toHaveLength(1);
  expect(body).toContain("describe-instance-information");
});

describe("texts that are not ours", () => {
  const plain = /^[^<>`*[\]@\p{Cc}]*$/u;
  const nasty = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "<script>alert(1)</script>",
      "[x](https://evil.example)",
      "@channel",
      "a\r\nSubject: b",
      "\u001b[2J",
      "`rm -rf /`",
    ),
  );

  test("never make a subject longer or stranger than SNS takes, nor a body with markup", () => {
    const failedWith = (error: string, cause: string) =>
      report({
        ...closing,
        diagnosis: null,
        plan: null,
        steps: [],
        failure: { state: "Diagnose", error, cause },
      });
    const ours = new Set(failedWith("", "").body.split("\n"));
    fc.assert(
      fc.property(nasty, nasty, (error, cause) => {
        const { subject, body } = failedWith(error, cause);
        expect(subject).toMatch(/^[!-~][ -~]{0,99}$/);
        for (const line of body.split("\n")) if (!ours.has(line)) expect(line).toMatch(plain);
      }),
    );
  });
});

test("a request for a decision says what, why, until when, and how to answer", () => {
  const evidence = evidenceOf(captured("conntrack-table-full"));
  const diagnosis: Diagnosis = diagnose(evidence, byHand);
  const [step] = planFor(diagnosis, evidence, "approve").steps;
  const { subject, body } = approvalRequest({
    incident: closing.incident!,
    diagnosis,
    step: step!,
    taskToken: "T0ken",
    patience: 14_400,
  });
  expect(subject.length).toBeLessThanOrEqual(100);
  for (const words of [
    step!.action,
    "within 4 h",
    '--task-token T0ken --task-output \'{"decision":"approve"}\'',
    '"reject"',
    ...step!.undo,
  ]) {
    expect(body).toContain(words);
  }
});
