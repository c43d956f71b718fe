import { PutMetricData$ } from "@aws-sdk/client-cloudwatch";
import { DescribeInstances$ } from "@aws-sdk/client-ec2";
import { Publish$ } from "@aws-sdk/client-sns";
import { QueryShapeSerializer } from "@aws-sdk/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formTree, readStruct } from "../../../local/endpoint/query-input.ts";

/** What the SDK would send for this input. */
const formOf = (schema: NormalizedSchema, input: object, ec2: boolean): URLSearchParams => {
  const settings = ec2 ? { capitalizeKeys: true, flattenLists: true, ec2: true } : {};
  const serializer = new QueryShapeSerializer({
    timestampFormat: { useTrait: true, default: 5 },
    ...settings,
  } as ConstructorParameters<typeof QueryShapeSerializer>[0]);
  serializer.write(schema, input);
  return new URLSearchParams(serializer.flush().toString());
};

const text = fc.string({ unit: "grapheme", minLength: 1 });
const filter = fc.record({ Name: text, Values: fc.array(text, { minLength: 1 }) });

test("EC2's flat lists are read as the SDK writes them", () => {
  const schema = NormalizedSchema.of(DescribeInstances$[4]);
  const input = fc.record(
    {
      InstanceIds: fc.array(text, { minLength: 1, maxLength: 12 }),
      Filters: fc.array(filter, { minLength: 1 }),
      DryRun: fc.boolean(),
      MaxResults: fc.integer(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(input, (value) => {
      expect(readStruct(schema, formTree(formOf(schema, value, true)), true)).toEqual(value);
    }),
  );
});

test("member lists, timestamps and fractions are read as the SDK writes them", () => {
  const schema = NormalizedSchema.of(PutMetricData$[4]);
  const at = fc
    .date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
    .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000));
  const datum = fc.record({
    MetricName: text,
    Timestamp: at,
    Values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }),
    Dimensions: fc.array(fc.record({ Name: text, Value: text }), { minLength: 1 }),
  });
  fc.assert(
    fc.property(
      fc.record({ Namespace: text, MetricData: fc.array(datum, { minLength: 1, maxLength: 12 }) }),
      (value) => {
        // -0 has no text of its own.
        const expected = JSON.parse(JSON.stringify(value));
        const read = readStruct(schema, formTree(formOf(schema, value, false)), false);
        expect(JSON.parse(JSON.stringify(read))).toEqual(expected);
      },
    ),
  );
});

test("maps and bytes are read as the SDK writes them", () => {
  const schema = NormalizedSchema.of(Publish$[4]);
  const value = {
    TopicArn: "arn",
    Message: "a=b&c d+e",
    MessageAttributes: {
      first: { DataType: "String", StringValue: "x" },
      second: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
    },
  };
  expect(readStruct(schema, formTree(formOf(schema, value, false)), false)).toEqual(value);
});
