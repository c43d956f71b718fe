/**
 * NAT Medic deployed on the embedded AWS: endpoint, functions, documents, state machine, table, topics, approval page,
 * the rule that watches executions, and one host per instance.
 */
import { join } from "node:path";
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import type { _InstanceType } from "@aws-sdk/client-ec2";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { incidentFrom, instanceFrom } from "../aws/incident-store.ts";
import { functionNames } from "../build/bundle.ts";
import { bundleFolder, root } from "../build/layout.ts";
import type { IncidentRecord, InstanceRecord } from "../core/incident-record.ts";
import { metricNamespace } from "../core/metrics.ts";
import type { Mode } from "../core/mode.ts";
import { modeTag } from "../core/opening.ts";
import type { Place } from "../core/place.ts";
import { buildDocument, documents } from "../host/documents.ts";
import { alarmStore } from "./alarms/alarm-store.ts";
import { lambdaActions } from "./alarms/lambda-actions.ts";
import { templateAlarms } from "./alarms/template-alarms.ts";
import { watchAlarms } from "./alarms/watch.ts";
import { cloudwatch } from "./endpoint/cloudwatch.ts";
import { startDynamodb } from "./endpoint/dynamodb.ts";
import { ec2 } from "./endpoint/ec2.ts";
import { lambda } from "./endpoint/lambda.ts";
import type { MetricSeries } from "./endpoint/metric-series.ts";
import { type Publication, sns } from "./endpoint/sns.ts";
import { ssm } from "./endpoint/ssm.ts";
import { stepfunctions } from "./endpoint/stepfunctions.ts";
import { type Fault, startEndpoint } from "./endpoint/wire.ts";
import { eventBus } from "./event-bus/event-bus.ts";
import { templateRules } from "./event-bus/template-rules.ts";
import { integrations } from "./integrations.ts";
import { startFunctionUrl } from "./lambda/function-url.ts";
import { inProcess, type Kill } from "./lambda/in-process.ts";
import { deployMachine, folderOf } from "./machine.ts";
import { rescueRule } from "./rescue-rule.ts";
import type { ManagedInstance } from "./run-command/invocation.ts";
import { spokeExternalId, spokeRole, spokes } from "./spokes.ts";
import { realClock, type VirtualClock } from "./states/clock.ts";
import type { ExecutionEvent } from "./states/events.ts";
import type { Execution } from "./states/execution.ts";
import type { TaskCall } from "./states/task.ts";
import { addNat, healthyWorld, type World } from "./world.ts";

export const account = "123456789012";
export const region = "eu-central-1";
/** For people. */
export const topicArn = `arn:aws:sns:${region}:${account}:nat-medic`;
export const chatTopicArn = `${topicArn}-chat`;
const table = "nat-medic-incidents";
const machineArn = `arn:aws:states:${region}:${account}:stateMachine:nat-medic-remediate`;
const fleetArn = `arn:aws:states:${region}:${account}:stateMachine:nat-medic-fleet`;

/** What the template gives the functions that have to do with alarms, by its defaults. */
export const alarmSettings = {
  NAT_MEDIC_ALARM_PREFIX: "nat-medic-",
  NAT_MEDIC_SILENT_ALARMS: "yes",
  NAT_MEDIC_HIGH_RESOLUTION_ALARMS: "no",
  NAT_MEDIC_AGENT_ALARMS: "no",
  NAT_MEDIC_COMPOSITE_ALARMS: "no",
  NAT_MEDIC_PAGING_TOPIC_ARN: "",
  NAT_MEDIC_UTILIZATION_THRESHOLD: "80",
  NAT_MEDIC_LOSS_THRESHOLD: "10",
  NAT_MEDIC_ALLOWANCE_THRESHOLD: "20",
};

export type LocalStackOptions = {
  /**
   * Those that Run Command can reach, by instance ID. One that the world does not have is added to it: a NAT instance
   * that carries our tag.
   */
  instances: Readonly<
    Record<string, ManagedInstance & { type?: _InstanceType; tags?: Record<string, string> }>
  >;
  /** AWS around them; it changes when an operation changes it. Healthy by default. */
  world?: World;
  /** Other accounts and Regions; `trusts`, by default true: whether there is a role that lets this stack in. */
  spokes?: readonly {
    place: Place;
    trusts?: boolean;
    instances: LocalStackOptions["instances"];
    world?: World;
    series?: MetricSeries[];
  }[];
  mode: Mode;
  approvalSeconds: number;
  /** By default as the template's. */
  coolDownSeconds?: number;
  automaticChangesPerDay?: number;
  /** State of alarms by name, besides those of the world; looked at whenever it is asked for. */
  alarms?: Readonly<Record<string, "OK" | "ALARM" | "INSUFFICIENT_DATA">>;
  /**
   * How often EventBridge delivers each end of an execution that was no success; it promises at least once, which is
   * the default. 0: the rule is off.
   */
  eventDeliveries?: number;
  /** Ends functions in the middle of their work. */
  kill?: Kill;
  /** Execution environments per function. */
  concurrency?: number;
  /** How long Run Command takes for itself; by default as `endpoint/ssm.ts` has it. */
  runCommand?: { pickUpMilliseconds: number; visibleAfterMilliseconds: number };
  /** Skips the time in which everybody waits; by default time is real. */
  clock?: VirtualClock;
  /** By how much the clock of the functions is ahead of the state machine's. */
  skewSeconds?: number;
  /** How many times as fast the functions' own waits pass (for a command, between retries); by default as they are. */
  pace?: number;
  /** An instance whose table's utilisation is not among them is monitored all the same, and quiet. */
  series?: MetricSeries[];
  /**
   * Whether CloudWatch has the template's alarms and evaluates them by the clock, and EventBridge delivers their events by
   * the template's rules. Instances are then monitored only by what is published. By default they are not.
   */
  watch?: boolean;
  port?: number;
  pagePort?: number;
  fault?: Fault;
  /** How many instances a run over many works on at a time; by default as the template's. */
  fleetConcurrency?: number;
  /** Whether executions that have ended, and what was asked of the endpoint, stay known; they do by default. */
  remembers?: boolean;
  /** Around each task of a state machine, as to let more time pass than the work itself takes. */
  aroundTask?(call: TaskCall, perform: () => Promise<unknown>): Promise<unknown>;
  onEvent?(event: ExecutionEvent, execution: string): void;
  onPublish?(publication: Publication): void;
  onLog?(functionName: string, text: string): void;
};

export type LocalStack = {
  /** For `AWS_ENDPOINT_URL` and the AWS CLI's `--endpoint-url`. */
  url: string;
  machineArn: string;
  /** Where the approval page is served. */
  pageUrl: string;
  /** The incident store's name, and what it holds. */
  table: string;
  incidents(): Promise<IncidentRecord[]>;
  /** The incident that an execution opened, or works on; undefined when there is none. */
  incidentOf(executionArn: string): Promise<IncidentRecord | undefined>;
  instance(instanceId: string): Promise<InstanceRecord>;
  /** Every operation that was asked of the endpoint. */
  requests: Awaited<ReturnType<typeof startEndpoint>>["requests"];
  /** Variables that every function has. */
  environment: Readonly<Record<string, string>>;
  start(input: unknown, name?: string): Execution;
  /** Lambda's Invoke: what the function returned, or its error thrown. */
  invoke(functionName: string, payload: unknown): Promise<unknown>;
  /** One run over many instances. */
  startFleet(input: unknown, name?: string): Execution;
  /** Hands an event to EventBridge, which knows the template's rules when the stack is watched; returns those that take it. */
  putEvent(event: unknown): string[];
  /** Executions for one instance so far, the fanned-out ones included. */
  executions(): readonly Execution[];
  fleetExecutions(): readonly Execution[];
  /** Until every end of an execution that the rule was told of so far is dealt with. */
  settled(): Promise<void>;
  /** Aborts what still runs; the rule hears no more of that. */
  stop(): Promise<void>;
};

export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const {
    instances,
    mode,
    approvalSeconds,
    coolDownSeconds = 900,
    automaticChangesPerDay = 3,
    world = healthyWorld(),
    alarms = {},
    eventDeliveries = 1,
    clock,
    series = [],
    onEvent = () => {},
    onPublish = () => {},
  } = options;
  // Work takes real time, also where waiting does not.
  const working = <T>(work: Promise<T>): Promise<T> => (clock === undefined ? work : clock.working(work));
  for (const [position, [id, instance]] of Object.entries(instances).entries()) {
    enrol(world, id, instance, position);
  }
  const deployed = {
    substitutions: {
      Partition: "aws",
      ApprovalSeconds: String(approvalSeconds),
      TopicArn: topicArn,
      FleetConcurrency: String(options.fleetConcurrency ?? 8),
      RemediateStateMachineArn: machineArn,
      FleetStateMachineArn: fleetArn,
    },
    clock: clock ?? realClock,
    tasks: (call: TaskCall) => {
      const perform = () => working(tasks(call));
      return options.aroundTask === undefined ? perform() : options.aroundTask(call, perform);
    },
    onEvent,
    remembers: options.remembers ?? true,
  };
  const remediate = deployMachine({
    ...deployed,
    machine: "remediate",
    arn: machineArn,
    onStart: (execution, input) => rule.watch(execution, input),
  });
  const fleet = deployMachine({ ...deployed, machine: "fleet", arn: fleetArn });
  const start = (input: unknown, name: string = crypto.randomUUID()) => remediate.start(name, input);

  const dynamodb = await startDynamodb([table]);
  const page = await startFunctionUrl({
    ...(options.pagePort === undefined ? {} : { port: options.pagePort }),
    invoke: (event) => working(functions.invoke("serve-approval-page", event)),
  });
  const commandDocuments = Object.fromEntries(documents.map(({ name }) => [name, buildDocument(name)]));
  const away = spokes(
    (options.spokes ?? []).map(
      ({ place, trusts = true, instances: theirs, world: around = healthyWorld(), series: known = [] }) => {
        for (const [position, [id, instance]] of Object.entries(theirs).entries()) {
          enrol(around, id, instance, position);
        }
        const services = [
          cloudwatch({
            series: monitored(known, Object.keys(theirs)),
            alarms: Object.values(around.alarms),
            place,
          }),
          ec2(around),
          ssm({
            documents: commandDocuments,
            instances: managedInstances(around, theirs),
            region: place.region,
            ...options.runCommand,
          }),
        ];
        return { place, trusts, services };
      },
    ),
    () => (clock ?? realClock).now(),
  );
  const { watch = false } = options;
  const deployment = {
    file: join(root, "template.yaml"),
    stackName: "nat-medic",
    place: { account, region },
  };
  const bus = eventBus({
    rules: watch ? templateRules(deployment) : [],
    deliver: async (target, event) => {
      if (target === "RemediateStateMachine") start(event);
      else await working(functions.invoke(folderOf(target), event));
    },
    clock: clock ?? realClock,
  });
  const now = () => (clock ?? realClock).now();
  const metrics = watch ? [...series] : monitored(series, Object.keys(instances));
  const store = alarmStore({
    alarms: alarmsOf(world, alarms),
    place: { account, region },
    now,
    onEvent: (event) => {
      bus.put(event);
      const actions = watch ? lambdaActions(event, store.find(event.detail.alarmName)) : [];
      for (const { functionName, payload } of actions) bus.send(functionName, payload);
    },
  });
  const endpoint = await startEndpoint({
    remembers: deployed.remembers,
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
    onCarriedOut: (call) => functions.carriedOut(call),
    elsewhere: away.servicesFor,
    services: [
      sns({ topics: [topicArn, chatTopicArn], onPublish }),
      away.sts,
      dynamodb.service,
      cloudwatch({ series: metrics, store, now }),
      ec2(world),
      ssm({
        documents: commandDocuments,
        instances: managedInstances(world, instances),
        region,
        ...options.runCommand,
      }),
      lambda({ invoke: (name, payload) => functions.invoke(name, payload) }),
      stepfunctions({
        machines: [{ ...remediate, tags: { [modeTag]: mode } }, fleet],
      }),
    ],
  });
  const environment = {
    AWS_ENDPOINT_URL: endpoint.url,
    NAT_MEDIC_MODE: mode,
    NAT_MEDIC_TABLE: table,
    NAT_MEDIC_TOPIC_ARN: topicArn,
    NAT_MEDIC_CHAT_TOPIC_ARN: chatTopicArn,
    NAT_MEDIC_APPROVAL_SECONDS: String(approvalSeconds),
    NAT_MEDIC_PAGE_URL: page.url,
    NAT_MEDIC_COOL_DOWN_SECONDS: String(coolDownSeconds),
    NAT_MEDIC_AUTOMATIC_CHANGES: String(automaticChangesPerDay),
    NAT_MEDIC_STATE_MACHINE_ARN: machineArn,
    ...alarmSettings,
    NAT_MEDIC_LOOK_AHEAD_DAYS: "30",
    NAT_MEDIC_SPOKE_ROLE: spokeRole,
    NAT_MEDIC_SPOKE_EXTERNAL_ID: spokeExternalId,
  };
  const functions = inProcess({
    bundles: Object.fromEntries(functionNames.map((name) => [name, join(bundleFolder(name), "handler.mjs")])),
    environment,
    region,
    timeoutSeconds: 180,
    now: () => (clock ?? realClock).now() + (options.skewSeconds ?? 0) * 1000,
    ...(options.kill === undefined ? {} : { kill: options.kill }),
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    ...(options.pace === undefined ? {} : { pace: options.pace }),
    ...(options.onLog === undefined ? {} : { onLog: options.onLog }),
  });
  const tasks = integrations({ functions, ask: endpoint.ask });
  const rule = rescueRule({
    deliveries: functionNames.includes(rescuer) ? eventDeliveries : 0,
    invoke: (event) => working(functions.invoke(rescuer, event)),
    clock: clock ?? realClock,
    stateMachineArn: machineArn,
    account,
    region,
  });
  const alarmRequests = watch ? templateAlarms(deployment) : [];
  for (const { operation, input } of alarmRequests) await endpoint.ask("monitoring", operation, input);
  const watching = watch
    ? watchAlarms({ store, series: metrics, clock: clock ?? realClock, working })
    : undefined;
  const itemsUnder = async (pk: RegExp): Promise<Record<string, unknown>[]> =>
    (await dynamodb.scan(table)).map((item) => unmarshall(item)).filter((item) => pk.test(String(item.pk)));
  const incidents = async (): Promise<IncidentRecord[]> => {
    const items = await itemsUnder(/^incident\//);
    return [...Map.groupBy(items, ({ pk }) => pk).values()].flatMap((group) => incidentFrom(group) ?? []);
  };

  return {
    url: endpoint.url,
    machineArn,
    pageUrl: page.url,
    table,
    incidents,
    incidentOf: async (executionArn) => {
      const remembered = (await itemsUnder(/^execution\//)).filter(({ sk }) => sk === "incident");
      const id = remembered.find(({ pk }) => pk === `execution/${executionArn}`)?.incidentId;
      return (await incidents()).find(({ incident }) => incident.id === id);
    },
    instance: async (id) =>
      instanceFrom((await itemsUnder(/^instance\//)).filter(({ pk }) => pk === `instance/${id}`)),
    requests: endpoint.requests,
    environment,
    start,
    invoke: functions.invoke,
    startFleet: (input, name = crypto.randomUUID()) => fleet.start(name, input),
    putEvent: (event) => bus.put(event),
    executions: remediate.executions,
    fleetExecutions: fleet.executions,
    settled: async () => {
      await bus.settled();
      await rule.settled();
    },
    stop: async () => {
      await watching?.stop();
      await bus.stop();
      await rule.stop();
      for (const { executions } of [fleet, remediate]) for (const execution of executions()) execution.stop();
      await functions.stop();
      await page.close();
      await endpoint.close();
      await dynamodb.close();
    },
  };
}

/** `position` gives instances that the world does not have an address each. */
function enrol(
  world: World,
  id: string,
  { type, tags = {} }: LocalStackOptions["instances"][string],
  position: number,
): void {
  const known = world.instances[id];
  if (known === undefined) {
    const host = `${200 + Math.floor(position / 200)}.${11 + (position % 200)}`;
    const addresses = { address: `10.60.${host}`, publicAddress: `198.18.${host}` };
    addNat(world, { id, ...addresses, tags, ...(type !== undefined && { type }) });
    return;
  }
  if (type !== undefined) known.InstanceType = type;
  known.Tags = [
    ...(known.Tags ?? []).filter(({ Key = "" }) => !Object.hasOwn(tags, Key)),
    ...Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  ];
}

/** Systems Manager knows those that have an agent in the world. */
function managedInstances(
  { agents }: World,
  instances: LocalStackOptions["instances"],
): Record<string, ManagedInstance> {
  return Object.fromEntries(
    Object.entries(instances).flatMap(([id, instance]) => {
      const agent = agents[id];
      if (agent === undefined) return [];
      const isUsual = agent.PingStatus === "Online" && agent.PlatformType === "Linux";
      // No copy where none is needed: what becomes of its commands may change while it runs.
      if (isUsual) return [[id, instance]];
      return [[id, { pingStatus: agent.PingStatus, platform: agent.PlatformType, ...instance }]];
    }),
  );
}

/** Minutes of quiet around the present: before it as far as we look back, after it as far as a clock may skip. */
const quiet = { before: 180, after: 1440, percent: 12 };

function monitored(series: MetricSeries[], instanceIds: readonly string[]): MetricSeries[] {
  const metric = { namespace: metricNamespace, metricName: "ConntrackUtilization" };
  const now = Date.now();
  const points = Array.from({ length: quiet.before + quiet.after }, (_, minute) => ({
    at: new Date(now + (minute - quiet.before) * 60_000),
    value: quiet.percent,
  }));
  const missing = instanceIds.filter(
    (id) =>
      !series.some(
        ({ namespace, metricName, dimensions }) =>
          namespace === metric.namespace && metricName === metric.metricName && dimensions.InstanceId === id,
      ),
  );
  const quietly = (InstanceId: string) => ({ ...metric, dimensions: { InstanceId }, points: [...points] });
  return [...series, ...missing.map(quietly)];
}

/** Told of executions that ended badly. */
const rescuer = "rescue-incident";

/** The states of those in `alarms` stay what they are there, which may change. */
function alarmsOf(world: World, alarms: NonNullable<LocalStackOptions["alarms"]>): MetricAlarm[] {
  const others = Object.values(world.alarms).filter(
    ({ AlarmName = "" }) => !Object.hasOwn(alarms, AlarmName),
  );
  return [
    ...others,
    ...Object.keys(alarms).map((AlarmName) => ({
      ...world.alarms[AlarmName],
      AlarmName,
      get StateValue() {
        return alarms[AlarmName];
      },
    })),
  ];
}
