/** Many events at once: for many instances, and for one. */
import { afterAll } from "vitest";
import type { HostChange } from "../../../core/change.ts";
import type { HostAnswer, NatHost } from "../../../local/host.ts";
import { alarmed } from "./events.ts";
import { collecting, printed, reading } from "./nat-host.ts";
import { faultTable, type Try } from "./table.ts";
import { type Ending, openTheatre, type Play } from "./theatre.ts";

const { provoke, isDocumented } = faultTable("Storms and races");
const instances = 100;
const eventsEach = 8;
const duplicatesEach = 2;
const races = 24;
const theatre = await openTheatre({ seats: 2 * (instances + races), pace: 1, concurrency: 3 });
afterAll(() => theatre.close());

type SwiftHost = NatHost & { max: number; applied: number };

/** Answers from a variable, once the gate is open: a real collection takes its seconds, in which all events arrive. */
function swiftHost(gate: Promise<void>): SwiftHost {
  const host: SwiftHost = {
    description: "a variable",
    max: 8192,
    applied: 0,
    run: async (command): Promise<HostAnswer> => {
      await gate;
      if (collecting(command)) return printed(reading(host.max, host.max, true));
      const { Action: action = "show" } = command.parameters;
      if (action === "apply") host.applied += 1;
      const before = String(host.max);
      if (action === "apply") host.max = 65_536;
      if (action === "undo") host.max = 8192;
      const change = {
        schema: "nat-medic/change/1",
        fix: "raise-conntrack-max",
        action: action as HostChange["action"],
        status: "changed",
        reason: "",
        values: [{ setting: "net.netfilter.nf_conntrack_max", before, after: String(host.max) }],
        files: [],
        notes: [],
        onRecord: action === "persist" ? "persisted" : "applied",
        restoresAt: 0,
      } satisfies HostChange;
      return printed(JSON.stringify(change));
    },
    stop: async () => {},
  };
  return host;
}

/** All events at once; the hosts answer when every execution has opened an incident, joined one, or ended. */
async function storm(
  plays: readonly Play[],
  gate: PromiseWithResolvers<void>,
  events: (play: Play) => object[],
) {
  const all = plays.flatMap((play) => events(play).map((event) => ({ play, event })));
  // As they come: those of one instance not in a row.
  const shuffled = all.map((each, n) => ({ each, order: (n * 7919) % all.length }));
  shuffled.sort((a, b) => a.order - b.order);
  const executions = shuffled.map(({ each: { play, event } }) => play.start(event));
  const isPastOpening = () => executions.every((execution) => opened.has(execution.name));
  const opened = new Set<string>();
  for (const execution of executions) void execution.finished.then(() => opened.add(execution.name));
  const watch = setInterval(() => {
    for (const execution of executions) {
      if (execution.history().some(({ state }) => state === "CollectHostEvidence"))
        opened.add(execution.name);
    }
    if (isPastOpening()) gate.resolve();
  }, 100);
  await gate.promise;
  clearInterval(watch);
  return await theatre.endings(plays);
}

const outcomeOf = ({ output }: Ending["results"][number]) => String(Reflect.get(Object(output), "outcome"));

/** Each event opened the one incident, is a trigger of it, or is called a duplicate. */
function judge(
  ending: Ending,
  host: SwiftHost,
  expected: { distinct: number; duplicates: number },
): string[] {
  const { results, incidents, instance } = ending;
  const counts = Object.fromEntries(
    [...Map.groupBy(results, outcomeOf)].map(([outcome, group]) => [outcome, group.length]),
  );
  const wanted = {
    fixed: 1,
    ...(expected.distinct > 1 && { joined: expected.distinct - 1 }),
    ...(expected.duplicates > 0 && { ignored: expected.duplicates }),
  };
  const isSame =
    JSON.stringify(Object.entries(counts).sort()) === JSON.stringify(Object.entries(wanted).sort());
  const alarms = incidents.flatMap(({ triggers }) => triggers.map(({ trigger }) => trigger.at));
  return [
    ...(isSame ? [] : [`executions ended as ${JSON.stringify(counts)}`]),
    ...(incidents.length === 1 ? [] : [`${incidents.length} incidents`]),
    ...(new Set(alarms).size === expected.distinct && alarms.length === expected.distinct
      ? []
      : [`${alarms.length} triggers, ${new Set(alarms).size} of them distinct`]),
    ...(host.applied === 1 ? [] : [`changed ${host.applied} times`]),
    ...(instance.open === null ? [] : ["still held"]),
  ];
}

provoke("a thousand events for a hundred instances in a second", async () => {
  const gate = Promise.withResolvers<void>();
  const hosts = Array.from({ length: instances }, () => swiftHost(gate.promise));
  const plays = hosts.map((host) => theatre.cast({ host }));
  const begun = performance.now();
  const endings = await storm(plays, gate, (play) => {
    const at = theatre.clock.now();
    const distinct = Array.from({ length: eventsEach }, (_, n) =>
      alarmed(play, { at: at + n, alarmName: play.alarms[n % 2] ?? "" }),
    );
    return [...distinct, ...distinct.slice(0, duplicatesEach)];
  });
  const seconds = (performance.now() - begun) / 1000;
  const megabytes = process.memoryUsage().rss / 2 ** 20;
  console.log(
    `storm: ${instances * (eventsEach + duplicatesEach)} events for ${instances} instances, ${theatre.stack.requests().length} requests in ${seconds.toFixed(1)} s; ${megabytes.toFixed(0)} MiB at the end`,
  );
  return endings.map((ending, n): Try => {
    const host = hosts[n] ?? swiftHost(gate.promise);
    const expected = { distinct: eventsEach, duplicates: duplicatesEach };
    return {
      fault: "1,000 alarm events in a second",
      where: "100 instances, each with 8 events, two of them delivered twice",
      problems: judge(ending, host, expected),
    };
  });
});

provoke("executions that race for one instance", async () => {
  const gate = Promise.withResolvers<void>();
  const hosts = Array.from({ length: races }, () => swiftHost(gate.promise));
  const plays = hosts.map((host) => theatre.cast({ host }));
  const contenders = (play: Play) => 2 + (plays.indexOf(play) % 3);
  const endings = await storm(plays, gate, (play) => {
    const at = theatre.clock.now();
    return Array.from({ length: contenders(play) }, (_, n) => alarmed(play, { at: at + n }));
  });
  return endings.map((ending, n): Try => {
    const [play, host] = [plays[n], hosts[n]];
    if (play === undefined || host === undefined) throw new Error("more endings than plays");
    return {
      fault: "executions that race for one instance",
      where: `${contenders(play)} at the same moment`,
      problems: judge(ending, host, { distinct: contenders(play), duplicates: 0 }),
    };
  });
});

isDocumented();
