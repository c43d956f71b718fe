/** Events that are not for us, or are not what they should be. */
import { afterAll, expect } from "vitest";
import { alarmed } from "./events.ts";
import { natHost } from "./nat-host.ts";
import { faultTable } from "./table.ts";
import { openTheatre } from "./theatre.ts";

const { survives, isDocumented } = faultTable("Events");
const theatre = await openTheatre({ seats: 5, concurrency: 1 });
afterAll(() => theatre.close());

const outcomeOf = async (event: unknown) => {
  const { output } = await theatre.stack.start(event).finished;
  return Reflect.get(Object(output), "outcome");
};

survives("a foreign event", "ignored, and disturbs nobody", async () => {
  const event = { source: "aws.ec2", "detail-type": "EC2 Instance State-change Notification" };
  expect(await outcomeOf(event)).toBe("ignored");
});

survives("an instance ID that is none", "refused, with a word to the person", async () => {
  const host = natHost();
  const play = theatre.cast({ host });
  const { output } = await play.start({ instanceId: "i-0; rm -rf /" }).finished;
  expect(output).toMatchObject({ outcome: "refused" });
  const { mails } = await theatre.ending(play);
  expect(mails[0]?.message).toContain("not an EC2 instance ID");
  expect(mails[0]?.message).not.toContain("rm -rf");
  expect(host.commands).toEqual([]);
});

survives("an instance that is not ours", "an alarm on it is ignored, a start by hand refused", async () => {
  const host = natHost();
  const play = theatre.cast({ host });
  const stranger = "i-0fffffffffffffff0";
  const foreign = JSON.parse(
    JSON.stringify(alarmed(play, { at: theatre.clock.now() })).replaceAll(play.instanceId, stranger),
  );
  expect(await outcomeOf(foreign)).toBe("ignored");
  const { output } = await play.start({ instanceId: stranger }).finished;
  expect(output).toMatchObject({ outcome: "refused" });
  expect(theatre.stack.requests().filter(({ service }) => service === "ssm")).toEqual([]);
});

isDocumented();
