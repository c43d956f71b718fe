import { describe, expect, test } from "vitest";
import { conntrackUnmonitored } from "../../../core/causes/conntrack-unmonitored.ts";
import { setUpMonitoring } from "../../../core/fixes/set-up-monitoring.ts";
import { captured, cloudOf, evidenceOf } from "../captured.ts";

const name = "NatMedic/ConntrackUtilization";
const history = (points: number) => ({
  name,
  points: Array.from({ length: points }, (_, index) => ({ at: 1_795_000_000 + 60 * index, value: 45 })),
});
const evidence = (cloud: object) => ({ ...evidenceOf(captured("healthy")), cloud: cloudOf(cloud) });
const judge = (cloud: object) => conntrackUnmonitored.judge(evidence(cloud));
const watched = { metrics: { [name]: history(180) }, utilizationAlarms: ["nat-a-conntrack-utilization"] };

describe("conntrack-unmonitored", () => {
  test("is absent when the metric has data and an alarm watches it", () => {
    expect(judge(watched).verdict).toBe("absent");
    expect(judge({ ...watched, metrics: { [name]: history(1) } }).verdict).toBe("absent");
  });
  test("is a warning without data, without an alarm, and without both", () => {
    const warning = { verdict: "present", confidence: 0.99, severity: "warning" };
    expect(judge({ ...watched, metrics: { [name]: history(0) } })).toMatchObject(warning);
    expect(judge({ ...watched, utilizationAlarms: [] })).toMatchObject(warning);
    expect(judge({ metrics: { [name]: history(0) }, utilizationAlarms: [] })).toMatchObject(warning);
  });
  test("takes the alarm's own metric for data, and no other", () => {
    expect(judge({ ...watched, metrics: {}, metric: history(3) }).verdict).toBe("absent");
    const other = { ...history(3), name: "CWAgent/ethtool_pps_allowance_exceeded" };
    expect(judge({ ...watched, metrics: {}, metric: other }).verdict).toBe("unknown");
  });
  test("is a warning when the alarm of silence went off, however much was published before", () => {
    expect(judge({ ...watched, silentSeconds: 420 })).toMatchObject({
      verdict: "present",
      evidence: [{ observed: "180 data points, the last 7 minutes ago" }, {}],
    });
    expect(judge({ ...watched, silentSeconds: 61 }).verdict).toBe("absent");
  });
  test("says that another system may watch it", () => {
    expect(JSON.stringify(judge({ ...watched, utilizationAlarms: [] }))).toContain(
      "if another system watches",
    );
  });
  test("is unknown when CloudWatch did not answer, and not asked without AWS", () => {
    expect(judge({ metrics: { [name]: history(9) }, utilizationAlarms: null }).verdict).toBe("unknown");
    expect(judge({ metrics: {}, utilizationAlarms: [] }).verdict).toBe("unknown");
    expect(conntrackUnmonitored.judge(evidenceOf(captured("healthy")))).toMatchObject({
      verdict: "unknown",
      asked: false,
    });
  });
});

describe("set-up-monitoring", () => {
  const prepare = (cloud: object) => setUpMonitoring.prepare(evidence(cloud));
  const commands = (cloud: object) => {
    const prepared = prepare(cloud);
    return "impossible" in prepared ? prepared.impossible : prepared.commands.join("\n");
  };
  test("does what is missing and no more", () => {
    const noData = commands({ ...watched, metrics: { [name]: history(0) } });
    expect(noData).toContain("put-metric-data");
    expect(noData).not.toContain("put-metric-alarm");
    expect(noData).toContain("NatMedic-EnrolHost");
    const silent = commands({ ...watched, silentSeconds: 420 });
    expect(silent).toBe(noData);
    const noAlarm = commands({ ...watched, utilizationAlarms: [] });
    expect(noAlarm).toContain("put-metric-alarm");
    expect(noAlarm).not.toContain("put-metric-data");
  });
  test("is impossible when the table is watched, or nobody could look", () => {
    expect(prepare(watched)).toHaveProperty("impossible");
    expect(setUpMonitoring.prepare(evidenceOf(captured("healthy")))).toHaveProperty("impossible");
  });
});
