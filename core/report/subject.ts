import { subjectText } from "../plain-text.ts";

/** SNS's own limit. */
const most = 100;
/** Less of a cause says nothing. */
const leastCause = 16;

/** `said`, what came of it, is never cut: below 100 characters. The cause takes the room that is left. */
export function subject(said: string, cause = ""): string {
  const outcome = subjectText(said, most);
  const room = most - outcome.length - 2;
  if (cause === "" || room < leastCause) return outcome;
  return `${outcome}: ${atAWord(subjectText(cause, 200), room)}`;
}

function atAWord(text: string, room: number): string {
  if (text.length <= room) return text;
  const cut = text.slice(0, room - 3);
  const end = cut.lastIndexOf(" ");
  return `${end > 0 ? cut.slice(0, end) : cut}...`;
}
