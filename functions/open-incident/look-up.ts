/** What an event does not say itself, asked of AWS where the alarm is, until it leads to instances or to nothing. */
import { contributorsInAlarm, describeAlarms } from "../../aws/cloudwatch.ts";
import { enrolledInGroup, instanceOfInterface } from "../../aws/ec2.ts";
import { type Answers, noAnswers, type Questions } from "../../core/triage/questions.ts";
import { type Triage, type TriageContext, triage } from "../../core/triage.ts";
import { inPlace } from "../in-place.ts";

/** Three composites below each other, the alarm below them, then its series and their groups; more is a defect. */
const mostRounds = 6;

export async function triageWithLookUps(
  event: unknown,
  context: Omit<TriageContext, "answers">,
): Promise<Exclude<Triage, { decision: "look-up" }>> {
  let answers = noAnswers;
  for (let round = 0; round <= mostRounds; round++) {
    const triaged = triage(event, { ...context, answers });
    if (triaged.decision !== "look-up") return triaged;
    const { questions, place } = triaged;
    answers = await inPlace(place, () => answered(questions, answers));
  }
  throw new Error(`the event leads from question to question ${mostRounds} times`);
}

async function answered(questions: Questions, known: Answers): Promise<Answers> {
  const [alarms, contributors, groups, interfaces] = await Promise.all([
    questions.alarms.length === 0 ? new Map() : describeAlarms(questions.alarms),
    each(questions.contributors, contributorsInAlarm),
    each(questions.groups, enrolledInGroup),
    each(questions.interfaces, instanceOfInterface),
  ]);
  return {
    alarms: new Map([...known.alarms, ...alarms]),
    contributors: new Map([...known.contributors, ...contributors]),
    groups: new Map([...known.groups, ...groups]),
    interfaces: new Map([...known.interfaces, ...interfaces]),
  };
}

/** One after the other: there are few, and CloudWatch allows few a second. */
async function each<Answer>(
  names: readonly string[],
  ask: (name: string) => Promise<Answer>,
): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>();
  for (const name of names) answers.set(name, await ask(name));
  return answers;
}
