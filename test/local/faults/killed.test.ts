/**
 * Functions that die between two effects. For each story every operation of every function is listed from an undisturbed
 * run; then the story is told again and again until each function was killed right after each of its operations. In one
 * telling each function dies once: they know nothing of each other.
 */
import { afterAll } from "vitest";
import type { ExecutionEvent } from "../../../local/states/events.ts";
import type { Execution } from "../../../local/states/execution.ts";
import { type Effect, effectRecorder, inWords, killAfter, rounds } from "./effects.ts";
import { alarmed, okAgain } from "./events.ts";
import { approvePatiently } from "./form.ts";
import { natHost } from "./nat-host.ts";
import { faultTable, type Try } from "./table.ts";
import { openTheatre, type Play, type Script } from "./theatre.ts";
import { differences, digest, leftOver } from "./verdict.ts";

const table = faultTable("Functions killed between two effects");
const theatre = await openTheatre();
afterAll(() => theatre.close());

type Story = {
  mode?: Script["mode"];
  helps?: boolean;
  person?(link: string, play: Play): Promise<unknown>;
  onEvent?(event: ExecutionEvent, execution: Execution): void;
  /** From its first event to its last, but for what goes on by itself. */
  tell(play: Play): Promise<unknown>;
  /** The effects that no other story has; by default all. */
  about?(effect: Effect): boolean;
};

async function killEverywhere(name: string, story: Story): Promise<Try[]> {
  const { mode = "apply", tell, helps = true, onEvent, person, about = () => true } = story;
  const stage = (kill: NonNullable<Script["kill"]>) => {
    const host = natHost({ helps });
    const play = theatre.cast({
      host,
      mode,
      kill,
      ...(onEvent && { onEvent }),
      ...(person && { person: (link) => person(link, play) }),
    });
    return { host, play };
  };
  const recorder = effectRecorder();
  const undisturbed = stage(recorder.kill);
  await tell(undisturbed.play);
  const clean = await theatre.ending(undisturbed.play);
  const expected = digest(clean, undisturbed.host, undisturbed.play);
  const broken = leftOver(clean, undisturbed.host);

  const tellings = rounds(recorder.effects.filter(about)).map((effects) => {
    const { left, kill } = killAfter(effects);
    return { effects, left, ...stage(kill) };
  });
  await Promise.all(tellings.map(({ play }) => tell(play)));
  const endings = await theatre.endings(tellings.map(({ play }) => play));
  return tellings.flatMap(({ effects, left, play, host }, index) => {
    const ending = endings[index] ?? clean;
    const mayRepeat = effects.some(tellsByItself);
    const problems = [
      ...broken,
      ...left().map((effect) => `${effect}: it was not killed`),
      ...leftOver(ending, host),
      ...differences(expected, digest(ending, host, play), { mayRepeat }),
    ];
    return effects.map((effect) => ({
      fault: name,
      where: effect.functionName,
      problems: problems.map((problem) => `${inWords(effect)}: ${problem}`),
    }));
  });
}

/**
 * The machine publishes what it can. The question's link must be in no history, and after a dead execution there is no
 * machine: these two publish by themselves, and one that dies with its message out has to tell again.
 */
const tellsByItself = ({ functionName, operation }: Effect) =>
  operation === "Publish" && ["ask-approval", "rescue-incident"].includes(functionName);

const begin = (play: Play) => play.start(alarmed(play, { at: theatre.clock.now() })).finished;

const has =
  (...names: string[]) =>
  (effect: Effect) =>
    names.includes(effect.functionName) || names.includes(`${effect.functionName}#${effect.input}`);

table.provoke("a change that helps is made, verified and kept once", () =>
  killEverywhere("a change that helps", { tell: begin }),
);

table.provoke("a change that does not help is undone once", () =>
  killEverywhere("a change that does not help", {
    helps: false,
    tell: begin,
    about: has("collect-host-evidence#2", "undo-fix", "record-step", "close-incident"),
  }),
);

table.provoke("a change that a person approves is made once, and the person is asked once", () =>
  killEverywhere("a change that a person approves", {
    mode: "approve",
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
    mode: "approve",
    person: (_, play) => play.start(okAgain(play, { at: theatre.clock.now() + 1000 })).finished,
    tell: begin,
    about: has("open-incident#2", "close-incident"),
  }),
);

table.provoke("an alarm that joins is in its incident once", () =>
  killEverywhere("an alarm that joins an open incident", {
    mode: "approve",
    person: async (link, play) => {
      await play.start(alarmed(play, { at: theatre.clock.now(), alarmName: play.alarms[1] })).finished;
      await approvePatiently(link);
    },
    tell: begin,
    about: has("open-incident#2"),
  }),
);

table.provoke("a finished incident is undone once", () =>
  killEverywhere("an undo by hand of a finished incident", {
    tell: async (play) => {
      await begin(play);
      const [closed] = (await theatre.ending(play)).incidents;
      await play.start({ undo: closed?.incident.id }).finished;
    },
    about: has("open-incident#2", "undo-fix", "close-incident#2"),
  }),
);

table.provoke("a change left unverified by a dead execution is undone once", () =>
  killEverywhere("an execution aborted before it verified", {
    onEvent: ({ type, state }, execution) => {
      if (type === "StateEntered" && state === "VerifyFix") execution.stop();
    },
    tell: begin,
    about: has("rescue-incident", "open-incident#2", "undo-fix", "close-incident"),
  }),
);

table.provoke("the instance of a dead execution is free", () =>
  killEverywhere("an execution aborted while a person is asked", {
    mode: "approve",
    onEvent: ({ type }, execution) => {
      if (type === "WaitingForTaskToken") execution.stop();
    },
    tell: begin,
    about: has("rescue-incident"),
  }),
);

table.isDocumented();
