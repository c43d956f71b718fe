import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Decided } from "../../core/decision.ts";
import type { IncidentRecord } from "../../core/incident-record.ts";
import { type ApprovalView, approvalPage } from "../../core/page/approval-page.ts";
import { chart } from "../../core/page/chart.ts";
import { plainPage } from "../../core/page/document.ts";
import { html, textOf } from "../../core/page/html.ts";
import { pageState } from "../../core/page/state.ts";
import { style } from "../../core/page/style.ts";
import { cloudOf } from "./captured.ts";
import { askedIncident, fixedIncident } from "./recorded-incident.ts";

const now = "2026-11-20T03:15:30.000Z";
const approve: Decided = { decision: "approve", by: "Ana", note: "go ahead", at: "2026-11-20T03:14:00.000Z" };
const decided = (decision: Decided["decision"]): Decided => ({ ...approve, decision });

function show(record: IncidentRecord, change: Partial<ApprovalView> = {}): string {
  return approvalPage({ record, request: record.requests[0]!, now, key: "k", said: null, ...change });
}
/** What a reader sees, without the markup. */
const wordsOf = (page: string) =>
  page
    .slice(page.indexOf("<body>"))
    .replace(/<[^>]*>/g, " ")
    .replace(/&#39;/g, "'")
    .replace(/&gt;/g, ">")
    .replace(/\s+/g, " ");

describe("the question", () => {
  const record = askedIncident();
  const page = show(record);
  const words = wordsOf(page);

  test("says what fails, where, since when, in which mode and why", () => {
    const [leading] = record.findings!.diagnosis.causes;
    for (const said of [
      leading!.title,
      leading!.symptom,
      "i-0a1b2c3d4e5f67890",
      "2026-11-20 03:12 UTC 3 min ago",
      "alarm nat-a-conntrack-utilization",
      "approve the stack's mode",
    ]) {
      expect(words).toContain(said);
    }
  });

  test("shows the evidence of every cause that was found", () => {
    for (const { evidence } of record.findings!.diagnosis.causes) {
      for (const { signal, observed, expected } of evidence)
        expect(words).toContain(`${signal} ${observed} ${expected}`);
    }
  });

  test("tells of every change in question all that the plan knows of it, and the way back", () => {
    const asked = record.findings!.plan.steps.filter(({ decision }) => decision === "ask");
    expect(asked).toHaveLength(2);
    for (const step of asked) {
      const { action, precondition, effect, blastRadius, verifiedBy, undoing, risk } = step;
      for (const said of [action, precondition, effect, blastRadius, verifiedBy, undoing, `${risk} risk`]) {
        expect(words).toContain(said);
      }
      for (const line of [...step.commands, ...step.undo]) expect(words).toContain(line);
      for (const { setting, before, after } of step.settings) {
        expect(words).toMatch(new RegExp(`${setting} - before: ${before} .*\\+ after: ${after}`));
      }
    }
  });

  test("names what is not part of it, and that approving does not bring it about", () => {
    expect(words).toMatch(
      /Not part of the question Find out what 10\.60\.0\.11 does .* also not when you approve/,
    );
  });

  test("says until when it is open and what happens without an answer", () => {
    expect(words).toContain(
      "Open until 2026-11-20 07:13:01 UTC , in 3 h 58 min. Without an answer nothing is changed",
    );
  });

  test("has one form, which sends the key and takes no answer by Enter in a field", () => {
    expect(page.match(/<form/g)).toHaveLength(1);
    expect(page).toContain('<form method="post">\n<button disabled hidden>');
    expect(page).toContain('<input type="hidden" name="key" value="k">');
  });
});

describe("once settled, the page has no form and says what became of the question", () => {
  const asked = askedIncident();
  const request = asked.requests[0]!;
  const other = { ...request, secretHash: "1".repeat(64) };
  const withRequest = (change: Partial<typeof request>): IncidentRecord => ({
    ...asked,
    requests: [{ ...request, ...change }],
  });
  const closed = fixedIncident();
  const unanswered = closed.steps.map((step) => ({ ...step, answer: decided("nobody"), applied: null }));
  test.each<[string, IncidentRecord, string, RegExp]>([
    [
      "approved",
      askedIncident(approve),
      now,
      /Approved By Ana At 2026-11-20 03:14:00 UTC , 90 s ago Note go ahead/,
    ],
    ["rejected", askedIncident(decided("reject")), now, /Rejected By Ana/],
    ["lapsed", asked, "2026-11-20T07:13:01.000Z", /Nobody answered in time It was open until/],
    ["lapsed", askedIncident(decided("nobody")), now, /Nobody answered in time/],
    ["withdrawn", askedIncident(decided("withdrawn")), now, /Withdrawn: the alarm cleared/],
    ["replaced", { ...asked, requests: [request, other] }, now, /newest message/],
    ["over", { ...asked, closing: closed.closing }, now, /Closed before anybody decided/],
    ["late", { ...closed, steps: unanswered }, now, /had gone on without it/],
    ["approved", closed, "2026-11-20T03:40:00.000Z", /Fixed and verified .*How it ended stands on this page/],
  ])("%s", (state, record, at, words) => {
    expect(pageState(record, record.requests[0]!, at)).toBe(state);
    const page = show(record, { now: at });
    expect(page).not.toContain("<form");
    expect(page).not.toContain('value="k"');
    expect(wordsOf(page)).toMatch(words);
  });

  test("a question that stands is not replaced by a later one that was never put to anybody", () => {
    const record = { ...asked, requests: [request, { ...other, decided: decided("withdrawn") }] };
    expect(pageState(record, request, now)).toBe("waiting");
    expect(pageState({ ...record, requests: record.requests.toReversed() }, record.requests[1]!, now)).toBe(
      "replaced",
    );
  });

  test("whoever answers after somebody else is told that it changed nothing", () => {
    const record = withRequest({ decided: approve });
    expect(wordsOf(show(record, { said: "reject" }))).toContain("changed nothing");
    expect(wordsOf(show(record, { said: "approve" }))).not.toContain("changed nothing");
  });

  test("while it is worked on, each change says how far it is", () => {
    const record = {
      ...askedIncident(approve),
      actions: [{ ...closed.actions[0]!, endedAt: null, result: null }],
    };
    expect(wordsOf(show(record))).toContain("low risk being applied");
    expect(wordsOf(show(closed)).match(/in force, verified/g)).toHaveLength(2);
  });
});

test("without findings, without values and without an alarm the page still stands", () => {
  const record = askedIncident();
  const byHand = { kind: "manual", at: now, complaint: false } as const;
  const bare = { ...record, findings: null, incident: { ...record.incident, trigger: byHand }, triggers: [] };
  expect(wordsOf(show(bare))).toContain("No diagnosis is on record");
  const metric = { name: "NatMedic/ConntrackUtilization", points: [] };
  record.findings!.evidence.cloud = cloudOf({ metric });
  expect(wordsOf(show(record))).toContain("CloudWatch has no values of NatMedic/ConntrackUtilization");
});

describe("the chart", () => {
  const alarm = Date.parse("2026-11-20T03:12:44Z") / 1000;
  const points = [40, 41, 42, 90, 100].map((value, index) => ({ at: alarm - 300 + index * 60, value }));

  test("says in words what it shows", () => {
    const drawn = textOf(chart({ name: "NatMedic/ConntrackUtilization", points }, alarm)).replaceAll(
      "\u00a0",
      " ",
    );
    const words =
      "From 03:07 to 03:11 UTC: lowest 40 %, highest 100 %, last 100 %. The dashed line marks the alarm at 03:12 UTC.";
    expect(drawn.split(words)).toHaveLength(3);
    expect(drawn).toMatch(/<title id="chart-title">.*<desc id="chart-words">/s);
  });

  test("breaks its line where values are missing", () => {
    const gap = points.map((point, index) => (index < 3 ? point : { ...point, at: point.at + 1_800 }));
    expect(textOf(chart({ name: "m", points: gap }, null)).match(/class="line"/g)).toHaveLength(2);
  });

  test("stays inside its frame, whatever the values and times", () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: -1e-8, max: 1e-8, noNaN: true }),
      fc.integer(),
    );
    const at = fc.oneof(fc.integer({ min: alarm - 10_800, max: alarm }), fc.maxSafeInteger());
    const series = fc.array(fc.record({ at, value }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(series, fc.option(at), (unordered, alarmAt) => {
        const drawn = textOf(
          chart({ name: "m", points: unordered.toSorted((a, b) => a.at - b.at) }, alarmAt),
        );
        expect(drawn).not.toMatch(/NaN|Infinity/);
        for (const [, axis, number] of drawn.matchAll(/ c?([xy])[12]?="([^"]*)"/g)) {
          expect(Number(number)).toBeGreaterThanOrEqual(0);
          expect(Number(number)).toBeLessThanOrEqual(axis === "x" ? 640 : 250);
        }
      }),
    );
  });
});

describe("what is put into a page", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({
      unit: fc.constantFrom("<", ">", '"', "'", "&", "/", "=", "a", "`", "\u202e", "\u0000", "\ud800"),
    }),
    fc.constantFrom(
      "<script>alert(1)</script>",
      '"><img src=x onerror=alert(1)>',
      "' onfocus='alert(1)",
      "</title><link rel=stylesheet href=//evil.example>",
      "</textarea></style></svg><base href=//evil.example>",
      "&lt;script&gt;",
    ),
  );
  const safe = /^(?:[^<>"'&\p{Cc}\u202a-\u202e\u2066-\u2069]|[\n\t]|&(?:amp|lt|gt|quot|#39);)*$/u;

  test("is escaped, in text and in attributes", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const [, attribute, inside] = /^<b title="(.*)">(.*)<\/b>$/s.exec(
          textOf(html`<b title="${text}">${text}</b>`),
        )!;
        expect(attribute).toMatch(safe);
        expect(inside).toBe(attribute);
      }),
    );
  });

  test("passes unchanged only when the template itself made it", () => {
    expect(textOf(html`<p>${html`<b>${1}</b>`}${[html`<i>a</i>`, html`<i>b</i>`]}</p>`)).toBe(
      "<p><b>1</b><i>a</i><i>b</i></p>",
    );
    const forged = JSON.parse('{"markup":"<b>","Symbol(markup)":"<b>","map":null}');
    expect(() => textOf(html`${forged}`)).toThrow(TypeError);
    expect(() => html`<p title=${"a b"}>`).toThrow("quotes");
  });

  /** Every text of an incident that is not one of a few words of ours. */
  const ours = new Set(
    "id fix fixes mode kind status decision due risk severity causes document schema outcome action verdict secretHash reader owner at openedAt begunAt endedAt expiresAt askedAt joinedAt clearedAt".split(
      " ",
    ),
  );
  function spoiled(value: unknown, text: string, key = ""): unknown {
    if (typeof value === "string") return ours.has(key) ? value : `QZ${text}ZQ`;
    if (Array.isArray(value))
      return value.map((item) => spoiled(item, text, typeof item === "string" ? key : ""));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => [name, spoiled(field, text, name)]),
    );
  }

  test("comes out inert from every field of an incident", () => {
    const records = [askedIncident(), askedIncident(approve), fixedIncident()];
    for (const { findings } of records) {
      findings!.evidence.cloud = cloudOf({
        instance: { type: "t", state: "s", sourceDestCheck: null },
        metric: { name: "m", points: [{ at: 1_763_608_000, value: 1 }] },
      });
    }
    fc.assert(
      fc.property(hostile, fc.constantFrom(...records), (text, record) => {
        const page = show(spoiled(record, text) as IncidentRecord, { key: `QZ${text}ZQ` });
        const places = [...page.matchAll(/[qQ]Z(.*?)ZQ/gs)];
        expect(places.length).toBeGreaterThan(60);
        for (const [, place] of places) expect(place).toMatch(safe);
        // All markup is ours: the same as with harmless texts.
        expect(page.replace(/[qQ]Z.*?ZQ/gs, "")).toBe(
          show(spoiled(record, "") as IncidentRecord, { key: "QZZQ" }).replace(/[qQ]Z.*?ZQ/gs, ""),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("times that are none are shown as they are", () => {
    const record = askedIncident(approve);
    record.incident.trigger.at = "<b>once</b>";
    expect(show(record)).toContain("&lt;b&gt;once&lt;/b&gt;");
  });
});

describe("every page", () => {
  const pages = [show(askedIncident()), show(fixedIncident()), plainPage("Title", ["Words."])];

  test.each(pages)(
    "keeps to what its policy allows: no script, no inline style, nothing from elsewhere",
    (page) => {
      expect(page).not.toMatch(
        /<script|<link|<img|<iframe|<object|<base| on\w+=| style=|url\(|@import|https?:/i,
      );
      expect(page.split(`<style>${style}</style>`)).toHaveLength(2);
    },
  );

  test.each(pages)(
    "is sound for a screen reader: language, one main heading, no level skipped, ids that are there",
    (page) => {
      expect(page).toMatch(/<html lang="en">.*<main/s);
      const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
      expect(levels.filter((level) => level === 1)).toHaveLength(1);
      // The decision stands before the rest once it is made.
      levels.reduce((before, level) => {
        expect(level).toBeLessThanOrEqual(before + 1);
        return level;
      }, 0);
      const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const [, to] of page.matchAll(/(?:href="#|for="|aria-labelledby="|aria-describedby=")([^"]*)"/g)) {
        expect(ids).toContain(to);
      }
    },
  );
});

describe("colours", () => {
  const [light, dark] = [...style.matchAll(/:root \{([^}]*)\}/g)].map(([, rules = ""]) =>
    Object.fromEntries(
      [...rules.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, hex]) => [name, hex]),
    ),
  );
  const luminance = (hex: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (a: string, b: string) => {
    const [darker = 0, lighter = 0] = [luminance(a), luminance(b)].sort((one, two) => one - two);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const pairs = [
    ["ink", "ground"],
    ["ink", "card"],
    ["ink", "code"],
    ["ink", "warn-soft"],
    ["ink", "bad-soft"],
    ["soft", "ground"],
    ["soft", "card"],
    ["soft", "code"],
    ["accent", "card"],
    ["accent", "accent-soft"],
    ["accent-ink", "accent"],
    ["good", "good-soft"],
    ["bad", "bad-soft"],
    ["bad", "card"],
    ["warn", "warn-soft"],
  ] as const;

  test.each([
    ["light", light],
    ["dark", dark],
  ])("in %s mode have the contrast of WCAG AA, 4.5 to 1", (_, theme) => {
    for (const [text, ground] of pairs) {
      expect(contrast(theme![text]!, theme![ground]!), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
