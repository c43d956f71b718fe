/** Executions that are stopped at the entry of every state that they pass, and what puts things in order after them. */
import { afterAll } from "vitest";
import { decideOnPage } from "../../../local/page-visitor.ts";
import { alarmed } from "./events.ts";
import { type FaultyHost, natHost } from "./nat-host.ts";
import { faultTable, type Try } from "./table.ts";
import { type Ending, openTheatre, type Play, type Theatre } from "./theatre.ts";
import { leftOver } from "./verdict.ts";

const table = faultTable("Executions that end badly");
const theatre = await openTheatre({ mode: "apply" });
const asking = await openTheatre({ mode: "approve" });
afterAll(async () => {
  await theatre.close();
  await asking.close();
});

type Moment = { state: string; visit: number };
type Story = {
  theatre: Theatre;
  helps?: boolean;
  person?(link: string): Promise<unknown>;
  tell(play: Play, theatre: Theatre): Promise<unknown>;
  /** Which execution of the story is stopped, from 0. */
  nth?: number;
  /** The first state that no other story has passed; by default all are tried. */
  from?: string;
};

async function abortEverywhere(name: string, story: Story): Promise<Try[]> {
  const { theatre, tell, helps = true, person, nth = 0, from } = story;
  const stage = (onState: (moment: Moment, stop: () => void) => void) => {
    const host = natHost({ helps });
    const visits = new Map<string, number>();
    const play = theatre.cast({
      host,
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
  await tell(undisturbed.play, theatre);
  await theatre.over();

  const first = from === undefined ? 0 : moments.findIndex(({ state }) => state === from);
  const cases = moments.slice(first).map((moment) => ({
    moment,
    ...stage(({ state, visit }, stop) => {
      if (state === moment.state && visit === moment.visit) stop();
    }),
  }));
  await Promise.all(cases.map(({ play }) => tell(play, theatre)));
  const endings = await theatre.endings(cases.map(({ play }) => play));
  return await Promise.all(
    cases.map(async ({ moment, host }, index) => {
      const ending = endings[index];
      const problems = ending === undefined ? ["it has no ending"] : await judge(moment, ending, host, nth);
      const place = `${moment.state}#${moment.visit}`;
      return {
        fault: name,
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

const begin = (play: Play, { clock }: Theatre) => play.start(alarmed(play, { at: clock.now() })).finished;

table.provoke("on the way of a change that helps", () =>
  abortEverywhere("aborted on the way of a change that helps", { theatre, tell: begin }),
);
table.provoke("on the way of a change that does not help", () =>
  abortEverywhere("aborted on the way of a change that does not help", {
    theatre,
    helps: false,
    tell: begin,
  }),
);
table.provoke("on the way of a change that a person approves", () =>
  abortEverywhere("aborted on the way of a change that is approved", {
    theatre: asking,
    person: (link) => decideOnPage(link, "approve").catch(() => {}),
    tell: begin,
    from: "AskApproval",
  }),
);
table.provoke("on the way of an undo by hand", () =>
  abortEverywhere("aborted on the way of an undo by hand", {
    theatre,
    nth: 1,
    tell: async (play) => {
      await begin(play, theatre);
      const [closed] = (await theatre.ending(play)).incidents;
      await play.start({ undo: closed?.incident.id }).finished;
    },
  }),
);

table.isDocumented();
