/** What people read of an instance in another account or Region: where it is, in every message. */
import { describe, expect, test } from "vitest";
import type { IncidentRecord } from "../../core/incident-record.ts";
import { approvalPage } from "../../core/page/approval-page.ts";
import { Place, placeOfArn, roleIn } from "../../core/place.ts";
import { approvalNotice } from "../../core/report/approval.ts";
import { deathNotice } from "../../core/report/death.ts";
import { openingNotice } from "../../core/report/opening.ts";
import { report } from "../../core/report.ts";
import { closingOf, execution, raised, request, step, told, untold } from "./closings.ts";
import { askedIncident, fixedIncident } from "./recorded-incident.ts";

/** The longest names that AWS has. */
const place = { account: "222222222222", region: "ap-southeast-1" };
const name = "i-0a1b2c3d4e5f67890 (222222222222 ap-southeast-1)";
const there = (record: IncidentRecord): IncidentRecord => ({
  ...record,
  incident: { ...record.incident, place },
});
const asked = there(askedIncident());
const fixed = there(fixedIncident());
const { diagnosis, plan } = asked.findings!;
const incident = asked.incident;
const undo = { forced: false, reason: null };
const better = raised.verification!;
const unchanged = { ...better, verdict: "unchanged" as const, quietWindows: 0 };
const death = (record: IncidentRecord, status: "FAILED" | "TIMED_OUT" | "ABORTED", undoing = false) =>
  deathNotice({ record, execution, status, cause: "", undoing });
const proposedOnly = plan.steps.map((planned) => ({ ...planned, decision: "propose" as const }));

const messages = {
  "what is changed at once": openingNotice({
    incident,
    diagnosis,
    plan: { ...plan, steps: plan.steps.map((planned) => ({ ...planned, decision: "apply" as const })) },
  })!,
  "a question": approvalNotice({ ...request(), incident }),
  "a fix": report(closingOf(fixed), []),
  "a proposal": report(closingOf(asked, { plan: { ...plan, steps: proposedOnly } }), []),
  "nobody's answer": report(
    closingOf(asked, {
      steps: [step({ answer: { decision: "nobody", by: "", note: "", at: "" } })],
    }),
    [],
  ),
  "a change that did not help": report(
    closingOf(asked, {
      steps: [step({ applied: told({}), verification: unchanged, undone: told({}) })],
    }),
    [],
  ),
  "a failure": report(closingOf(asked, { steps: [step({ applied: untold, undone: untold })] }), []),
  "an undo": report(closingOf(fixed, { undo }), []),
  "an undo that did not work": report(
    closingOf(fixed, { undo, steps: [step({ applied: told({}), undone: untold })] }),
    [],
  ),
  "a partial undo": report(
    closingOf(fixed, {
      undo,
      steps: [
        step({ applied: told({}), undone: told({}) }),
        step({ applied: told({}), undone: told({ status: "refused" }) }),
      ],
    }),
    [],
  ),
  "an execution out of time": death(asked, "TIMED_OUT"),
  "an execution that broke, its change in doubt": death(
    there({ ...fixedIncident(), steps: [], actions: fixedIncident().actions.slice(0, 1) }),
    "TIMED_OUT",
  ),
};

describe.each(Object.entries(messages))("of %s", (_what, { people, chat }) => {
  test("the subject names account and Region beside the instance, and is not cut", () => {
    expect(people.subject).toContain(name);
    expect(people.subject.length).toBeLessThanOrEqual(100);
    expect(chat.content.title.replaceAll("`", "")).toContain(name);
  });

  test("the first lines say where to go, and with which credentials", () => {
    const [head = ""] = people.body.split("\n\n");
    expect(people.body.replace(/\s+/g, " ")).toContain(
      "account 222222222222, ap-southeast-1. Commands of the AWS CLI that follow need that account's credentials and --region ap-southeast-1",
    );
    expect(`${head}\n${people.body.split("\n\n").slice(0, 3).join("\n")}`).toContain("Where");
    expect(chat.content.description).toContain("Where: account 222222222222, ap-southeast-1");
  });

  test("no command that would go to the instance goes to the Region of whoever types it", () => {
    for (const [line] of people.body.matchAll(/aws ssm send-command .*/g)) {
      expect(line).toContain(" --region ap-southeast-1 ");
    }
  });
});

test("the way back of a fix is a command for the place where it was made", () => {
  expect(messages["a fix"].people.body).toMatch(
    /aws ssm send-command --region ap-southeast-1 --instance-ids i-0a1b2c3d4e5f67890 /,
  );
});

test("who starts anew after a death starts for the same place", () => {
  const { body } = messages["an execution out of time"].people;
  const [, input = ""] = /--input '(\{.*\})'/.exec(body) ?? [];
  expect(JSON.parse(input)).toEqual({ instanceId: "i-0a1b2c3d4e5f67890", ...place });
});

test("the approval page says where", () => {
  const page = approvalPage({
    record: asked,
    request: asked.requests[0]!,
    now: "2026-11-20T03:14:00.000Z",
    key: "key",
    said: null,
  });
  expect(page).toContain("account 222222222222, ap-southeast-1");
});

test("at home nothing of it is said", () => {
  const home = report(closingOf(fixedIncident()), []);
  expect(`${home.people.subject}${home.people.body}`).not.toMatch(/Where|--region|account \d/);
});

test("a place is twelve digits and a Region, so that it can stand in a command and in a message", () => {
  for (const region of ["us-east-1", "ap-southeast-7", "us-gov-west-1", "cn-northwest-1", "us-isob-east-1"]) {
    expect(Place.parse({ account: "222222222222", region })).toEqual({ account: "222222222222", region });
  }
  for (const [account, region] of [
    ["22222222222", "us-east-1"],
    ["222222222222", "us-east-1; rm"],
    ["222222222222", "us-east-1\n"],
    ["222222222222", ""],
    ["22222222222a", "us-east-1"],
  ]) {
    expect(Place.safeParse({ account, region }).success, `${account} ${region}`).toBe(false);
  }
});

test("a function's role is known by account and Region alone", () => {
  expect(roleIn(place, "arn:aws:iam::ACCOUNT:role/nat-medic-spoke-ReadHostRole-REGION")).toBe(
    "arn:aws:iam::222222222222:role/nat-medic-spoke-ReadHostRole-ap-southeast-1",
  );
});

test("an execution's ARN says where home is", () => {
  expect(placeOfArn(execution)).toEqual({ account: "123456789012", region: "eu-central-1" });
  expect(placeOfArn("arn:aws:s3:::bucket")).toBeNull();
});
