/**
 * A fleet on the embedded AWS: the daily check of all of it, and in the middle of that the alarms of those in trouble, all
 * in the same second. The state machines, the functions' bundles, what they ask for and what they are answered are the real
 * ones; hosts answer from recordings. Time is simulated: an invocation lasts as long as `secondsOf` says, and its calls are
 * spread over that.
 */
import * as z from "zod/mini";
import { startLocalStack } from "../../local/stack.ts";
import { virtualClock } from "../../local/states/clock.ts";
import type { TaskCall } from "../../local/states/task.ts";
import { type CallRates, callRates } from "./call-rates.ts";
import { alarmOf, fleetOf } from "./fleet.ts";

export type SimulationOptions = {
  instances: number;
  /** Of them, how many are in trouble: 0.02. */
  incidents: number;
  /** How many a run over many works on at a time. */
  concurrency: number;
  /**
   * 1: every function runs. 20: of the healthy instances only each twentieth is really looked at; for the others the last
   * of those is taken again, its calls counted again. State machines always run.
   */
  realEvery: number;
  onProgress(checked: number): void;
};

export type Simulation = {
  rates: CallRates;
  executions: { incidents: number; runs: number; items: number };
  transitions: number;
  invocations: Map<string, { count: number; seconds: number }>;
  /** At a time. */
  mostInvocations: number;
  /** Of the daily check, and of each incident from its alarm to its end. */
  checkSeconds: number;
  incidentSeconds: number[];
  check: unknown;
  outcomes: Map<string, number>;
  messages: number;
  realSeconds: number;
  mostMemory: number;
};

/** Seconds after the check began. */
const alarmsAfter = 300;
const approvalSeconds = 3600;
/** What an agent takes to pick a command up and to answer: measured with real instances it is one to three. */
const deliverySeconds = 2;
/** Seconds that a document of ours runs; the collector counts for five. */
const documentSeconds: Readonly<Record<string, number>> = { "NatMedic-CollectHostEvidence": 5.5 };
const otherDocumentSeconds = 1.5;
/** An answer of AWS, and what a function does besides. */
const callSeconds = 0.06;
const ownSeconds = 0.15;
/** The waiter looks every half to whole second. */
const pollSeconds = 0.75;

type Call = { what: string; count: number };
type Invocation = { calls: Call[]; commandSeconds: number };

const Invoke = z.object({ FunctionName: z.string(), Payload: z.record(z.string(), z.unknown()) });
const OfIncident = z.object({ incident: z.object({ instanceId: z.string() }) });
const Send = z.object({ DocumentName: z.string() });
const GetData = z.object({
  StartTime: z.date(),
  EndTime: z.date(),
  MetricDataQueries: z.array(z.object({ MetricStat: z.optional(z.object({ Period: z.number() })) })),
});

export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const { instances, incidents, concurrency, realEvery, onProgress } = options;
  const begunAt = performance.now();
  const startAt = Date.now();
  const clock = virtualClock(startAt);
  const fleet = fleetOf(instances, incidents, startAt);
  const rates = callRates();
  const underWay = new Map<unknown, Invocation>();
  const ill = new Set(fleet.ill);
  const isReplayed = new Set(fleet.ids.filter((id, n) => n % realEvery !== 0 && !ill.has(id)));
  /** By function, the last that was really run for a healthy instance. */
  const models = new Map<string, Invocation & { id: string; result: string }>();
  const invocations: Simulation["invocations"] = new Map();
  const executions = { incidents: 0, runs: 0, items: 0 };
  let transitions = 0;
  let running = 0;
  let mostInvocations = 0;
  let mostMemory = 0;
  let messages = 0;
  let checked = 0;
  const watch = setInterval(() => {
    mostMemory = Math.max(mostMemory, process.memoryUsage().rss);
  }, 1000);

  /** Calls of a function belong to its invocation; those of the machine itself are noted as they come. */
  const aroundTask = async (call: TaskCall, perform: () => Promise<unknown>): Promise<unknown> => {
    const given = z.safeParse(Invoke, call.arguments);
    if (!given.success) {
      rates.note(
        call.resource.endsWith("sns:publish") ? "sns Publish" : "states StartExecution",
        clock.now(),
      );
      return perform();
    }
    const { FunctionName: name } = given.data;
    const payload = Reflect.get(Object(call.arguments), "Payload");
    const id = OfIncident.safeParse(payload).data?.incident.instanceId ?? "";
    const model = isReplayed.has(id) ? models.get(name) : undefined;
    const invocation: Invocation = model ?? { calls: [], commandSeconds: 0 };
    underWay.set(payload, invocation);
    running += 1;
    mostInvocations = Math.max(mostInvocations, running);
    const begin = clock.now();
    try {
      if (model !== undefined) return JSON.parse(model.result.replaceAll(model.id, id));
      const result = await perform();
      if (id !== "" && !ill.has(id)) models.set(name, { ...invocation, id, result: JSON.stringify(result) });
      return result;
    } finally {
      underWay.delete(payload);
      const seconds = ownSeconds + invocation.calls.length * callSeconds + invocation.commandSeconds;
      const known = invocations.get(name) ?? { count: 0, seconds: 0 };
      invocations.set(name, { count: known.count + 1, seconds: known.seconds + seconds });
      for (const [n, { what, count }] of invocation.calls.entries()) {
        rates.note(what, begin + (1000 * seconds * (n + 0.5)) / invocation.calls.length, count);
      }
      if (!call.signal.aborted) await clock.sleep(seconds, call.signal);
      running -= 1;
    }
  };

  const stack = await startLocalStack({
    world: fleet.world,
    instances: fleet.instances,
    series: fleet.series,
    mode: "apply",
    approvalSeconds,
    clock,
    fleetConcurrency: concurrency,
    remembers: false,
    // Two threads of each function keep two cores busy.
    concurrency: 2,
    pace: 50,
    runCommand: { pickUpMilliseconds: 0, visibleAfterMilliseconds: 0 },
    aroundTask,
    kill: ({ payload, service, operation, input }) => {
      const invocation = underWay.get(payload);
      if (invocation !== undefined) noteCall(invocation, service, operation, input);
      return false;
    },
    onEvent: ({ type, path = "" }) => {
      if (type === "StateEntered" || type === "RetryScheduled") {
        transitions += 1;
        rates.note("states StateTransition", clock.now());
      }
      if (type === "ExecutionStarted") executions.items += 1;
      if (type === "StateExited" && path.endsWith("]/Handled")) {
        checked += 1;
        onProgress(checked);
      }
    },
    onPublish: () => {
      messages += 1;
    },
  });
  try {
    const check = stack.startFleet({ selection: { all: true }, purpose: "prevent" });
    await clock.sleep(alarmsAfter, new AbortController().signal);
    const alarms = fleet.ill.map((id) => {
      rates.note("states StartExecution", clock.now());
      return stack.start(alarmOf(id), `alarm-${id}`);
    });
    const [checkEnd, ...ends] = await Promise.all([check, ...alarms].map(({ finished }) => finished));
    if (checkEnd === undefined) throw new Error("the check has no end");
    executions.incidents = alarms.length;
    executions.runs = 1;
    executions.items -= alarms.length + 1;
    const outcomes = new Map<string, number>();
    for (const end of ends) {
      const outcome = Outcome.safeParse(end.output).data?.outcome ?? `${end.status} ${end.error ?? ""}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    return {
      rates,
      executions,
      transitions,
      invocations,
      mostInvocations,
      checkSeconds: (checkEnd.stoppedAt - checkEnd.startedAt) / 1000,
      incidentSeconds: ends.map(({ startedAt, stoppedAt }) => (stoppedAt - startedAt) / 1000),
      check: checkEnd.output ?? checkEnd.cause,
      outcomes,
      messages,
      realSeconds: (performance.now() - begunAt) / 1000,
      mostMemory: Math.max(mostMemory, process.memoryUsage().rss),
    };
  } finally {
    clearInterval(watch);
    await stack.stop();
  }
}

const Outcome = z.object({ outcome: z.string() });

function noteCall(invocation: Invocation, service: string, operation: string, input: object): void {
  const add = (what: string, count = 1) => invocation.calls.push({ what, count });
  if (service === "dynamodb") {
    // Of more than 1 KiB (4 KiB to read), an item costs more units; the counts here are of calls.
    add(/^(Put|Update|Delete)/.test(operation) ? "dynamodb write units" : "dynamodb read units");
    return;
  }
  // The waiter's own looks are as many as real time lets there be; those of the simulated time are counted below.
  if (operation === "GetCommandInvocation") return;
  add(`${service} ${operation}`);
  const sent = z.safeParse(Send, input).data;
  if (operation === "SendCommand" && sent !== undefined) {
    const seconds = deliverySeconds + (documentSeconds[sent.DocumentName] ?? otherDocumentSeconds);
    invocation.commandSeconds += seconds;
    const polls = Math.ceil(seconds / pollSeconds) + 1;
    for (let poll = 0; poll < polls; poll += 1) add("ssm GetCommandInvocation");
  }
  const data = z.safeParse(GetData, input).data;
  if (operation === "GetMetricData" && data !== undefined) {
    const span = (data.EndTime.getTime() - data.StartTime.getTime()) / 1000;
    const points = data.MetricDataQueries.map(({ MetricStat }) =>
      Math.ceil(span / (MetricStat?.Period ?? 60)),
    );
    add(
      "monitoring GetMetricData datapoints",
      points.reduce((a, b) => a + b, 0),
    );
    add("metrics requested", data.MetricDataQueries.length);
  }
}
