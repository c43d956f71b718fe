/** Executions that are stopped at the entry of every state that they pass, and what puts things in order after them. */
import { afterAll, expect } from "vitest";
import { alarmed, died } from "./events.ts";
import { approvePatiently, submit } from "./form.ts";
import { type FaultyHost, natHost } from "./nat-host.ts";
import { faultTable, type Try } from "./table.ts";
import { type Ending, openTheatre, type Play, type Script, type Theatre } from "./theatre.ts";
import { leftOver } from "./verdict.ts";

const table = faultTable("Executions that end badly");
/** Questions stay open for longer than the state machine itself may run. */
const theatre = await openTheatre({ approvalSeconds: 400_000 });
/** Where the rule tells nobody, so that a test does it. */
const byTest = await openTheatre({ eventDeliveries: 0 });
afterAll(() => Promise.all([theatre, byTest].map((each) => each.close())));

type Moment = { state: string; visit: number };
type Story = {
  mode?: Script["mode"];
  helps?: boolean;
  person?(link: string): Promise<unknown>;
  tell(play: Play): Promise<unknown>;
  /** Which execution of the story is stopped, from 0. */
  nth?: number;
  /** The first state that no other story has passed; by default all are tried. */
  from?: string;
};

async function abortEverywhere(story: Story): Promise<Try[]> {
  const { mode = "apply", tell, helps = true, person, nth = 0, from } = story;
  const stage = (onState: (moment: Moment, stop: () => void) => void) => {
    const host = natHost({ helps });
    const visits = new Map<string, number>();
    const play = theatre.cast({
      host,
      mode,
      ...(person && { person }),
      onEvent: ({ type, state = "" }, execution) => {
        if (type !== "StateEntered" || execution !== play.executions()[nth]) return;
        const visit = (visits.get(state) ?? 0) + 1;
        visits.set(state, visit);
        onState({ state, visit }, execution.stop);
      },
    });
    return { host, play };
  };
  const moments: Moment[] = [];
  const undisturbed = stage((moment) => moments.push(moment));
  await tell(undisturbed.play);
  await theatre.over();

  const first = from === undefined ? 0 : moments.findIndex(({ state }) => state === from);
  const cases = moments.slice(first).map((moment) => ({
    moment,
    ...stage(({ state, visit }, stop) => {
      if (state === moment.state && visit === moment.visit) stop();
    }),
  }));
  await Promise.all(cases.map(({ play }) => tell(play)));
  const endings = await theatre.endings(cases.map(({ play }) => play));
  return await Promise.all(
    cases.map(async ({ moment, host }, index) => {
      const ending = endings[index];
      const problems = ending === undefined ? ["it has no ending"] : await judge(moment, ending, host, nth);
      const place = `${moment.state}#${moment.visit}`;
      return {
        fault: "stopped at the entry of a state",
        where: moment.state,
        problems: problems.map((problem) => `${place}: ${problem}`),
      };
    }),
  );
}

/** After these the machine has closed the incident and tells, or has told, people by itself. */
const isTelling = (state: string) => ["TellOutcome", "PublishOutcome", "IsItDone", "Closed"].includes(state);

/**
 * Free, and nothing unverified in force. Told once of the death; one that came after the end is told in the words of that
 * end, once more where nobody can know that the machine had told them already.
 */
async function judge({ state }: Moment, ending: Ending, host: FaultyHost, nth: number): Promise<string[]> {
  const { results, mails, incidents } = ending;
  const deaths = mails.filter(({ subject = "" }) => subject.includes("was stopped")).length;
  const last = mails.filter(({ subject }) => subject === incidents.at(-1)?.closing?.subject).length;
  const toldOfEnd = deaths === 0 && (last === 1 || last === 2);
  const told = isTelling(state) ? toldOfEnd : deaths === 1 || (state === "CloseIncident" && toldOfEnd);
  // A function that was already at it when its execution was stopped: the host itself puts that back.
  await host.elapse();
  const verified = incidents.some(({ actions }) => actions.some(({ action }) => action === "persist"));
  return [
    ...leftOver(ending, host),
    ...(results[nth]?.status === "ABORTED" ? [] : [`it ended as ${results[nth]?.status}`]),
    ...results
      .filter((_, n) => n !== nth)
      .flatMap(({ status }) => (status === "SUCCEEDED" ? [] : [`another execution ended as ${status}`])),
    ...(told ? [] : [`told ${deaths} times of the death, ${last} times of the end`]),
    ...(host.settings().max > 8192 && !verified ? ["a change that nobody verified is in force"] : []),
  ];
}

const begin = (play: Play, { clock }: Theatre = theatre) =>
  play.start(alarmed(play, { at: clock.now() })).finished;

table.provoke("on the way of a change that helps", () => abortEverywhere({ tell: (play) => begin(play) }));
table.provoke("on the way of a change that does not help", () =>
  abortEverywhere({ helps: false, tell: (play) => begin(play), from: "DidItHelp" }),
);
table.provoke("on the way of a change that a person approves", () =>
  abortEverywhere({
    mode: "approve",
    person: approvePatiently,
    tell: (play) => begin(play),
    from: "AskApproval",
  }),
);
table.provoke("on the way of an undo by hand", () =>
  abortEverywhere({
    nth: 1,
    tell: async (play) => {
      await begin(play);
      const [closed] = (await theatre.ending(play)).incidents;
      await play.start({ undo: closed?.incident.id }).finished;
    },
  }),
);

const rescuer = "rescue-incident";
const subjects = ({ mails }: Ending) => mails.map(({ subject = "" }) => subject.replace(/ on i-\w+.*/, ""));

/** Stopped before it could verify; `host` is its host. */
function stoppedBeforeVerifying(theatre: Theatre, host = natHost()) {
  const play: Play = theatre.cast({
    host,
    onEvent: ({ type, state }, execution) => {
      const isFirst = execution === play.executions()[0];
      if (type === "StateEntered" && state === "VerifyFix" && isFirst) execution.stop();
    },
  });
  return { play, host };
}

for (const status of ["FAILED", "TIMED_OUT", "ABORTED"] as const) {
  table.survives("an execution that ended before it verified", status, async () => {
    const { play, host } = stoppedBeforeVerifying(byTest);
    await begin(play, byTest);
    const [execution] = play.executions();
    if (execution === undefined) throw new Error("nothing ran");
    await byTest.clock.working(byTest.stack.invoke(rescuer, died(execution, status, byTest.clock.now())));
    const ending = await byTest.ending(play);
    expect(leftOver(ending, host)).toEqual([]);
    expect(ending.incidents[0]?.closing?.outcome).toBe("undone");
    expect(host.settings().max).toBe(8192);
    const how = { FAILED: "broke down", TIMED_OUT: "ran out of time", ABORTED: "was stopped" }[status];
    expect(subjects(ending).slice(1)).toEqual([`NAT Medic ${how}`, "NAT Medic undid its changes"]);
  });
}

table.survives("the rule's event", "delivered twice at once", async () => {
  const { play, host } = stoppedBeforeVerifying(byTest);
  await begin(play, byTest);
  const [execution] = play.executions();
  if (execution === undefined) throw new Error("nothing ran");
  const event = died(execution, "ABORTED", byTest.clock.now());
  const deliver = () => byTest.clock.working(byTest.stack.invoke(rescuer, event));
  await Promise.all([deliver(), deliver()]);
  const ending = await byTest.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(subjects(ending).slice(1)).toEqual(["NAT Medic was stopped", "NAT Medic undid its changes"]);
  expect(host.changes.map(({ action }) => action)).toEqual(["apply", "undo"]);
});

table.survives("the rule's event", "delivered again while the undo runs, and after it", async () => {
  const again = async () => {
    const [execution] = play.executions();
    if (execution === undefined) throw new Error("nothing ran");
    return await byTest.stack.invoke(rescuer, died(execution, "ABORTED", at));
  };
  const at = byTest.clock.now();
  const meddling = natHost({
    meddle: async ({ parameters }, run) => {
      if (parameters.Action === "undo") await again();
      return await run();
    },
  });
  const { play, host } = stoppedBeforeVerifying(byTest, meddling);
  await begin(play, byTest);
  await byTest.clock.working(again());
  await byTest.over();
  await byTest.clock.working(again());
  const ending = await byTest.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(ending.results.map(({ status }) => status)).toEqual(["ABORTED", "SUCCEEDED"]);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["undone"]);
  expect(subjects(ending).slice(1)).toEqual(["NAT Medic was stopped", "NAT Medic undid its changes"]);
  expect(host.changes.map(({ action }) => action)).toEqual(["apply", "undo"]);
});

table.survives("an execution that runs out of time", "while a person is asked", async () => {
  const host = natHost();
  const play = theatre.cast({ host, mode: "approve" });
  expect(await begin(play)).toMatchObject({ status: "TIMED_OUT" });
  await theatre.over();
  await submit(play.links[0] ?? "", "approve");
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(subjects(ending)).toEqual(
    ["NAT Medic asks about", "NAT Medic ran out of time"].map((each) => expect.stringContaining(each)),
  );
  expect(host.commands).toEqual(["collect"]);
});

table.survives("an execution that was stopped", "a new alarm opens a fresh incident", async () => {
  const { play, host } = stoppedBeforeVerifying(theatre);
  await begin(play);
  await theatre.over();
  await begin(play);
  const ending = await theatre.ending(play);
  expect(leftOver(ending, host)).toEqual([]);
  expect(ending.incidents.map(({ closing }) => closing?.outcome)).toEqual(["undone", "fixed"]);
});

table.isDocumented();
