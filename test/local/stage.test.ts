/** What a scenario says of AWS, of agents and of its beginning reaches the pipeline. Played on recorded hosts. */
import { expect, test } from "vitest";
import { runDrill } from "../../local/drill.ts";
import { readScenario, type Scenario, startingEvent } from "../../local/scenario.ts";
import { recordedStage, stackOn } from "../../local/stage.ts";
import { natA, natInterfaceA } from "../../local/world.ts";

const healthy = readScenario("healthy");
const play = (given: Partial<Scenario>) => {
  const scenario = { ...healthy, ...given };
  return runDrill({
    stage: recordedStage(scenario),
    event: startingEvent(scenario, scenario.mode),
    mode: scenario.mode,
    person: async () => "approve",
  });
};

test("a world that differs in one thing is found to differ in that thing", { timeout: 120_000 }, async () => {
  const { diagnosis } = await play({
    world: { networkInterfaces: { [natInterfaceA]: { SourceDestCheck: true } } },
  });
  expect(diagnosis?.causes.map(({ id }) => id)).toEqual(["source-dest-check-enabled"]);
});

test("where no agent answers, AWS is still asked, and says so", { timeout: 120_000 }, async () => {
  const { diagnosis } = await play({ host: { ...healthy.host, reachable: false } });
  expect(diagnosis?.causes.map(({ id }) => id)).toEqual(["host-unreachable"]);
  expect(JSON.stringify(diagnosis?.causes[0]?.evidence)).toContain("ConnectionLost");
});

test("a scenario's metric takes the place of the same one that the stage has", () => {
  const metrics = [
    { namespace: "NatMedic", name: "ConntrackUtilization", dimensions: undefined, values: [] },
  ];
  const { series } = stackOn(recordedStage({ ...healthy, metrics }), [natA]);
  expect(series).toEqual([
    {
      namespace: "NatMedic",
      metricName: "ConntrackUtilization",
      dimensions: { InstanceId: natA },
      points: [],
    },
  ]);
});

test("a start by hand asks for the drill's mode and the scenario's tests; an alarm is what it is", () => {
  const byHand = { ...healthy, event: "start-by-hand" as const, host: { ...healthy.host, probe: true } };
  expect(startingEvent(byHand, "approve")).toEqual({ instanceId: natA, mode: "approve", probe: true });
  expect(startingEvent(healthy, "approve")).toMatchObject({ "detail-type": "CloudWatch Alarm State Change" });
});
