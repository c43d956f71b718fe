/** What people are told: one text for mail, one card for chat. */
import * as z from "zod/mini";

export const Message = z.object({
  /** At most 100 printable ASCII characters, as SNS demands of a subject. */
  subject: z.string(),
  body: z.string(),
});
export type Message = z.infer<typeof Message>;

/**
 * The schema of Amazon Q Developer in chat applications, which silently drops any other JSON.
 * https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
 */
export const ChatMessage = z.object({
  version: z.literal("1.0"),
  source: z.literal("custom"),
  content: z.object({
    textType: z.literal("client-markdown"),
    title: z.string(),
    description: z.string(),
    nextSteps: z.array(z.string()),
    keywords: z.array(z.string()),
  }),
  /** One thread per incident. */
  metadata: z.object({
    threadId: z.string(),
    summary: z.string(),
    eventType: z.string(),
    relatedResources: z.array(z.string()),
  }),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

export type Notice = { people: Message; chat: ChatMessage };

/** As SNS takes it. */
export const Publication = z.object({ topicArn: z.string(), subject: z.string(), message: z.string() });
export type Publication = z.infer<typeof Publication>;

export type Topics = { people: string; chat: string };

export function publications({ people, chat }: Notice, topics: Topics): Publication[] {
  return [
    { topicArn: topics.people, subject: people.subject, message: people.body },
    { topicArn: topics.chat, subject: people.subject, message: JSON.stringify(chat) },
  ];
}
