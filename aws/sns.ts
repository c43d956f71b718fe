/** Telling people. */
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Message } from "../core/report.ts";

const client = new SNSClient({ maxAttempts: 5 });

export async function publish(topicArn: string, { subject, body }: Message): Promise<void> {
  await client.send(new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: body }));
}
