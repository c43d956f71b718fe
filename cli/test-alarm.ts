/** `nat-medic test-alarm`: an alarm of the deployed stack goes off, and its incident is followed to the end. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import * as z from "zod/mini";
import { alarmsBeginning, alarmsNamed, setAlarmState } from "../aws/alarms.ts";
import { tagsOf } from "../aws/ec2.ts";
import { readIncident, whoseExecution } from "../aws/incident-store.ts";
import { describeExecution, executionsSince, tagsOfMachine } from "../aws/stepfunctions.ts";
import type { KnownAlarm } from "../core/alarms/alarm.ts";
import { alarmName, parseAlarmName } from "../core/alarms/names.ts";
import { stateOf } from "../core/decision.ts";
import { InstanceId } from "../core/incident.ts";
import type { IncidentRecord } from "../core/incident-record.ts";
import { Mode } from "../core/mode.ts";
import { modeFor, modeTag } from "../core/opening.ts";
import { plainLine } from "../core/plain-text.ts";
import { timelineOf } from "../core/timeline.ts";
import { moment } from "../core/wording.ts";
import { type Command, UsageError } from "./command.ts";
import { type Deployed, deployedHelp, deployedOptions, onAws, tableOf } from "./deployed.ts";

export const testAlarm: Command = {
  help: `Usage: nat-medic test-alarm [--instance ID | --alarm NAME] [--yes] [--stack NAME] [--region REGION]

Sets an alarm of the stack to ALARM, with a reason that says it is a test, and follows the incident that this opens:
from the event through the state machine to the message that people get. CloudWatch sets the alarm back by itself when
it next looks at it, within a minute.

Without a choice it takes the alarm silent-... of the first instance that has one. The alarms of the whole fleet cannot
be tested so: their state is that of their instances.

It needs the rights cloudwatch:DescribeAlarms and SetAlarmState, ec2:DescribeInstances, states:ListTagsForResource,
ListExecutions and DescribeExecution, and dynamodb:GetItem and Query on the incident store.

  --instance ID    the instance whose alarm is to go off
  --alarm NAME     another alarm of that instance, by its whole name
  --yes            also where the mode lets NAT Medic change what it finds
${deployedHelp}

Exit code: 0 when the incident came to an end, or waits for a person's decision; 1 when no incident was opened or it could
not be followed; 2 for a mistake or when AWS does not let us.
`,
  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        ...deployedOptions,
        instance: { type: "string" },
        alarm: { type: "string" },
        yes: { type: "boolean", default: false },
      },
    });
    const { instance, alarm, yes } = values;
    if (instance !== undefined && alarm !== undefined) {
      throw new UsageError("--instance and --alarm exclude each other");
    }
    return onAws(values, async () => fire(values, await choose(values, { instance, alarm }), yes));
  },
};

type Chosen = { alarm: KnownAlarm; instanceId: InstanceId };

/** Throws `UsageError` when there is no such alarm. */
async function choose(
  deployed: Deployed,
  { instance, alarm }: { instance: string | undefined; alarm: string | undefined },
): Promise<Chosen> {
  tableOf(deployed);
  const prefix = `${deployed.stack}-`;
  const name =
    alarm ?? (instance === undefined ? undefined : alarmName(prefix, "silent", ofInstance(instance)));
  const found = name === undefined ? await alarmsBeginning(`${prefix}silent-i-`) : await alarmsNamed([name]);
  const [first] = found.toSorted((a, b) => a.name.localeCompare(b.name));
  if (first === undefined) {
    const what =
      name === undefined
        ? "no instance has an alarm of its own yet"
        : `there is no alarm ${plainLine(name, 120)}`;
    throw new UsageError(
      `${what}: an enrolled instance gets one when it starts or within a quarter of an hour, unless SilentAlarms is no`,
    );
  }
  const parsed = parseAlarmName(prefix, first.name);
  if (parsed === undefined) {
    throw new UsageError(`${first.name} is no alarm of one instance: see docs/alarms.md`);
  }
  return { alarm: first, instanceId: parsed.instanceId };
}

function ofInstance(text: string): InstanceId {
  const parsed = z.safeParse(InstanceId, text);
  if (!parsed.success)
    throw new UsageError("--instance takes an EC2 instance ID (i- and hexadecimal digits)");
  return parsed.data;
}

async function fire(deployed: Deployed, { alarm, instanceId }: Chosen, yes: boolean): Promise<number> {
  if (alarm.state === "ALARM") {
    throw new UsageError(`${alarm.name} is in ALARM already, so nothing would follow: look at ${instanceId}`);
  }
  const machine = machineOf(deployed, alarm);
  const mode = await modeOn(machine, instanceId);
  console.log(`The mode on ${instanceId} is ${mode}: ${meaningOf[mode]}`);
  if (mode !== "propose" && !yes) {
    throw new UsageError(
      "this alarm is a test, but what the incident finds is real: add --yes if it may be changed",
    );
  }
  const since = new Date();
  const reason = `A test by nat-medic test-alarm at ${since.toISOString()}. No data said so.`;
  await setAlarmState(alarm.name, "ALARM", reason);
  console.log(
    `${alarm.name} is in ALARM; CloudWatch sets it back when it next looks at it, within a minute.`,
  );
  const execution = await executionOf(machine, alarm.name, since);
  if (execution === undefined) {
    console.error(
      `No execution of ${machine} has begun within ${eventSeconds} s: is the rule on? The stack's queue of undelivered events may say why.`,
    );
    return 1;
  }
  console.log(`Execution: ${execution}`);
  return await follow(tableOf(deployed), execution);
}

const meaningOf: Readonly<Record<Mode, string>> = {
  propose: "nothing is changed, whatever is found.",
  approve: "changes are asked for, if anything is found.",
  apply: "what is found is changed at once where the risk is low, and asked for otherwise.",
};

/** Of the stack that the alarm belongs to, so in the same account and Region. */
function machineOf({ stack }: Deployed, { arn }: KnownAlarm): string {
  return arn.replace(/:cloudwatch:(.*):alarm:.*$/, `:states:$1:stateMachine:${stack}-remediate`);
}

/** The stack's mode stands as a tag on its state machine; the instance may be stricter. */
async function modeOn(machine: string, instanceId: InstanceId): Promise<Mode> {
  const [ofMachine, ofInstance] = await Promise.all([tagsOfMachine(machine), tagsOf(instanceId)]);
  const mode = z.safeParse(Mode, ofMachine[modeTag]);
  if (!mode.success)
    throw new UsageError(`${machine} does not say in which mode it works: is it of an older version?`);
  return modeFor(mode.data, ofInstance?.[modeTag]).mode;
}

const eventSeconds = 60;
const pollMilliseconds = 1000;
/** An incident in which nobody is asked takes a few minutes, two windows of verification included. */
const patienceSeconds = 15 * 60;

const AlarmInput = z.object({ detail: z.object({ alarmName: z.string() }) });

/** The one that the alarm's event has started; others that begin at the same time are about something else. */
async function executionOf(machine: string, alarm: string, since: Date): Promise<string | undefined> {
  const looked = new Set<string>();
  const deadline = performance.now() + eventSeconds * 1000;
  // Step Functions' clock may be behind ours.
  const from = new Date(since.getTime() - 5000);
  while (performance.now() < deadline) {
    for (const execution of await executionsSince(machine, from)) {
      if (looked.has(execution)) continue;
      looked.add(execution);
      const input = z.safeParse(AlarmInput, (await describeExecution(execution)).input);
      if (input.success && input.data.detail.alarmName === alarm) return execution;
    }
    await sleep(pollMilliseconds);
  }
  return undefined;
}

/** The state machine's output, as far as it is needed here. */
const Output = z.object({ outcome: z.string(), reason: z._default(z.string(), "") });

async function follow(table: string, execution: string): Promise<number> {
  let told = 0;
  const deadline = performance.now() + patienceSeconds * 1000;
  while (performance.now() < deadline) {
    const { status, output, error, cause } = await describeExecution(execution);
    const known = await whoseExecution(table, execution);
    const record = known && (await readIncident(table, known.incidentId));
    if (record !== undefined) told = tell(record, told);
    if (status !== "RUNNING") {
      const ended = z.safeParse(Output, output);
      return conclude(record, ended.success ? ended.data : { outcome: status, reason: `${error} ${cause}` });
    }
    const now = new Date().toISOString();
    const asked = record?.requests.find((request) => stateOf(request, now) === "waiting");
    if (record !== undefined && asked !== undefined) {
      const { id } = record.incident;
      console.log(
        `It waits for a decision until ${moment(asked.expiresAt)}: nat-medic approve ${id}, or reject.`,
      );
      return 0;
    }
    await sleep(pollMilliseconds);
  }
  console.error(
    `Still running after ${patienceSeconds / 60} min; after a recent incident an alarm waits for the cool-down. Execution ${execution}`,
  );
  return 1;
}

/** What is new in the incident's timeline; returns how long it is now. */
function tell(record: IncidentRecord, told: number): number {
  const timeline = timelineOf(record);
  for (const { at, what } of timeline.slice(told)) {
    console.log(`  ${at === "" ? "        " : new Date(at).toISOString().slice(11, 19)}  ${what}`);
  }
  return timeline.length;
}

function conclude(record: IncidentRecord | undefined, ended: z.infer<typeof Output>): number {
  const reason = plainLine(ended.reason, 300);
  const why = reason === "" ? "" : ` (${reason})`;
  if (record === undefined) {
    console.error(`No incident was opened: ${plainLine(ended.outcome, 60)}${why}`);
    return 1;
  }
  const { id } = record.incident;
  console.log(
    `The incident ended: ${plainLine(ended.outcome, 60)}${why}. nat-medic show ${id} tells it whole.`,
  );
  return record.closing === null ? 1 : 0;
}
