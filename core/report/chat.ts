/** The same message for a chat channel, as a card of Amazon Q Developer in chat applications. */
import type { ChatMessage, Message, Notice } from "../notice.ts";
import { chatText, plainLine } from "../plain-text.ts";
import { type Fact, factLines, folded, mail, section } from "./layout.ts";

/**
 * Where the service's own limits are known, ours are far below them (a title of 250 characters, a description of
 * 8,000), and elsewhere low enough for anything that shows cards: what does not fit is dropped without a word.
 */
export const limits = {
  title: 150,
  fact: 350,
  facts: 12,
  nextSteps: 5,
  nextStep: 350,
  keywords: 5,
  keyword: 60,
  threadId: 100,
  summary: 150,
  eventType: 40,
  relatedResources: 3,
  relatedResource: 250,
} as const;

/** Stable: a channel may filter by it. */
export type Moment = "opened" | "decision" | "closed" | "died" | "fleet" | "looked-ahead";

export type NextStep = string | { text: string; link: string };

/** What a message says, before it is a mail and a card. */
export type Told = {
  moment: Moment;
  subject: string;
  /** The subject as a whole sentence. */
  headline: string;
  facts: readonly Fact[];
  /** Only in the mail: right below the headline, and the rest below the facts. */
  first?: readonly string[];
  sections: readonly string[];
  /** Only in the chat. */
  nextSteps: readonly NextStep[];
  /** One chat thread per incident; another name where there is none. */
  thread: string;
  keywords: readonly string[];
  relatedResources: readonly (string | null)[];
};

export function notice(told: Told): Notice {
  return { people: mailOf(told), chat: card(told) };
}

function mailOf({ subject, headline, facts, first = [], sections }: Told): Message {
  const head = section(folded(headline, { depth: 0 }).join("\n"), [...first, ...factLines(facts)]);
  return { subject, body: mail([head, ...sections]) };
}

function card({ moment, subject, facts, nextSteps, thread, keywords, relatedResources }: Told): ChatMessage {
  return {
    version: "1.0",
    source: "custom",
    content: {
      textType: "client-markdown",
      title: chatText(subject, limits.title),
      description: facts
        .slice(0, limits.facts)
        .map(([label, text]) => `${label}: ${chatText(text, limits.fact - label.length - 2)}`)
        .join("\n"),
      nextSteps: nextSteps.slice(0, limits.nextSteps).map(nextStep),
      keywords: keywords.slice(0, limits.keywords).map((word) => identifierLike(word, limits.keyword)),
    },
    metadata: {
      threadId: identifierLike(thread, limits.threadId),
      summary: plainLine(subject, limits.summary),
      eventType: `nat-medic.${moment}`,
      relatedResources: relatedResources
        .filter((resource) => resource !== null)
        .map((resource) => identifierLike(resource, limits.relatedResource))
        .slice(0, limits.relatedResources),
    },
  };
}

/** A bare link is one in Slack and in Teams alike; the dialects differ in everything else. */
function nextStep(step: NextStep): string {
  if (typeof step === "string") return chatText(step, limits.nextStep);
  return `${chatText(step.text, limits.nextStep)}: ${step.link}`;
}

/** Identifiers and ARNs: shown to nobody as text, so that they may hold nothing else; never empty. */
function identifierLike(text: string, most: number): string {
  return text.replace(/[^A-Za-z0-9_:/.-]+/g, "-").slice(0, most) || "-";
}
