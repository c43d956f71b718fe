/**
 * The unit grid: every scenario and variant as the lab's kernels showed it, judged again. What was staged is named, in
 * order, nothing else is, and no fix is planned for what is not there.
 */
import { describe, expect, test } from "vitest";
import { causes } from "../../core/causes.ts";
import { diagnose } from "../../core/diagnosis.ts";
import type { Trigger } from "../../core/incident.ts";
import { planFor } from "../../core/plan.ts";
import { capturedCases } from "../../local/captured-evidence.ts";
import { expectationOf, readScenario, scenarioIds } from "../../local/scenario.ts";
import { byHand } from "./captured.ts";

const cases = scenarioIds.flatMap((id) => {
  const scenario = readScenario(id);
  return capturedCases(scenario).map((captured) => ({ scenario, captured }));
});
const named = cases.map(({ scenario, captured }) => ({
  name: [scenario.id, captured.variant ?? "as staged", captured.kernel].join(", "),
  expected: expectationOf(scenario, captured.variant),
  evidence: captured.evidence,
}));
const judged = ({ evidence }: (typeof named)[number], trigger: Trigger = byHand) =>
  diagnose(evidence, trigger);

describe.each(named)("$name", (each) => {
  const { expected } = each;
  test("is named as it was staged", () => {
    const { causes: found, status } = judged(each);
    const [leading = null, ...others] = found.map(({ id }) => id);
    const contributing = others.filter((id) => !expected.sometimesSeen.includes(id));
    expect({ leading, contributing: contributing.sort() }).toEqual({
      leading: expected.leading,
      contributing: [...expected.contributing].sort(),
    });
    if (expected.leading === null) expect(status).toBe(expected.outcome);
  });

  test("no fix is planned for a cause that is not there", () => {
    const staged = [expected.leading, ...expected.contributing, ...expected.sometimesSeen];
    const { steps } = planFor(judged(each), each.evidence, { mode: "apply", automaticChangesLeft: 3 });
    for (const step of steps) {
      expect(
        step.causes.some((id) => staged.includes(id)),
        step.fix,
      ).toBe(true);
      if (step.fix !== "tell-remote-owner") expect(step.commands.length, step.fix).toBeGreaterThan(0);
    }
  });
});

test("every scenario and every variant was captured on both kernels", () => {
  for (const { id, variants } of scenarioIds.map(readScenario)) {
    for (const variant of [null, ...Object.keys(variants)]) {
      const kernels = cases
        .filter(({ scenario, captured }) => scenario.id === id && captured.variant === variant)
        .map(({ captured }) => captured.kernel);
      expect(new Set(kernels).size, `${id}, ${variant ?? "as staged"}`).toBe(2);
    }
  }
});

test.each(causes.map(({ id }) => id))(
  "%s is found somewhere, and somewhere it is looked for and absent",
  (id) => {
    const verdicts = named.map((each) => judged(each));
    expect(verdicts.some(({ causes: found }) => found.some((cause) => cause.id === id))).toBe(true);
    expect(verdicts.some(({ ruledOut }) => ruledOut.some((cause) => cause.id === id))).toBe(true);
  },
);
