/** Run Command that does not get through, and hosts that vanish, restart, lie or are replaced in the middle of a fix. */
import { setTimeout as sleep } from "node:timers/promises";
import { CancelCommandCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, expect } from "vitest";
import { statusOf } from "../../../core/step-record.ts";
import { AwsError } from "../../../local/endpoint/aws-error.ts";
import type { Fault } from "../../../local/endpoint/wire.ts";
import type { HostAnswer, HostCommand } from "../../../local/host.ts";
import { alarmed } from "./events.ts";
import { collecting, doing, type FaultyHost, type Meddle, natHost, printed, reading } from "./nat-host.ts";
import { faultTable } from "./table.ts";
import { type Ending, openTheatre, type Script } from "./theatre.ts";
import { leftOver } from "./verdict.ts";

const { survives, isDocumented } = faultTable("Run Command and hosts");
const theatre = await openTheatre();
/** Where an invocation is to be waited for in vain: nearly three minutes. */
const patient = await openTheatre({ pace: 60 });
afterAll(() => Promise.all([theatre, patient].map((each) => each.close())));

type Told = { host: FaultyHost; ending: Ending; mail: string };

async function play(
  script: Omit<Script, "host">,
  meddle: Meddle,
  { helps = true, where = theatre } = {},
): Promise<Told> {
  const host = natHost({ helps, meddle });
  const play = where.cast({ ...script, host });
  await play.start(alarmed(play, { at: where.clock.now() })).finished;
  const ending = await where.ending(play);
  // Whatever could not be undone from afar.
  await host.elapse();
  expect(leftOver(ending, host)).toEqual([]);
  return { host, ending, mail: ending.mails.at(-1)?.message ?? "" };
}

const credentials = { accessKeyId: "somebody", secretAccessKey: "somebody" };
const outcome = ({ ending }: Told) => ending.incidents.map(({ closing }) => closing?.outcome);
const statuses = ({ ending }: Told) => ending.incidents.flatMap(({ steps }) => steps.map(statusOf));
const untouched = { max: 8192, buckets: 8192 };
const raised = { max: 65_536, buckets: 65_536 };

const gone: HostAnswer = { kind: "unreachable" };
const killed: HostAnswer = { kind: "timed-out" };
const answering =
  (which: (command: HostCommand) => boolean, answer: HostAnswer): Meddle =>
  (command) =>
    which(command) ? answer : undefined;

/** Carried out, and then this is all that is heard of it. */
const afterwards =
  (which: (command: HostCommand) => boolean, answer: HostAnswer, then?: (host: FaultyHost) => void): Meddle =>
  async (command, run, host) => {
    if (!which(command)) return await run();
    await run();
    then?.(host);
    return answer;
  };

const markup = reading(8192, 8192, true).replace(/"kernel":"[^"]+"/, '"kernel":"[x](https://evil.example)"');
/** A host that does not answer is a finding; one that answers nonsense is not known. */
const whileReading: [string, Omit<Script, "host">, HostAnswer, RegExp][] = [
  ["undeliverable", {}, gone, /no agent took the command/],
  ["a delivery timeout", { whenUnreachable: "delivery-timed-out" }, gone, /DeliveryTimedOut/],
  ["an execution timeout", {}, killed, /time limit/],
  ["nothing printed", {}, printed(""), /printed nothing/],
  ["output that is no JSON", {}, printed("<script>alert(1)</script>"), /not JSON/],
  ["output truncated", {}, printed(`{"schema":"${"x".repeat(30_000)}`), /more than 24000 bytes/],
  ["markup where a kernel's name belongs", {}, printed(markup), /does not fit its schema at kernel/],
];
for (const [fault, script, answer, words] of whileReading) {
  survives(fault, "the host is read", async () => {
    const told = await play(script, answering(collecting, answer));
    expect(outcome(told)).toEqual([answer === gone || answer === killed ? "proposed" : "undetermined"]);
    expect(told.mail).toMatch(words);
    expect(told.mail).not.toMatch(/script>|xxx|evil|\p{Cc}(?<!\n)/u);
    expect(told.host.commands).toEqual(["collect"]);
  });
}

for (const whenUnreachable of ["pending", "in-progress"] as const) {
  survives(`an invocation ${whenUnreachable} for ever`, "the host is read", async () => {
    const told = await play({ whenUnreachable }, answering(collecting, gone), { where: patient });
    expect(outcome(told)).toEqual(["proposed"]);
    expect(told.mail).toMatch(/within 165 s/);
    expect(told.ending.operations).toContain("ssm.CancelCommand");
  });
}

const whileChanging: [string, Omit<Script, "host">, Meddle][] = [
  ["undeliverable", {}, answering(doing("apply"), gone)],
  ["a delivery timeout", { whenUnreachable: "delivery-timed-out" }, answering(doing("apply"), gone)],
  ["an execution timeout, before the effect", {}, answering(doing("apply"), killed)],
  ["an execution timeout, after the effect", {}, afterwards(doing("apply"), killed)],
  ["output truncated", {}, afterwards(doing("apply"), printed(`{"schema":"${"x".repeat(30_000)}`))],
  ["a report that does not fit its schema", {}, afterwards(doing("apply"), printed('{"schema":"<b>"}'))],
  ["a restart of the host", {}, afterwards(doing("apply"), killed, (host) => host.reboot())],
];
for (const [fault, script, meddle] of whileChanging) {
  survives(fault, "a change is made", async () => {
    const told = await play(script, meddle);
    expect(outcome(told)).toEqual(["undone"]);
    expect(told.host.settings()).toEqual(untouched);
    expect(told.host.commands).toEqual(["collect", "apply", "undo"]);
    expect(told.mail).not.toContain("<b>");
  });
}

survives("an invocation in-progress for ever", "a change is made", async () => {
  const vanished = afterwards(doing("apply"), gone);
  const told = await play({ whenUnreachable: "in-progress" }, vanished, { where: patient });
  expect(outcome(told)).toEqual(["undone"]);
  expect(told.host.settings()).toEqual(untouched);
});

for (const [where, isDone] of [
  ["before the effect", false],
  ["after the effect", true],
] as const) {
  survives("cancelled by somebody", `a change is made, ${where}`, async () => {
    let last = "";
    let earlier = "";
    const told = await play(
      {
        fault: (_, operation, input) => {
          if (operation === "SendCommand") earlier = last;
          if (operation === "GetCommandInvocation") last = String(Reflect.get(input, "CommandId"));
          return undefined;
        },
      },
      async (command, run) => {
        if (!doing("apply")(command)) return await run();
        if (isDone) await run();
        // Its ID is known when it is first asked for.
        while (last === earlier) await sleep(5);
        const client = new SSMClient({ endpoint: theatre.stack.url, region: "eu-central-1", credentials });
        await client.send(new CancelCommandCommand({ CommandId: last }));
        client.destroy();
        return killed;
      },
    );
    expect(outcome(told)).toEqual(["undone"]);
    expect(told.host.settings()).toEqual(untouched);
  });
}

survives("a change that does not help", "it is undone, and said so", async () => {
  const told = await play({}, () => undefined, { helps: false });
  expect(outcome(told)).toEqual(["undone"]);
  expect(told.mail).toContain("did not help");
  expect(told.host.settings()).toEqual(untouched);
});

survives("an agent gone for good", "before the change has an effect", async () => {
  const told = await play({}, (command) => (collecting(command) ? undefined : killed));
  expect(outcome(told)).toEqual(["failed"]);
  expect(told.mail).toContain("cannot tell whether this is in force");
  expect(told.mail).toContain("sysctl -w net.netfilter.nf_conntrack_max=8192");
  expect(told.host.settings()).toEqual(untouched);
});

survives(
  "an agent gone for good",
  "after the change had its effect: the host itself puts it back",
  async () => {
    const told = await play({}, async (command, run) => {
      if (collecting(command)) return await run();
      if (doing("apply")(command)) await run();
      return killed;
    });
    expect(outcome(told)).toEqual(["failed"]);
    expect(statuses(told)).toContain("unsettled");
    expect(told.host.settings()).toEqual(untouched);
  },
);

survives("a restart of the host", "between the change and its verification", async () => {
  let restarted = false;
  const told = await play({}, async (command, run, host) => {
    if (collecting(command) && host.settings().max > 8192 && !restarted) {
      restarted = true;
      host.reboot();
    }
    return await run();
  });
  expect(outcome(told)).toEqual(["undone"]);
  expect(told.host.settings()).toEqual(untouched);
});

survives("a restart of the host", "after the change was made to last", async () => {
  const told = await play(
    {},
    afterwards(doing("persist"), killed, (host) => host.reboot()),
  );
  expect(outcome(told)).toEqual(["fixed"]);
  expect(told.host.settings()).toEqual(raised);
});

survives("the host cannot be read", "after the change", async () => {
  const told = await play({}, (command, run, host) =>
    collecting(command) && host.settings().max > 8192 ? gone : run(),
  );
  expect(outcome(told)).toEqual(["undone"]);
  expect(told.host.settings()).toEqual(untouched);
});

survives("a guard on the host refuses", "a change is made", async () => {
  const told = await play({}, (command, run, host) => {
    if (doing("apply")(command)) host.write("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 8000 kB\n");
    return run();
  });
  expect(outcome(told)).toEqual(["proposed"]);
  expect(told.mail).toMatch(/more than a quarter of\s+the 7 MiB available/);
  expect(told.host.settings()).toEqual(untouched);
});

survives("a guard on the host refuses", "a change is made to last", async () => {
  const told = await play({}, (command, run, host) => {
    if (doing("persist")(command)) host.write("etc/alternat.conf", "enable_ssm=true\n");
    return run();
  });
  expect(outcome(told)).toEqual(["fixed"]);
  expect(told.mail).toContain("Will be lost at the next reboot: alternat");
  expect(told.host.settings()).toEqual(raised);
});

/** From some moment on neither EC2 nor SSM know the instance. */
function terminated(): { now(): void; fault: Fault } {
  let isGone = false;
  return {
    now: () => {
      isGone = true;
    },
    fault: (_, operation) => {
      if (!isGone) return undefined;
      if (operation === "DescribeInstances")
        return new AwsError("InvalidInstanceID.NotFound", "it does not exist");
      if (operation === "SendCommand")
        return new AwsError("InvalidInstanceId", "not in a valid state for account");
      return undefined;
    },
  };
}

const terminations: [string, string, string[]][] = [
  ["the host is read", "CollectEvidence", ["undetermined"]],
  ["a change is made", "ApplyFix", ["failed"]],
  ["a change is verified", "CollectAgain", ["failed"]],
  ["a change is made to last", "PersistFix", ["fixed"]],
];
for (const [where, at, expected] of terminations) {
  survives("the instance is terminated", `before ${where}`, async () => {
    const { now, fault } = terminated();
    const onEvent: Script["onEvent"] = ({ type, state }) => {
      if (type === "StateEntered" && state === at) now();
    };
    const told = await play({ fault, onEvent }, () => undefined);
    expect(outcome(told)).toEqual(expected);
    expect(told.mail).toContain("SSM knows no running agent on the instance");
  });
}

survives("the instance is terminated", "before its alarm arrives: ignored", async () => {
  const { now, fault } = terminated();
  now();
  const told = await play({ fault }, () => undefined);
  expect(told.ending.results.map(({ output }) => Reflect.get(Object(output), "outcome"))).toEqual([
    "ignored",
  ]);
  expect(told.ending.mails).toEqual([]);
});

survives(
  "the instance is replaced",
  "while a change is verified: the new one has an incident of its own",
  async () => {
    const { now, fault } = terminated();
    const successor = natHost();
    const heir = theatre.cast({ host: successor });
    const onEvent: Script["onEvent"] = ({ type, state }) => {
      if (type !== "StateEntered" || state !== "CollectAgain") return;
      now();
      heir.start(alarmed(heir, { at: theatre.clock.now() }));
    };
    const told = await play({ fault, onEvent }, () => undefined);
    expect(outcome(told)).toEqual(["failed"]);
    const next = await theatre.ending(heir);
    expect(leftOver(next, successor)).toEqual([]);
    expect(next.incidents.map(({ closing }) => closing?.outcome)).toEqual(["fixed"]);
  },
);

isDocumented();
