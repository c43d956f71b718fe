import { randomUUID } from "node:crypto";
import { Publish$, type PublishInput, type PublishResponse } from "@aws-sdk/client-sns";
import { AwsError } from "./aws-error.ts";
import type { Service } from "./service.ts";

export type Publication = { topicArn: string; subject: string | undefined; message: string; at: Date };

/** SNS with the topics that exist; each publication is handed to `onPublish`. */
export const sns = ({
  topics,
  onPublish,
}: {
  topics: string[];
  onPublish(publication: Publication): void;
}): Service => {
  const publish = async ({ TopicArn, Subject, Message }: PublishInput): Promise<PublishResponse> => {
    if (TopicArn === undefined)
      throw invalid("TopicArn or TargetArn Reason: no value for required parameter");
    if (!topics.includes(TopicArn)) {
      throw new AwsError("NotFoundException", "Topic does not exist", { code: "NotFound", status: 404 });
    }
    if (Subject !== undefined && !SUBJECT.test(Subject)) throw invalid("Subject");
    if (Message === undefined || Message === "") throw invalid("Empty message");
    if (Buffer.byteLength(Message) > MAXIMUM_MESSAGE_BYTES) throw invalid("Message too long");
    onPublish({ topicArn: TopicArn, subject: Subject, message: Message, at: new Date() });
    return { MessageId: randomUUID() };
  };

  return {
    name: "sns",
    title: "SNS",
    target: "AmazonSimpleNotificationService",
    version: "2010-03-31",
    xmlNamespace: "http://sns.amazonaws.com/doc/2010-03-31/",
    operations: [{ schema: Publish$, run: publish }],
  };
};

/** API reference of Publish: ASCII that begins with a letter, number or punctuation mark, without control characters, at most 100. */
const SUBJECT = /^[!-~][ -~]{0,99}$/;

/** API reference of Publish: 262,144 bytes, not characters. */
const MAXIMUM_MESSAGE_BYTES = 262_144;

const invalid = (what: string): AwsError =>
  new AwsError("InvalidParameterException", `Invalid parameter: ${what}`, { code: "InvalidParameter" });
