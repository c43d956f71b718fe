/** CloudFormation makes, changes or deletes the stack, and waits until it is told that the alarms are dealt with. */
import type { AlarmSettings } from "../../core/alarms/instance.ts";
import type { AnswerTo, Occasion } from "../../core/alarms/occasion.ts";
import { plainLine } from "../../core/plain-text.ts";
import { type Kept, keepAlarms } from "./keep.ts";

/** The rules that start us are deleted at the same time: what they began just before may still be at work. */
const settlingSeconds = 20;

/** With the stack all alarms of single instances go. If one cannot, the deletion fails and says why; it can be repeated. */
export async function answerStack(
  settings: AlarmSettings,
  { removed, answerTo }: Occasion & { kind: "stack" },
): Promise<Kept> {
  if (!removed) {
    // A stack is not to fail, nor to wait, for alarms that the next sweep makes as well.
    await answer(answerTo, "SUCCESS", "");
    return await keepAlarms(settings, { instanceId: null });
  }
  try {
    const kept = await removeAll(settings);
    const reason = kept.left === 0 ? "" : `${kept.left} alarms are left; delete the stack again`;
    await answer(answerTo, kept.left === 0 ? "SUCCESS" : "FAILED", reason);
    return kept;
  } catch (error) {
    await answer(
      answerTo,
      "FAILED",
      plainLine(error instanceof Error ? error.message : "unknown error", 300),
    );
    throw error;
  }
}

async function removeAll(settings: AlarmSettings): Promise<Kept> {
  const scope = { instanceId: null, gone: true };
  const first = await keepAlarms(settings, scope);
  if (first.left > 0) return first;
  await new Promise((resolve) => setTimeout(resolve, settlingSeconds * 1000));
  const second = await keepAlarms(settings, scope);
  return { ...second, removed: first.removed + second.removed };
}

/** The response object of custom resources, put to the address that CloudFormation has signed. */
async function answer(to: AnswerTo, status: "SUCCESS" | "FAILED", reason: string): Promise<void> {
  const body = JSON.stringify({
    Status: status,
    ...(reason !== "" && { Reason: reason }),
    PhysicalResourceId: to.physicalResourceId,
    StackId: to.stackId,
    RequestId: to.requestId,
    LogicalResourceId: to.logicalResourceId,
  });
  // The signature is over an empty content type.
  const response = await fetch(to.url, {
    method: "PUT",
    body: Buffer.from(body),
    headers: { "content-type": "" },
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`CloudFormation does not take the answer: HTTP ${response.status}`);
}
