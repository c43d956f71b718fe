import { expect, it } from "vitest";
import { readEmbeddedMetrics } from "../../local/embedded-metrics.ts";

const definition = { Name: "NatForwarding", Unit: "None", StorageResolution: 60 };
const document = {
  _aws: {
    Timestamp: 1_795_244_993_000,
    LogGroupName: "/nat-medic/metrics",
    LogStreamName: "i-0a1b2c3d4e5f67890",
    CloudWatchMetrics: [{ Namespace: "NatMedic", Dimensions: [["InstanceId"]], Metrics: [definition] }],
  },
  InstanceId: "i-0a1b2c3d4e5f67890",
  NatForwarding: 1,
};
const changed = (change: (document: { _aws: { CloudWatchMetrics: object[] } }) => void) => {
  const copy = structuredClone(document);
  change(copy);
  return JSON.stringify(copy);
};

it("makes of a document what PutMetricData would carry", () => {
  expect(readEmbeddedMetrics(JSON.stringify(document))).toEqual([
    {
      Namespace: "NatMedic",
      MetricData: [
        {
          MetricName: "NatForwarding",
          Dimensions: [{ Name: "InstanceId", Value: "i-0a1b2c3d4e5f67890" }],
          Timestamp: new Date("2026-11-21T07:09:53Z"),
          Value: 1,
          Unit: "None",
          StorageResolution: 60,
        },
      ],
    },
  ]);
});

it.each([
  ["no JSON", "NatForwarding 1"],
  ["cut short", JSON.stringify(document).slice(0, -20)],
  ["without the value", changed((copy) => Object.assign(copy, { NatForwarding: undefined }))],
  ["with a value that is no number", changed((copy) => Object.assign(copy, { NatForwarding: "1" }))],
  ["without the dimension", changed((copy) => Object.assign(copy, { InstanceId: undefined }))],
  [
    "with a unit of nobody's",
    changed((copy) =>
      Object.assign(copy._aws.CloudWatchMetrics[0] ?? {}, { Metrics: [{ ...definition, Unit: "Parsec" }] }),
    ),
  ],
])("refuses a text that is %s, of which CloudWatch would make no metric", (_what, text) => {
  expect(() => readEmbeddedMetrics(text)).toThrow();
});
