/** The dashboard is a text to CloudFormation, and a wrong one shows nothing: what CloudWatch documents of it, checked. */
import { expect, test } from "vitest";
import * as z from "zod";
import { metricNamespace, publishedMetrics } from "../../core/metrics.ts";
import { pipelineMetrics, pipelineNamespace } from "../../core/pipeline-metrics.ts";
import { template } from "./template.ts";

// "Dashboard Body Structure and Syntax" in the CloudWatch API reference, as far as it is used here.
const Widget = z.strictObject({
  type: z.literal("metric"),
  x: z.int().min(0).max(23),
  y: z.int().min(0),
  width: z.int().min(1).max(24),
  height: z.int().min(1).max(1000),
  properties: z.strictObject({
    title: z.string().min(1),
    region: z.literal("eu-central-1"),
    view: z.enum(["timeSeries", "singleValue", "bar"]),
    period: z.int().multipleOf(60),
    stat: z.enum(["Sum", "Average", "Minimum", "Maximum"]).optional(),
    sparkline: z.boolean().optional(),
    yAxis: z
      .strictObject({ left: z.strictObject({ min: z.number(), max: z.number().optional() }) })
      .optional(),
    annotations: z
      .strictObject({ horizontal: z.array(z.strictObject({ label: z.string(), value: z.number() })) })
      .optional(),
    metrics: z.array(z.array(z.unknown()).min(1)).min(1),
  }),
});
const AlarmWidget = Widget.extend({
  type: z.literal("alarm"),
  properties: z.strictObject({ title: z.string(), alarms: z.array(z.string()).min(1).max(100) }),
});
const Body = z.strictObject({
  start: z.string().regex(/^-PT\d+H$/),
  periodOverride: z.enum(["auto", "inherit"]),
  widgets: z.array(z.discriminatedUnion("type", [Widget, AlarmWidget])).max(500),
});

const source: string = template.Resources.FleetDashboard?.Properties.DashboardBody["Fn::Sub"];
const { Parameters } = template as unknown as { Parameters: Record<string, { Default: unknown }> };
/** As CloudFormation does: `${!X}` stays as `${X}`. */
const substituted = source
  .replaceAll("${AWS::Region}", "eu-central-1")
  .replaceAll(/\$\{(\w+(\.\w+)?)\}/g, (_, name) => String(Parameters[name]?.Default ?? name))
  .replaceAll("${!", "${");
const { widgets } = Body.parse(JSON.parse(substituted));
const metricsOf = (widget: (typeof widgets)[number]) =>
  widget.type === "metric" ? widget.properties.metrics : [];

test("its references lead to resources and parameters of the template", () => {
  const names = [...source.matchAll(/\$\{(\w+)[.}]/g)].map(([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(5);
  for (const name of names.filter((each) => each !== "AWS"))
    expect({ ...template.Resources, ...template.Parameters }, name).toHaveProperty(name);
});

test("its widgets lie side by side: none over another, none over the edge, no row with a gap", () => {
  const taken = new Map<string, string>();
  for (const { x, y, width, height, properties } of widgets) {
    expect(x + width, properties.title).toBeLessThanOrEqual(24);
    for (let column = x; column < x + width; column++)
      for (let row = y; row < y + height; row++) {
        expect(taken.get(`${column},${row}`), `${properties.title} at ${column},${row}`).toBeUndefined();
        taken.set(`${column},${row}`, properties.title);
      }
  }
  const rows = Math.max(...widgets.map(({ y, height }) => y + height));
  expect(taken.size).toBe(rows * 24);
});

test("every metric that it searches for is published, under the very dimensions that are searched", () => {
  const searches = widgets
    .flatMap(metricsOf)
    .map(([first]) => z.object({ expression: z.string() }).safeParse(first))
    .flatMap(({ data }) => (data === undefined ? [] : [data.expression]));
  expect(searches.length).toBeGreaterThan(8);
  for (const search of searches) {
    const [, schema = "", name = ""] =
      /SEARCH\('\{([^}]+)\} MetricName="(\w+)"', '(?:Sum|Maximum|Minimum)', \d+\)/.exec(search) ?? [];
    const [namespace, ...dimensions] = schema.split(",");
    if (namespace === metricNamespace) {
      expect(Object.keys(publishedMetrics), search).toContain(name);
      expect(dimensions, search).toEqual(
        name === "EnaAllowanceExceeded" ? ["Allowance", "InstanceId"] : ["InstanceId"],
      );
    } else {
      const metric = Object.entries(pipelineMetrics).find(([each]) => each === name)?.[1];
      const dimension = metric !== undefined && "dimension" in metric ? metric.dimension : undefined;
      expect(namespace, search).toBe(pipelineNamespace);
      expect(dimensions, search).toEqual(["service", dimension]);
    }
    // Braces, brackets and quotes are closed.
    expect(search.split("(").length, search).toBe(search.split(")").length);
  }
});

test("every metric that it names outright is one of ours or of a service that the stack uses", () => {
  const named = widgets.flatMap(metricsOf).filter(([first]) => typeof first === "string");
  expect(named.length).toBeGreaterThan(5);
  for (const [namespace, name, dimension, value] of named) {
    expect(["AWS/States", "AWS/SQS", pipelineNamespace]).toContain(namespace);
    if (namespace !== pipelineNamespace) continue;
    expect(Object.keys(pipelineMetrics)).toContain(name);
    expect([dimension, value]).toEqual(["service", "nat-medic"]);
  }
});

test("everything that is published or measured is to be seen", () => {
  for (const name of [...Object.keys(publishedMetrics), ...Object.keys(pipelineMetrics)])
    expect(source).toContain(name);
});

test("a metric's labels and identifiers are unique within a widget, which CloudWatch demands", () => {
  for (const widget of widgets) {
    const options = metricsOf(widget).map(
      (metric) => z.looseObject({ id: z.string().optional() }).safeParse(metric.at(-1)).data,
    );
    const ids = options.flatMap((option) => option?.id ?? []);
    expect(new Set(ids).size, widget.properties.title).toBe(ids.length);
  }
});

test("it shows the state of every alarm on the pipeline", () => {
  const shown = widgets.flatMap((widget) => (widget.type === "alarm" ? widget.properties.alarms : []));
  const pipeline = Object.entries(template.Resources)
    .filter(
      ([, { Type, Properties }]) =>
        Type === "AWS::CloudWatch::Alarm" && /^pipeline-/.test(Properties.AlarmName["Fn::Sub"]),
    )
    .map(([name]) => `${name}.Arn`);
  expect(shown.toSorted()).toEqual(pipeline.toSorted());
});
