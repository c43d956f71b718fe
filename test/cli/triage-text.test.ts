/** `nat-medic triage` in words: one or two plain sentences for every event. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { triageText } from "../../cli/triage-text.ts";
import { triage } from "../../core/triage.ts";

const home = { account: "123456789012", region: "eu-central-1" };
const files = readdirSync("events").flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []);
const said = (file: string) =>
  triageText(
    triage(JSON.parse(readFileSync(`events/${file}.json`, "utf8")), { now: "2026-11-20T03:12:44Z", home }),
  );

test.each(files)("%s", (file) => {
  const text = said(file);
  expect(text).toMatch(/^[A-Z][^<>`*\n]+\.$/);
  expect(text.match(/\. (?=[A-Z])/g)?.length ?? 0).toBeLessThanOrEqual(1);
});

test.each([
  ["alarm-composite", "its child alarms (nat-a-conntrack-utilization) are looked up"],
  ["alarm-multi-series", "which series of nat-medic-fleet-conntrack-utilization are in ALARM is looked up"],
  ["alarm-auto-scaling-group", "the enrolled instances of the Auto Scaling group nat-a are looked up"],
  ["alarm-network-interface", "the instance that eni-0a1b2c3d4e5f67890 is attached to is looked up"],
  ["alarm-contributor", "Opens an incident of i-0a1b2c3d4e5f67890"],
  ["alarm-muted", "is muted until 2026-11-20T06:00:00.000Z, when it is looked at again"],
  ["alarm-other-region", "(account 210987654321, eu-west-1)"],
  ["alarm-cleared", "is withdrawn"],
  ["alarm-configuration-change", "Ignored: an alarm was created, changed or deleted"],
  ["start-tagged-by-hand", "the enrolled instances with the tag team=network"],
])("%s says: %s", (file, words) => {
  expect(said(file)).toContain(words);
});

test("what was meant for NAT Medic and leads nowhere says that people are told", () => {
  expect(triageText(triage({ instanceId: "me" }, { now: "2026-11-20T03:12:44Z", home }))).toContain(
    "People are told",
  );
});
