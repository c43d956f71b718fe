/**
 * Functions that die between two effects. For each story every operation of every function is listed from an undisturbed
 * run; then the story is told once for each of them, with the function killed right after it.
 */
import { afterAll } from "vitest";
import type { ExecutionEvent } from "../../../local/states/events.ts";
import type { Execution } from "../../../local/states/execution.ts";
import { type Effect, effectRecorder, inWords, killAfter } from "./effects.ts";
import { alarmed, okAgain } from "./events.ts";
import { approvePatiently } from "./form.ts";
import { natHost } from "./nat-host.ts";
import { faultTable, type Try } from "./table.ts";
import { openTheatre, type Play, type Script, type Theatre } from "./theatre.ts";
import { differences, digest, leftOver } from "./verdict.ts";

const table = faultTable("Functions killed between two effects");
const theatre = await openTheatre({ mode: "apply" });
const asking = await openTheatre({ mode: "approve" });
afterAll(async () => {
  await theatre.close();
  await asking.close();
});

type Story = {
  theatre: Theatre;
  helps?: boolean;
  person?(link: string, play: Play): Promise<unknown>;
  onEvent?(event: ExecutionEvent, execution: Execution): void;
  /** From its first event to its last, but for what goes on by itself. */
  tell(play: Play, theatre: Theatre): Promise<unknown>;
  /** The effects that no other story has; by default all. */
  about?(effect: Effect): boolean;
};

async function killEverywhere(name: string, story: Story): Promise<Try[]> {
  const { theatre, tell, helps = true, onEvent, person, about = () => true } = story;
  const stage = (kill: NonNullable<Script["kill"]>) => {
    const host = natHost({ helps });
    const play = theatre.cast({
      host,
      kill,
      ...(onEvent && { onEvent }),
      ...(person && { person: (link) => person(link, play) }),
    });
    return { host, play };
  };
  const { effects, kill } = effectRecorder();
  const undisturbed = stage(kill);
  await tell(undisturbed.play, theatre);
  const clean = await theatre.ending(undisturbed.play);
  const expected = digest(clean, undisturbed.host, undisturbed.play);

  const cases = effects.filter(about).map((effect) => {
    const death = killAfter(effect);
    return { effect, death, ...stage(death.kill) };
  });
  await Promise.all(cases.map(({ play }) => tell(play, theatre)));
  const endings = await theatre.endings(cases.map(({ play }) => play));
  const broken = leftOver(clean, undisturbed.host);
  return cases.map(({ effect, death, play, host }, index) => {
    const ending = endings[index] ?? clean;
    const problems = [
      ...broken,
      ...(death.killed() ? [] : ["it was not killed"]),
      ...leftOver(ending, host),
      ...differences(expected, digest(ending, host, play), { mayRepeat: tellsByItself(effect) }),
    ];
    return {
      fault: name,
      where: effect.functionName,
      problems: problems.map((problem) => `${inWords(effect)}: ${problem}`),
    };
  });
}

/**
 * The machine publishes what it can. The question's link must be in no history, and after a dead execution there is no
 * machine: these two publish by themselves, and one that dies with its message out has to tell again.
 */
const tellsByItself = ({ functionName, operation }: Effect) =>
  operation === "Publish" && ["ask-approval", "rescue-incident"].includes(functionName);

const begin = (play: Play, { clock }: Theatre) => play.start(alarmed(play, { at: clock.now() })).finished;

const has =
  (...names: string[]) =>
  (effect: Effect) =>
    names.includes(effect.functionName) || names.includes(`${effect.functionName}#${effect.invocation}`);

table.provoke("a change that helps is made, verified and kept once", () =>
  killEverywhere("a change that helps", { theatre, tell: begin }),
);

table.provoke("a change that does not help is undone once", () =>
  killEverywhere("a change that does not help", {
    theatre,
    helps: false,
    tell: begin,
    about: has("collect-host-evidence#2", "undo-fix", "record-step", "close-incident"),
  }),
);

table.provoke("a change that a person approves is made once, and the person is asked once", () =>
  killEverywhere("a change that a person approves", {
    theatre: asking,
    person: approvePatiently,
    tell: begin,
    about: has(
      "ask-approval",
      "serve-approval-page",
      "collect-host-evidence#2",
      "apply-fix",
      "persist-fix",
      "record-step",
      "close-incident",
    ),
  }),
);

table.provoke("an alarm that clears withdraws the question, and nothing is changed", () =>
  killEverywhere("an alarm that clears while a person is asked", {
    theatre: asking,
    person: (_, play) => play.start(okAgain(play, { at: asking.clock.now() + 1000 })).finished,
    tell: begin,
    about: has("open-incident#2", "close-incident"),
  }),
);

table.provoke("an alarm that joins is in its incident once", () =>
  killEverywhere("an alarm that joins an open incident", {
    theatre: asking,
    person: async (link, play) => {
      await play.start(alarmed(play, { at: asking.clock.now(), alarmName: play.alarms[1] })).finished;
      await approvePatiently(link);
    },
    tell: begin,
    about: has("open-incident#2"),
  }),
);

table.provoke("a finished incident is undone once", () =>
  killEverywhere("an undo by hand of a finished incident", {
    theatre,
    tell: async (play) => {
      await begin(play, theatre);
      const [closed] = (await theatre.ending(play)).incidents;
      await play.start({ undo: closed?.incident.id }).finished;
    },
    about: has("open-incident#2", "undo-fix", "close-incident#2"),
  }),
);

table.provoke("a change left unverified by a dead execution is undone once", () =>
  killEverywhere("an execution aborted before it verified", {
    theatre,
    onEvent: ({ type, state }, execution) => {
      if (type === "StateEntered" && state === "VerifyFix") execution.stop();
    },
    tell: begin,
    about: has("rescue-incident", "open-incident#2", "undo-fix", "close-incident"),
  }),
);

table.provoke("the instance of a dead execution is free", () =>
  killEverywhere("an execution aborted while a person is asked", {
    theatre: asking,
    onEvent: ({ type }, execution) => {
      if (type === "WaitingForTaskToken") execution.stop();
    },
    tell: begin,
    about: has("rescue-incident"),
  }),
);

table.isDocumented();
