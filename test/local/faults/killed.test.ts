/**
 * Functions that die between two effects. For each story every operation of every function is listed from an undisturbed
 * run; then the story is told once for each of them, with the function killed right after it.
 */
import { afterAll } from "vitest";
import { decideOnPage } from "../../../local/page-visitor.ts";
import { type Effect, effectRecorder, inWords, killAfter } from "./effects.ts";
import { alarmed } from "./events.ts";
import { type FaultyHost, natHost } from "./nat-host.ts";
import { faultTable, type Try } from "./table.ts";
import { openTheatre, type Play, type Script, type Theatre } from "./theatre.ts";
import { type Digest, differences, digest, leftOver } from "./verdict.ts";

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
  script?: Partial<Script>;
  /** From its first event to its last, but for what goes on by itself. */
  tell(play: Play, theatre: Theatre): Promise<void>;
  /** Whether the effect belongs to what this story is about. */
  about?(effect: Effect): boolean;
  /** Differences that are said to be possible. */
  mayDiffer?(effect: Effect): readonly (keyof Digest)[];
};

const begin = async (play: Play, { clock }: Theatre) => {
  await play.start(alarmed(play, { at: clock.now() })).finished;
};

/** Somebody who approves, and loads the page again when it could not be had. */
async function approve(link: string): Promise<void> {
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    try {
      await decideOnPage(link, "approve");
      return;
    } catch {
      // Loaded again, it shows what holds by now; then the form may be there, or need not be.
    }
  }
}

async function killEverywhere(name: string, story: Story): Promise<Try[]> {
  const { tell, helps = true, about = () => true, mayDiffer = () => [] } = story;
  const stage = (kill: Script["kill"]): { play: Play; host: FaultyHost } => {
    const host = natHost({ helps });
    return { host, play: story.theatre.cast({ ...story.script, host, ...(kill && { kill }) }) };
  };
  const { effects, kill } = effectRecorder();
  const undisturbed = stage(kill);
  await tell(undisturbed.play, story.theatre);
  const clean = await story.theatre.ending(undisturbed.play);
  const expected = digest(clean, undisturbed.host, undisturbed.play);

  const cases = effects.filter(about).map((effect) => {
    const death = killAfter(effect);
    return { effect, death, ...stage(death.kill) };
  });
  await Promise.all(cases.map(({ play }) => tell(play, story.theatre)));
  const endings = await story.theatre.endings(cases.map(({ play }) => play));
  const broken = leftOver(clean, undisturbed.host);
  return cases.map(({ effect, death, play, host }, index) => {
    const ending = endings[index] ?? clean;
    const found = differences(expected, digest(ending, host, play)).filter(
      (problem) => !mayDiffer(effect).some((part) => problem.startsWith(`${part}:`)),
    );
    const problems = [
      ...broken,
      ...(death.killed() ? [] : ["it was not killed"]),
      ...leftOver(ending, host),
      ...found,
    ];
    return {
      fault: name,
      where: effect.functionName,
      problems: problems.map((problem) => `${inWords(effect)}: ${problem}`),
    };
  });
}

table.provoke("a change that helps is made, verified and kept once", () =>
  killEverywhere("a change that helps", { theatre, tell: begin }),
);

table.provoke("a change that does not help is undone once", () =>
  killEverywhere("a change that does not help", { theatre, helps: false, tell: begin }),
);

table.provoke("a change that a person approves is made once, and the person is asked once", () =>
  killEverywhere("a change that a person approves", {
    theatre: asking,
    script: { person: approve },
    tell: begin,
    // Its link is in no execution history, so it publishes by itself; who died with the message out tells again.
    mayDiffer: ({ functionName, operation }) =>
      functionName === "ask-approval" && operation === "Publish" ? ["mails", "chat"] : [],
  }),
);
table.isDocumented();
