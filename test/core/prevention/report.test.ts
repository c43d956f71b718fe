import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChatMessage } from "../../../core/notice.ts";
import type { Finding, Review } from "../../../core/prevention/finding.ts";
import { isWorthTelling, type PreventionRun } from "../../../core/prevention/run.ts";
import { preventionNotice } from "../../../core/report/prevention.ts";
import { captured } from "../captured.ts";
import { foreign, linked, mentionOrMarkup } from "../foreign.ts";
import { daily, id, incidentOf, look, morning, seen } from "./looks.ts";

const filling = (day: number, from = 30) =>
  look({
    at: morning(day),
    histories: [daily("ConntrackUtilization", (each) => from + 3 * (each + day), morning(day))],
  });
const runOf = (reviews: readonly Review[], given: Partial<PreventionRun> = {}): PreventionRun => ({
  runId: "run-20261121t060000z-abc",
  at: morning(),
  counts: { done: reviews.length, failed: 0, skipped: 0 },
  failures: [],
  skipped: [],
  reviews,
  lastToldAt: morning(-1),
  ...given,
});
/** On another instance, the `n`-th. */
const on = (review: Review, n: number): Review => ({
  ...review,
  instanceId: `i-${n.toString(16).padStart(17, "0")}`,
});
const mailOf = (...given: Parameters<typeof runOf>) => preventionNotice(runOf(...given)).people;
const flat = (text: string) => text.replace(/\s+/g, " ");

describe("when people are told", () => {
  const quiet = look({});
  const weeksAway = filling(0, 10);
  const known = (review: Review): Review => ({
    ...review,
    findings: review.findings.map((finding) => ({ ...finding, since: morning(-5) })),
  });
  const soon = filling(1, 40);
  test.each<[string, Partial<PreventionRun>, boolean]>([
    ["the very first look, whatever it finds", { reviews: [quiet], lastToldAt: null }, true],
    ["nothing, told yesterday", { reviews: [quiet] }, false],
    ["nothing, told a week ago: the sign of life", { reviews: [quiet], lastToldAt: morning(-7) }, true],
    ["nothing, told six days ago", { reviews: [quiet], lastToldAt: morning(-6) }, false],
    ["something new", { reviews: [weeksAway] }, true],
    ["the same as yesterday", { reviews: [known(weeksAway)] }, false],
    ["the same as yesterday, and due within a week", { reviews: [known(soon)] }, true],
    [
      "what fails now, known since days",
      { reviews: [known(look({ evidence: seen(captured("conntrack-table-full")) }))] },
      true,
    ],
    ["something gone", { reviews: [{ ...quiet, gone: weeksAway.findings }] }, true],
    [
      "an instance that could not be looked at",
      { reviews: [quiet], counts: { done: 1, failed: 1, skipped: 0 } },
      true,
    ],
    ["an instance left out", { reviews: [quiet], counts: { done: 1, failed: 0, skipped: 1 } }, false],
  ])("%s", (_, given, told) => {
    expect(isWorthTelling(runOf([], given))).toBe(told);
  });
});

describe("the message", () => {
  test("says at nine in the morning what, where, when and what to do", () => {
    const { subject, body } = mailOf([filling(0), on(look({}), 2)]);
    expect(subject).toBe(
      "NAT Medic looks ahead: 1 of 2 NAT instances needs attention: The connection tracking table will...",
    );
    expect(flat(body)).toContain(
      `First ${id}: The connection tracking table will be full, about 2026-12-01, in 10 days New 1 finding on 1 NAT instance Still there nothing`,
    );
    expect(body).toContain("    sysctl -w net.netfilter.nf_conntrack_max=262144\n");
    expect(body).toContain(`      Detail: nat-medic diagnose --instance ${id}\n`);
  });

  test("tells what is still there from what is new, and what is gone", () => {
    const second = look({ ...{ at: morning(1) }, histories: [], before: undefined });
    const still = look({
      at: morning(1),
      histories: [daily("ConntrackUtilization", (day) => 33 + 3 * day, morning(1))],
      before: filling(0),
    });
    const gone = on({ ...second, gone: filling(0).findings }, 7);
    const { body } = mailOf([still, gone], { at: morning(1) });
    expect(body).toContain(
      "New          nothing\n  Still there  1 finding on 1 NAT instance\n  Gone         1 finding",
    );
    expect(body).toContain("(still there, since 2026-11-21)");
    expect(flat(body)).toContain(
      "GONE SINCE THE LOOK BEFORE - i-00000000000000007: The connection tracking table will be full, since 2026-11-21",
    );
  });

  test("begins with what fails now, then goes by the day", () => {
    const full = on(look({ evidence: seen(captured("conntrack-table-full")) }), 3);
    const { body } = mailOf([filling(0), full, on(filling(0, 45), 4)]);
    const positions = [
      "FAILS NOW",
      "i-00000000000000003: connections fail now",
      "WILL FAIL, THE NEAREST FIRST",
      "i-00000000000000004: about 2026-11-26, in 5 days",
      `${id}: about 2026-12-01`,
      "WORTH PUTTING RIGHT",
    ].map((text) => body.indexOf(`  ${text}`.trimStart()));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions).not.toContain(-1);
  });

  test("names account and Region of what is elsewhere", () => {
    const place = { account: "222222222222", region: "us-east-1" };
    const incident = { ...incidentOf(morning()), place };
    const there = look({ incident, histories: [daily("ConntrackUtilization", (day) => 30 + 3 * day)] });
    expect(mailOf([there]).body).toContain(`${id} (222222222222 us-east-1): about 2026-12-01`);
    const cause = look({ incident, evidence: seen(captured("conntrack-table-full")) });
    expect(mailOf([cause]).body).toContain(
      `        nat-medic diagnose --instance ${id} --place 222222222222/us-east-1 --mode approve\n`,
    );
    const command = `nat-medic diagnose --instance ${id} --place 222222222222/us-east-1`;
    const { chat } = preventionNotice(runOf([there]));
    expect(chat.content.nextSteps[0]).toContain(`\`${command}\``);
  });

  test("says of a quiet week that it has looked", () => {
    const { subject, body } = mailOf([look({}), on(look({}), 2)], { lastToldAt: morning(-7) });
    expect(subject).toBe("NAT Medic looks ahead: nothing found on 2 NAT instances");
    expect(body).toContain("To do        Nothing.");
  });

  test("says what was not looked at, and what could not be judged there", () => {
    const blind = look({ histories: [] });
    const failed = { instanceId: "i-00000000000000008", place: null, state: "CollectEvidence" };
    const { body } = mailOf([blind], {
      counts: { done: 1, failed: 2, skipped: 1 },
      failures: [{ ...failed, error: "AccessDeniedException", cause: "see https://evil.example" }],
      skipped: [{ instanceId: "i-00000000000000009", place: null, why: "it is stopped" }],
    });
    expect(flat(body)).toContain(
      "NOT LOOKED AT i-00000000000000008: CollectEvidence, AccessDeniedException see https evil(.)example and 1 more i-00000000000000009: it is stopped",
    );
    expect(flat(body)).toContain(
      "Not read 2 NAT instances: the look itself failed there, so nothing is known of them",
    );
    expect(flat(body)).toContain("- CloudWatch could not be asked: on 1 NAT instance");
    expect(mailOf([], { counts: { done: 0, failed: 3, skipped: 0 } }).subject).toBe(
      "NAT Medic could not look ahead",
    );
    expect(mailOf([]).subject).toBe("NAT Medic looks ahead and found no instance to look at");
  });

  test("stays readable for a fleet of thousands with everything wrong", () => {
    const worst = look({ evidence: seen(captured("conntrack-settings-not-persistent")) });
    const full = look({ evidence: seen(captured("conntrack-table-full")) });
    const fills = filling(0);
    const reviews = Array.from({ length: 3_000 }, (_, n) => [
      on(worst, 3 * n),
      on(full, 3 * n + 1),
      on(fills, 3 * n + 2),
    ]).flat();
    const { people, chat } = preventionNotice(runOf(reviews));
    expect(people.subject).toMatch(/^NAT Medic looks ahead: 9,000 of 9,000 NAT instances need attention/);
    // A quarter of what SNS takes, and two pages for people.
    expect(people.body.length).toBeLessThan(15_000);
    expect(people.body).toContain("and 2,987 more");
    expect(JSON.stringify(chat).length).toBeLessThan(8_000);
  });

  test("shows nothing of what hosts and AWS said as a link, a mention or markup", () => {
    const fills = filling(0);
    const [finding] = fills.findings;
    if (finding === undefined) throw new Error("no finding");
    fc.assert(
      fc.property(foreign, foreign, foreign, (title, observed, missing) => {
        const hostile: Finding = {
          ...finding,
          title,
          evidence: [{ signal: title, observed, expected: missing }],
          advice: { action: observed, commands: [], where: "" },
        };
        const review: Review = {
          ...fills,
          findings: [hostile],
          gone: [hostile],
          unjudged: [{ key: "a", missing }],
        };
        const { people, chat } = preventionNotice(runOf([review], { runId: title.slice(0, 100) || "x" }));
        expect(linked(people.body)).toEqual([]);
        expect(people.subject).toMatch(/^[ -~]{1,100}$/);
        const { content } = ChatMessage.parse(JSON.parse(JSON.stringify(chat)));
        for (const line of [content.title, ...content.description.split("\n"), ...content.nextSteps]) {
          expect(mentionOrMarkup(line)).toEqual([]);
          expect(linked(line.replace(/`[^`]*`/g, "x"))).toEqual([]);
        }
      }),
    );
  });

  test("gives the chat whole commands, each to be copied", () => {
    const { chat } = preventionNotice(runOf([look({ evidence: seen(captured("conntrack-table-full")) })]));
    expect(chat.content.nextSteps[0]).toBe(
      `\`${id}\`: \`nat-medic diagnose --instance ${id} --mode approve\``,
    );
  });
});
