/** Telling people. */
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Publication } from "../core/notice.ts";

const client = new SNSClient({ maxAttempts: 5 });

export async function publish({ topicArn, subject, message }: Publication): Promise<void> {
  await client.send(new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: message }));
}
