/** AWS that throttles, breaks down, denies, loses answers, or cannot tell people. */
import { afterAll, expect } from "vitest";
import { AwsError } from "../../../local/endpoint/aws-error.ts";
import type { Fault } from "../../../local/endpoint/wire.ts";
import { decideOnPage } from "../../../local/page-visitor.ts";
import { effectRecorder, inWords, loseAnswers, rounds } from "./effects.ts";
import { alarmed, composed } from "./events.ts";
import { approvePatiently } from "./form.ts";
import { natHost } from "./nat-host.ts";
import { faultTable, type Try } from "./table.ts";
import { openTheatre, type Play, type Script } from "./theatre.ts";
import { differences, digest, leftOver } from "./verdict.ts";

const { provoke, survives, isDocumented } = faultTable("AWS");
/** Denied the look at a running command, a function asks for nearly three minutes. */
const theatre = await openTheatre({ pace: 40 });
/** Of its own: a client that has repeated much has no patience left, and functions keep theirs. */
const losing = await openTheatre();
afterAll(() => Promise.all([theatre, losing].map((each) => each.close())));
const modes = ["apply", "approve"] as const;
type Mode = (typeof modes)[number];

const begin = (play: Play) => play.start(alarmed(play, { at: theatre.clock.now() })).finished;

function stage(mode: Mode, script: Omit<Script, "host"> = {}, where = theatre) {
  const host = natHost();
  return { host, play: where.cast({ person: approvePatiently, ...script, mode, host }) };
}

/** An undisturbed incident, to compare with. */
async function undisturbed(mode: Mode, where = theatre) {
  const recorder = effectRecorder();
  const { host, play } = stage(mode, { kill: recorder.kill }, where);
  await begin(play);
  const ending = await where.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  return {
    effects: recorder.effects,
    operations: [...new Set(ending.operations)],
    expected: digest(ending, host, play),
  };
}

type Case = { fault: string; where: string; script: Omit<Script, "host"> };

/** All at once, each on an instance of its own: they end as if nothing had been. */
async function endAsUsual(
  mode: Mode,
  cases: readonly Case[],
  expected: ReturnType<typeof digest>,
  where = theatre,
) {
  const staged = cases.map(({ script }) => stage(mode, script, where));
  await Promise.all(staged.map(({ play }) => begin(play)));
  const endings = await where.endings(staged.map(({ play }) => play));
  return endings.map((ending, n): Try => {
    const { fault = "", where = "" } = cases[n] ?? {};
    const { host, play } = staged[n] ?? stage(mode);
    return {
      fault,
      where,
      problems: [...leftOver(ending, host), ...differences(expected, digest(ending, host, play))],
    };
  });
}

/** How each service says that it is asked too often, and that it is broken. */
const throttling: Readonly<Record<string, AwsError>> = {
  dynamodb: new AwsError("ProvisionedThroughputExceededException", "too often"),
  ec2: new AwsError("RequestLimitExceeded", "Request limit exceeded.", { status: 503 }),
  monitoring: new AwsError("Throttling", "Rate exceeded"),
  sns: new AwsError("ThrottledException", "Rate exceeded", { code: "Throttled", status: 429 }),
  ssm: new AwsError("ThrottlingException", "Rate exceeded"),
  states: new AwsError("ThrottlingException", "Rate exceeded"),
};
const broken: Readonly<Record<string, AwsError>> = {
  dynamodb: new AwsError("InternalServerError", "down", { status: 500 }),
  ec2: new AwsError("InternalError", "An internal error has occurred", { status: 500 }),
  monitoring: new AwsError("InternalServiceFault", "down", { code: "InternalServiceError", status: 500 }),
  sns: new AwsError("InternalErrorException", "down", { code: "InternalError", status: 500 }),
  ssm: new AwsError("InternalServerError", "down", { status: 500 }),
  states: new AwsError("ServiceUnavailable", "down", { status: 503 }),
};

const lost = new AwsError("NoSuchFault", "the test names a fault that is not there");
const always = Number.POSITIVE_INFINITY;
/** Longer than the SDK's patience (5 attempts): the state machine has to try again. */
const aWhile = 6;
const failing =
  (errors: Readonly<Record<string, AwsError>>, name: string, times: number): Fault =>
  (service, operation, _, n) =>
    n <= times && name === `${service}.${operation}` ? errors[service] : undefined;

/** The first call of each operation, or the first calls of all. */
const failingEverywhere = (
  errors: Readonly<Record<string, AwsError>>,
  times: { ofEach: number } | { ofAll: number },
): Fault => {
  let asked = 0;
  return (service, _, __, n) => {
    asked += 1;
    return ("ofEach" in times ? n <= times.ofEach : asked <= times.ofAll) ? errors[service] : undefined;
  };
};

provoke("operations that are throttled, or broken, once or for a while", async () => {
  const kinds = [
    ["throttled", throttling],
    ["broken (5xx)", broken],
  ] as const;
  const tries: Try[] = [];
  for (const mode of modes) {
    const { operations, expected } = await undisturbed(mode);
    const known = new Set(tries.map(({ where }) => where));
    const names = operations.filter((name) => !known.has(name));
    const cases = kinds.flatMap(([kind, errors]) => [
      ...names.map((where) => ({
        fault: `${kind} for a while`,
        where,
        script: { fault: failing(errors, where, aWhile) },
      })),
      {
        fault: `${kind} once`,
        where: "each operation",
        script: { fault: failingEverywhere(errors, { ofEach: 1 }) },
      },
      {
        fault: `${kind} for a while`,
        where: "all operations at once",
        script: { fault: failingEverywhere(errors, { ofAll: 2 * aWhile }) },
      },
    ]);
    tries.push(...(await endAsUsual(mode, cases, expected)));
  }
  return tries;
});

provoke("effects whose answer is lost, so that the SDK repeats them", async () => {
  const tries: Try[] = [];
  for (const [mode, functions] of [
    ["apply", /./],
    ["approve", /ask-approval|serve-approval-page/],
  ] as const) {
    const { effects, expected } = await undisturbed(mode, losing);
    const writes = effects.filter(
      ({ functionName, operation }) =>
        functions.test(functionName) && /^(Put|Update|Send|Start)/.test(operation),
    );
    const cases = rounds(writes).map((lost) => ({
      fault: "done, and its answer lost",
      where: lost.map(inWords).join(", "),
      script: { kill: loseAnswers(lost).kill },
      lost,
    }));
    const judged = await endAsUsual(mode, cases, expected, losing);
    tries.push(
      ...judged.flatMap(({ fault, problems }, n) =>
        (cases[n]?.lost ?? []).map((effect) => ({
          fault,
          where: `${effect.functionName}: ${effect.operation}`,
          problems: problems.map((problem) => `${inWords(effect)}: ${problem}`),
        })),
      ),
    );
  }
  return tries;
});

function denied(service: string, operation: string): AwsError {
  const action = `${service === "monitoring" ? "cloudwatch" : service}:${operation}`;
  const words = `User: arn:aws:sts::123456789012:assumed-role/nat-medic is not authorized to perform: ${action}`;
  return service === "ec2"
    ? new AwsError("UnauthorizedOperation", words, { status: 403 })
    : new AwsError("AccessDeniedException", words);
}

/** Those that may be stopped at when an operation is always denied. */
const states = ["OpenIncident", "CollectEvidence", "CloseIncident"];

/** Without these the evidence says less, and no state fails. */
const isSpared = (name: string) =>
  /^(monitoring|ec2)\.|^ssm\.DescribeInstanceInformation$/.test(name) && name !== "ec2.DescribeInstances";

provoke("operations that are denied", async () => {
  const tries: Try[] = [];
  for (const mode of modes) {
    const { operations } = await undisturbed(mode);
    const known = new Set(tries.map(({ where }) => where));
    // Those by which people are told, or answer, are further below.
    const names = operations.filter(
      (name) => !["sns.Publish", "states.SendTaskSuccess"].includes(name) && !known.has(name),
    );
    const staged = names.map((name) => {
      const [service = "", operation = ""] = name.split(".");
      const fault = failing({ [service]: denied(service, operation) }, name, always);
      return { name, operation, ...stage(mode, { fault }) };
    });
    await Promise.all(staged.map(({ play }) => begin(play)));
    const endings = await theatre.endings(staged.map(({ play }) => play));
    tries.push(
      ...endings.map((ending, n): Try => {
        const { name = "", operation = "", host = natHost() } = staged[n] ?? {};
        const mail = ending.mails.at(-1)?.message ?? "nobody was told";
        const isNamed = states.some((state) => mail.includes(state)) || isSpared(name);
        const isTold = /AccessDenied|UnauthorizedOperation/.test(mail) && mail.includes(operation) && isNamed;
        const isUndone = host.settings().max === 8192 || ending.incidents[0]?.closing?.outcome === "fixed";
        // Where not even that can be read, nobody can give the instance back.
        const isFree = ending.instance.open === null || name === "dynamodb.GetItem";
        return {
          fault: "access denied",
          where: name,
          problems: [
            ...(isTold ? [] : [`people read: ${mail}`]),
            ...(isUndone ? [] : ["an unverified change is in force"]),
            ...(isFree ? [] : ["the instance is held"]),
          ],
        };
      }),
    );
  }
  return tries;
});

survives("access denied", "states.SendTaskSuccess", async () => {
  const fault = failing({ states: denied("states", "SendTaskSuccess") }, "states.SendTaskSuccess", always);
  const said: string[] = [];
  const person = (link: string) => decideOnPage(link, "approve").catch(({ message }) => said.push(message));
  const { host, play } = stage("approve", { fault, person });
  await begin(play);
  const ending = await theatre.ending(play);
  // Whoever answers is told at once; the answer stays on record.
  expect(said).toEqual(["the approval page took no decision: 500"]);
  expect(ending.incidents[0]?.requests[0]).toMatchObject({
    decided: { decision: "approve" },
    delivered: false,
  });
  expect(leftOver(ending, host)).toEqual([]);
  expect(host.commands).toEqual(["collect"]);
});

survives("access denied", "ssm.SendCommand, for the fix only", async () => {
  const fault: Fault = (_, operation, input) =>
    operation === "SendCommand" && Reflect.get(input, "DocumentName") === "NatMedic-RaiseConntrackMax"
      ? denied("ssm", "SendCommand")
      : undefined;
  const { host, play } = stage("apply", { fault });
  await begin(play);
  const ending = await theatre.ending(play);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["failed"]);
  expect(ending.mails.at(-1)?.message).toMatch(/ApplyFix[\s\S]*AccessDeniedException[\s\S]*ssm:SendCommand/);
  expect(ending.instance.open).toBeNull();
  expect(host.commands).toEqual(["collect"]);
});

survives("access denied", "sns.Publish, by AskApproval only", async () => {
  const fault: Fault = (_, operation, __, n) =>
    operation === "Publish" && n === 1 ? denied("sns", "Publish") : undefined;
  const { host, play } = stage("approve", { fault });
  await begin(play);
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["failed"]);
  expect(ending.mails.at(-1)?.message).toMatch(/AskApproval[\s\S]*AccessDenied[\s\S]*sns:Publish/);
  expect(host.commands).toEqual(["collect"]);
});

survives("people cannot be told", "sns.Publish fails for ever", async () => {
  const { sns: down = lost } = broken;
  const { host, play } = stage("apply", { fault: failing({ sns: down }, "sns.Publish", always) });
  const { status, error } = await begin(play);
  expect({ status, error }).toEqual({ status: "FAILED", error: "Unreported" });
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["fixed"]);
  expect(ending.mails).toEqual([]);
  // Three attempts of the rule's function, of five each; then the event is kept in the queue for such.
  expect(host.settings().max).toBe(65_536);
});

survives("people cannot be told", "sns.Publish fails until the machine has given up", async () => {
  let isDown = true;
  const { sns: down = lost } = broken;
  const { host, play } = stage("apply", {
    fault: (_, operation) => (operation === "Publish" && isDown ? down : undefined),
    onEvent: ({ type }) => {
      if (type === "ExecutionFailed") isDown = false;
    },
  });
  await begin(play);
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["fixed"]);
  expect(ending.mails.map(({ subject }) => subject)).toEqual([ending.incidents[0]?.closing?.subject]);
  expect(ending.chat.length).toBe(1);
});

survives("people cannot be told", "sns.Publish fails for ever where a person is asked", async () => {
  const { sns: down = lost } = broken;
  const { host, play } = stage("approve", { fault: failing({ sns: down }, "sns.Publish", always) });
  const { status, error } = await begin(play);
  expect({ status, error }).toEqual({ status: "FAILED", error: "Unreported" });
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["failed"]);
  expect(host.commands).toEqual(["collect"]);
});

survives("the undo of a dead execution cannot be started", "states.StartExecution, for a while", async () => {
  const { states: down = lost } = broken;
  const { host, play } = stage("apply", {
    fault: failing({ states: down }, "states.StartExecution", aWhile),
    onEvent: ({ type, state }, execution) => {
      if (type === "StateEntered" && state === "VerifyFix") execution.stop();
    },
  });
  await begin(play);
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["undone"]);
  expect(ending.mails.length).toBe(3);
});

survives(
  "the alarm's state cannot be had after a cool-down",
  "monitoring.DescribeAlarms, for a while",
  async () => {
    const { monitoring: down = lost } = broken;
    const { host, play } = stage("apply", {
      fault: failing({ monitoring: down }, "monitoring.DescribeAlarms", aWhile),
    });
    await begin(play);
    host.relapse();
    expect((await begin(play)).output).toMatchObject({ outcome: "fixed" });
    expect(leftOver(await theatre.ending(play), host)).toEqual([]);
  },
);

survives(
  "the child of a composite alarm cannot be looked up",
  "monitoring.DescribeAlarms, for a while",
  async () => {
    const { monitoring: down = lost } = broken;
    const { host, play } = stage("apply", {
      fault: failing({ monitoring: down }, "monitoring.DescribeAlarms", aWhile),
    });
    const { output } = await play.start(composed(play, { at: theatre.clock.now() })).finished;
    expect(output).toMatchObject({ outcome: "fixed" });
    const ending = await theatre.ending(play);
    expect(leftOver(ending, host)).toEqual([]);
    expect(ending.incidents.flatMap(({ triggers }) => triggers)).toMatchObject([
      { trigger: { child: `${play.instanceId}-conntrack-utilization` } },
    ]);
  },
);

survives("an invocation that does not exist yet", "GetCommandInvocation, the first three times", async () => {
  const { expected } = await undisturbed("apply");
  const absent = new AwsError("InvocationDoesNotExist", "");
  const fault: Fault = (_, operation, __, n) =>
    operation === "GetCommandInvocation" && n <= 3 ? absent : undefined;
  const [tried] = await endAsUsual("apply", [{ fault: "", where: "", script: { fault } }], expected);
  expect(tried?.problems).toEqual([]);
});

isDocumented();
