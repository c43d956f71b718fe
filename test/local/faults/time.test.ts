/** Time: answers that come too late, alarms that clear or come again, rests between incidents, clocks that disagree. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SendTaskSuccessCommand, SFNClient } from "@aws-sdk/client-sfn";
import { afterAll, expect } from "vitest";
import { statusOf } from "../../../core/step-record.ts";
import { decideOnPage } from "../../../local/page-visitor.ts";
import { alarmed, byHand, mutedFor, okAgain } from "./events.ts";
import { submit } from "./form.ts";
import { natHost } from "./nat-host.ts";
import { faultTable } from "./table.ts";
import { type Ending, openTheatre, type Play, type Theatre } from "./theatre.ts";
import { leftOver } from "./verdict.ts";

const { survives, isDocumented } = faultTable("Time");
const theatre = await openTheatre({ approvalSeconds: 3600, coolDownSeconds: 900 });
const ahead = await openTheatre({ approvalSeconds: 3600, skewSeconds: 600, concurrency: 1 });
const behind = await openTheatre({ approvalSeconds: 3600, skewSeconds: -600, concurrency: 1 });
afterAll(() => Promise.all([theatre, ahead, behind].map((each) => each.close())));

/** Only in the present of the plays; what tests do in between takes no time. */
const during = <T>(theatre: Theatre, run: () => Promise<T>): Promise<T> => theatre.clock.working(run());
const soon = (theatre: Theatre, seconds = 1) => theatre.clock.now() + seconds * 1000;
const approve = (link: string) => decideOnPage(link, "approve");
const outcomes = ({ incidents }: Ending) => incidents.map(({ closing }) => closing?.outcome);
const statuses = ({ incidents }: Ending) => incidents.map(({ steps }) => steps.map(statusOf));
const outputs = ({ results }: Ending) => results.map(({ output }) => output);

const untouched = { max: 8192, buckets: 8192 };

/** A question that nobody answers in time. */
async function unanswered(theatre: Theatre) {
  const host = natHost();
  const play = theatre.cast({ host, mode: "approve" });
  await play.start(alarmed(play, { at: theatre.clock.now() })).finished;
  const [link = ""] = play.links;
  const check = async () => {
    const ending = await theatre.ending(play);
    expect(leftOver(ending, host)).toEqual([]);
    expect(outcomes(ending)).toEqual(["proposed"]);
    expect(statuses(ending)).toEqual([["unanswered"]]);
    expect(ending.mails.length).toBe(2);
    expect(host.settings()).toEqual(untouched);
    return ending;
  };
  await check();
  return { play, link, check };
}

survives("an approval after expiry", "on the approval page", async () => {
  const { link, check } = await unanswered(theatre);
  await expect(approve(link)).rejects.toThrow("does not offer to approve");
  expect(await submit(link, "approve")).not.toContain("<form");
  const [incident] = (await check()).incidents;
  expect(incident?.requests.map(({ decided }) => decided?.decision)).toEqual(["nobody"]);
});

survives("an approval after expiry", "by the task token", async () => {
  const { check } = await unanswered(theatre);
  const [taskToken] = (await check()).incidents.flatMap(({ requests }) =>
    requests.map((request) => request.taskToken),
  );
  const client = new SFNClient({
    endpoint: theatre.stack.url,
    region: "eu-central-1",
    credentials: { accessKeyId: "person", secretAccessKey: "person" },
  });
  const output = JSON.stringify({ decision: "approve" });
  await expect(client.send(new SendTaskSuccessCommand({ taskToken, output }))).rejects.toThrow(
    expect.objectContaining({ name: "TaskTimedOut" }),
  );
  client.destroy();
  await check();
});

survives("an approval after expiry", "from the command line", async () => {
  const { check } = await unanswered(theatre);
  const id = (await check()).incidents[0]?.incident.id ?? "";
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: theatre.stack.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "person",
    AWS_SECRET_ACCESS_KEY: "person",
  };
  const approving = promisify(execFile)(process.execPath, ["cli/nat-medic.mjs", "approve", id], { env });
  await expect(approving).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Nobody decided/),
  });
  await check();
});

/** A question that waits; `meanwhile` happens before anybody answers it. */
async function whileAsked(meanwhile: (play: Play, link: string) => Promise<unknown>, where = theatre) {
  const host = natHost();
  const play = where.cast({ host, mode: "approve", person: (link) => meanwhile(play, link) });
  await play.start(alarmed(play, { at: where.clock.now() })).finished;
  const ending = await where.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  return { play, host, ending };
}

survives("an alarm back to OK while a person is asked", "the only alarm", async () => {
  const { ending, host, play } = await whileAsked(async (play, link) => {
    await play.start(okAgain(play, { at: soon(theatre) })).finished;
    await expect(approve(link)).rejects.toThrow("does not offer to approve");
    await submit(link, "approve");
  });
  expect(statuses(ending)).toEqual([["withdrawn"]]);
  expect(outputs(ending)).toEqual([
    expect.objectContaining({ outcome: "proposed" }),
    expect.objectContaining({ outcome: "ignored" }),
  ]);
  expect(play.links.length).toBe(1);
  expect(host.settings()).toEqual(untouched);
});

survives("an alarm back to OK while a person is asked", "another alarm still fires", async () => {
  const { ending, host } = await whileAsked(async (play, link) => {
    const alarmName = play.alarms[1];
    await play.start(alarmed(play, { at: soon(theatre), alarmName })).finished;
    await play.start(okAgain(play, { at: soon(theatre, 2) })).finished;
    await approve(link);
  });
  expect(outcomes(ending)).toEqual(["fixed"]);
  expect(ending.incidents[0]?.triggers.map(({ clearedAt }) => clearedAt !== null)).toEqual([true, false]);
  expect(host.changes.map(({ action }) => action)).toEqual(["apply", "persist"]);
});

survives("an alarm back to OK while a person is asked", "both alarms, one after the other", async () => {
  const { ending, host } = await whileAsked(async (play) => {
    const alarmName = play.alarms[1];
    await play.start(alarmed(play, { at: soon(theatre), alarmName })).finished;
    await play.start(okAgain(play, { at: soon(theatre, 2) })).finished;
    await play.start(okAgain(play, { at: soon(theatre, 3), alarmName })).finished;
  });
  expect(statuses(ending)).toEqual([["withdrawn"]]);
  expect(host.settings()).toEqual(untouched);
});

survives("an alarm back to OK while a person is asked", "an OK from before the alarm", async () => {
  const { ending } = await whileAsked(async (play, link) => {
    await play.start(okAgain(play, { at: soon(theatre, -60) })).finished;
    await approve(link);
  });
  expect(outcomes(ending)).toEqual(["fixed"]);
});

survives("an alarm back to OK before a person is asked", "while the host is read", async () => {
  const host = natHost();
  const play = theatre.cast({
    host,
    mode: "approve",
    onEvent: ({ type, state }) => {
      if (type !== "StateEntered" || state !== "Diagnose") return;
      void during(theatre, () => play.start(okAgain(play, { at: soon(theatre) })).finished);
    },
  });
  await play.start(alarmed(play, { at: theatre.clock.now() })).finished;
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(statuses(ending)).toEqual([["withdrawn"]]);
  expect(play.links.length).toBeLessThanOrEqual(1);
  expect(host.settings()).toEqual(untouched);
});

/** A fixed incident, after which the trouble is back. */
async function fixedOnce() {
  const host = natHost();
  const play = theatre.cast({ host });
  const begin = (at = theatre.clock.now(), alarmName = play.alarms[0]) =>
    play.start(alarmed(play, { at, alarmName }));
  await begin().finished;
  host.relapse();
  return { host, play, begin };
}

survives("an alarm in the cool-down", "still firing after it", async () => {
  const { host, play, begin } = await fixedOnce();
  const second = begin();
  const { output } = await second.finished;
  expect(output).toMatchObject({ outcome: "fixed" });
  const ending = await theatre.ending(play);
  const [first, next] = ending.incidents.map(({ closing }) => Date.parse(closing?.at ?? ""));
  expect((next ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(900_000);
  expect(leftOver(ending, host)).toEqual([]);
  expect(host.incidents().length).toBe(2);
});

survives("an alarm in the cool-down", "cleared meanwhile", async () => {
  const { host, play, begin } = await fixedOnce();
  const second = begin();
  theatre.alarms[play.alarms[0]] = "OK";
  expect((await second.finished).output).toMatchObject({ outcome: "ignored" });
  const ending = await theatre.ending(play);
  expect(ending.incidents.length).toBe(1);
  expect(host.incidents().length).toBe(1);
});

survives("an alarm in the cool-down", "five of them become one incident", async () => {
  const { host, play, begin } = await fixedOnce();
  const at = theatre.clock.now();
  const five = await Promise.all([0, 1, 2, 3, 4].map((n) => begin(at + n, play.alarms[n % 2]).finished));
  const outcomesNow = five.map(({ output }) => Reflect.get(Object(output), "outcome")).sort();
  expect(outcomesNow).toEqual(["fixed", "joined", "joined", "joined", "joined"]);
  const ending = await theatre.ending(play);
  expect(ending.incidents.map(({ triggers }) => triggers.length)).toEqual([1, 5]);
  expect(leftOver(ending, host)).toEqual([]);
  expect(host.changes.filter(({ action }) => action === "apply").length).toBe(2);
});

survives("a muted alarm", "still firing when the mute ends", async () => {
  const host = natHost();
  const play = theatre.cast({ host });
  const at = theatre.clock.now();
  const { output } = await play.start(mutedFor(7200, play, { at })).finished;
  expect(output).toMatchObject({ outcome: "fixed" });
  const ending = await theatre.ending(play);
  const [opened] = ending.incidents.map(({ triggers }) => Date.parse(triggers[0]?.joinedAt ?? ""));
  expect(opened ?? 0).toBeGreaterThanOrEqual(at + 7_200_000);
  expect(leftOver(ending, host)).toEqual([]);
});

survives("a muted alarm", "cleared meanwhile", async () => {
  const host = natHost();
  const play = theatre.cast({ host });
  const waiting = play.start(mutedFor(7200, play, { at: theatre.clock.now() }));
  theatre.alarms[play.alarms[0]] = "OK";
  expect((await waiting.finished).output).toMatchObject({ outcome: "ignored" });
  const ending = await theatre.ending(play);
  expect(ending.incidents).toEqual([]);
  expect(host.settings()).toEqual(untouched);
});

survives("the circuit breaker", "a fourth automatic change in 24 hours", async () => {
  const { host, play, begin } = await fixedOnce();
  for (let more = 0; more < 2; more += 1) {
    await begin().finished;
    host.relapse();
  }
  await begin().finished;
  const ending = await theatre.ending(play);
  expect(outcomes(ending)).toEqual(["fixed", "fixed", "fixed", "proposed"]);
  expect(ending.mails.at(-1)?.message).toContain("circuit breaker");
  expect(host.settings()).toEqual(untouched);
});

survives("the circuit breaker", "an alarm after an undo", async () => {
  const host = natHost({ helps: false });
  const play = theatre.cast({ host });
  for (let n = 0; n < 2; n += 1) await play.start(alarmed(play, { at: theatre.clock.now() })).finished;
  const ending = await theatre.ending(play);
  expect(outcomes(ending)).toEqual(["undone", "proposed"]);
  expect(ending.mails.at(-1)?.message).toContain("circuit breaker");
  expect(host.changes.map(({ action }) => action)).toEqual(["apply", "undo"]);
});

survives("the same event delivered twice", "at the same moment", async () => {
  const host = natHost();
  const play = theatre.cast({ host });
  const event = alarmed(play, { at: theatre.clock.now() });
  await Promise.all([play.start(event).finished, play.start(event).finished]);
  const ending = await theatre.ending(play);
  expect(outcomes(ending)).toEqual(["fixed"]);
  expect(ending.incidents[0]?.triggers.length).toBe(1);
  expect(outputs(ending)).toContainEqual({ outcome: "ignored", reason: "this event was delivered before" });
  expect(host.changes.map(({ action }) => action)).toEqual(["apply", "persist"]);
});

survives("the same event delivered twice", "again after the incident is closed", async () => {
  const host = natHost();
  const play = theatre.cast({ host });
  const event = alarmed(play, { at: theatre.clock.now() });
  await play.start(event).finished;
  host.relapse();
  await play.start(event).finished;
  const ending = await theatre.ending(play);
  expect(outcomes(ending)).toEqual(["fixed"]);
  expect(ending.mails.length).toBe(2);
  expect(host.settings()).toEqual(untouched);
});

survives("an alarm during an incident", "joins it, and is in it once", async () => {
  const { ending } = await whileAsked(async (play, link) => {
    const event = alarmed(play, { at: soon(theatre), alarmName: play.alarms[1] });
    await play.start(event).finished;
    await play.start(event).finished;
    await play.start(byHand(play)).finished;
    await approve(link);
  });
  expect(outcomes(ending)).toEqual(["fixed"]);
  expect(ending.incidents[0]?.triggers.map(({ trigger }) => trigger.kind)).toEqual([
    "alarm",
    "alarm",
    "manual",
  ]);
});

survives("an alarm on two instances", "one incident each, delivered twice", async () => {
  const hosts = [natHost(), natHost()] as const;
  const plays = hosts.map((host) => theatre.cast({ host }));
  const [one, other] = plays;
  if (one === undefined || other === undefined) throw new Error("two plays");
  const event = structuredClone(alarmed(one, { at: theatre.clock.now() })) as {
    detail: { configuration: { metrics: { metricStat: { metric: { dimensions: object } } }[] } };
  };
  const [metric] = event.detail.configuration.metrics;
  const second = structuredClone(metric);
  if (second === undefined) throw new Error("an alarm without a metric");
  second.metricStat.metric.dimensions = { InstanceId: other.instanceId };
  event.detail.configuration.metrics.push(second);
  const { start } = theatre.stack;
  await Promise.all([start(event, "about-two").finished, start(event, "about-two-again").finished]);
  const endings = await theatre.endings(plays);
  for (const [n, ending] of endings.entries()) {
    expect(outcomes(ending)).toEqual(["fixed"]);
    expect(leftOver(ending, hosts[n] ?? hosts[0])).toEqual([]);
  }
});

const skewed = [
  ["ten minutes ahead", ahead],
  ["ten minutes behind", behind],
] as const;
for (const [where, theatre] of skewed) {
  survives("the functions' clock is wrong", `${where}: an approval counts`, async () => {
    const { ending } = await whileAsked((_, link) => approve(link), theatre);
    expect(outcomes(ending)).toEqual(["fixed"]);
  });

  survives("the functions' clock is wrong", `${where}: nobody answers`, async () => {
    const { link, check } = await unanswered(theatre);
    await submit(link, "approve");
    await check();
  });

  const moments = [
    ["an answer 50 s before it expires", 3550, "in-force"],
    ["an answer 50 s after it expired", 3650, "unanswered"],
  ] as const;
  for (const [when, seconds, status] of moments) {
    survives("the functions' clock is wrong", `${where}: ${when}`, async () => {
      const host = natHost();
      const answers: Promise<string>[] = [];
      const never = new AbortController().signal;
      const play = theatre.cast({
        host,
        mode: "approve",
        onEvent: ({ type }) => {
          if (type !== "WaitingForTaskToken") return;
          const late = theatre.clock.sleep(seconds, never);
          answers.push(late.then(() => during(theatre, () => submit(play.links.at(-1) ?? "", "approve"))));
        },
      });
      await play.start(alarmed(play, { at: theatre.clock.now() })).finished;
      expect(await answers[0]).not.toContain("<form");
      const ending = await theatre.ending(play);
      expect(statuses(ending)).toEqual([[status]]);
      expect(leftOver(ending, host)).toEqual([]);
    });
  }
}

isDocumented();
