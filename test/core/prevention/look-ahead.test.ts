import { describe, expect, test } from "vitest";
import { likely } from "../../../core/cause.ts";
import { diagnose } from "../../../core/diagnosis.ts";
import type { Evidence } from "../../../core/evidence.ts";
import { Review } from "../../../core/prevention/finding.ts";
import { scenarioIds } from "../../../local/scenario.ts";
import { byHand, captured, cloudOf, evidenceOf, withTable } from "../captured.ts";
import { daily, id, large, look, morning, seen, watched } from "./looks.ts";

/** Of an unreachable host there is no reading. */
const captures = scenarioIds.filter((name) => name !== "host-unreachable");
const keysOf = (review: Review) => review.findings.map(({ key }) => key);
const unread: Evidence = {
  ...evidenceOf(captured("healthy")),
  cloud: watched,
  host: { status: "unread", reason: "refused", detail: "access was denied" },
};

describe("what is looked for", () => {
  test("a healthy instance of which enough is known: nothing at all", () => {
    expect(look({})).toMatchObject({ instanceId: id, findings: [], gone: [], pending: [] });
  });

  test("a table that fills: by when, and the fix for it made ready before its time", () => {
    const { findings } = look({ histories: [daily("ConntrackUtilization", (day) => 30 + 3 * day)] });
    expect(findings).toEqual([
      expect.objectContaining({
        key: "headroom-shrinking/table",
        id: "headroom-shrinking",
        title: "The connection tracking table will be full",
        due: { when: "on-a-day", day: "2026-12-01", days: 10 },
        evidence: [
          {
            signal: "ConntrackUtilization, highest of each day",
            observed: "72.0 % by now, 3.0 % more each day (of 14 days)",
            expected: "below 100 %",
          },
        ],
        advice: {
          action: "Raise the connection tracking table from 65,536 to 262,144 entries",
          commands: [
            "echo 262144 > /sys/module/nf_conntrack/parameters/hashsize",
            "sysctl -w net.netfilter.nf_conntrack_max=262144",
          ],
          where: "as root on the instance",
        },
      }),
    ]);
  });

  test("tracked connections of EC2 that run out", () => {
    const histories = [
      daily("ConntrackUtilization", () => 12),
      daily("EnaConntrackHeadroom", (day) => 60_000 - 3_000 * day),
    ];
    expect(look({ histories }).findings).toMatchObject([
      {
        key: "headroom-shrinking/tracked-flows",
        due: { days: 6 },
        evidence: [{ observed: "18,000 connections by now, 3,000 connections less each day (of 14 days)" }],
      },
    ]);
  });

  test("ports towards the busiest destination, from our own looks, since CloudWatch has no metric of them", () => {
    const host = { ...large(), table: captured("snat-ports-exhausted").table };
    const evidence = seen({ ...host, table: host.table && { ...host.table, destinations: [] } });
    let before: Review | undefined;
    for (let day = 0; day < 14; day += 1) {
      before = look({ evidence: withPorts(evidence, 6_000 + 3_000 * day), at: morning(day), before });
    }
    expect(before?.portUse).toHaveLength(14);
    expect(before?.findings).toMatchObject([
      { key: "headroom-shrinking/ports", due: { when: "on-a-day", days: 5 } },
    ]);
  });

  test("a small machine at the kernel's own table size", () => {
    const { findings } = look({ evidence: seen(captured("healthy")) });
    expect(findings).toMatchObject([
      {
        id: "default-table-on-a-small-instance",
        due: { when: "some-day" },
        evidence: [{ observed: "8,192, the kernel's default for 972 MiB of memory" }],
        advice: { action: "Raise the connection tracking table from 8,192 to 65,536 entries" },
      },
    ]);
    const raised = withTable(captured("healthy"), { max: 65_536, buckets: 65_536 });
    expect(keysOf(look({ evidence: seen(raised) }))).not.toContain("default-table-on-a-small-instance");
  });

  test("a small machine without the memory for more: a larger one", () => {
    const host = { ...captured("healthy"), memory: { totalKiB: 400_000, availableKiB: 4_000 } };
    const { findings } = look({
      evidence: seen(withTable(host, { count: 500, max: 3_584, buckets: 3_584 })),
    });
    expect(findings.map(({ advice }) => advice.action)).toContain(
      "Use a larger instance: the free memory of this one has no room for a larger table",
    );
  });

  test("an instance that publishes nothing: one finding, and not the cause that says the same", () => {
    const silent = cloudOf({
      metrics: { "NatMedic/ConntrackUtilization": { name: "NatMedic/ConntrackUtilization", points: [] } },
      utilizationAlarms: [],
    });
    const evidence = seen(large(), silent);
    expect(diagnose(evidence, byHand).causes.map((cause) => cause.id)).toContain("conntrack-unmonitored");
    expect(keysOf(look({ evidence, histories: [] }))).toEqual(["not-watched"]);
    const young = seen({ ...large(), uptime: 600 }, silent);
    expect(keysOf(look({ evidence: young, histories: [] }))).not.toContain("not-watched");
  });

  test("a host that could not be read is one finding, not one for each thing unknown", () => {
    const review = look({ evidence: unread });
    expect(keysOf(review)).toEqual(["unreadable"]);
    expect(review.unjudged).toEqual([]);
  });

  test("a host that is down is what AWS says of it", () => {
    const evidence: Evidence = {
      ...unread,
      host: { status: "unread", reason: "unreachable", detail: "nobody took the command" },
      cloud: {
        ...watched,
        instance: {
          ...cloudOf({ instance: { type: "t3.micro", state: "stopped", sourceDestCheck: false } }).instance!,
        },
      },
    };
    expect(look({ evidence }).findings).toMatchObject([
      { key: "host-unreachable", due: { when: "now" }, title: "The NAT instance is stopped" },
    ]);
  });

  test("what CloudWatch could not be asked is not called steady", () => {
    expect(look({ histories: [] }).unjudged).toContainEqual({
      key: "headroom-shrinking/table",
      missing: "CloudWatch could not be asked",
    });
    expect(look({ evidence: seen(large(), cloudOf({})) }).unjudged.map(({ key }) => key)).toContain(
      "not-watched",
    );
  });
});

describe("causes that hold now", () => {
  test("what fails now leads, and its own forecast is not told beside it", () => {
    const evidence = seen(captured("conntrack-table-full"));
    const review = look({ evidence, histories: [daily("ConntrackUtilization", (day) => 40 + 4 * day)] });
    expect(review.findings[0]).toMatchObject({
      key: "conntrack-table-full",
      due: { when: "now" },
      advice: { commands: [`nat-medic diagnose --instance ${id} --mode approve`] },
    });
    expect(keysOf(review)).not.toContain("headroom-shrinking/table");
    expect(keysOf(review)).not.toContain("default-table-on-a-small-instance");
  });

  test("settings that a boot forgets are due at the next boot", () => {
    const { findings } = look({ evidence: seen(captured("conntrack-settings-not-persistent")) });
    expect(findings).toContainEqual(
      expect.objectContaining({
        key: "conntrack-settings-not-persistent",
        due: { when: "at-the-next-boot" },
      }),
    );
  });

  test.each(captures)("%s: each likely cause once, with something to do, and fit to be kept", (name) => {
    const evidence = { ...evidenceOf(captured(name)), cloud: watched };
    const { causes } = diagnose(evidence, byHand);
    const review = look({ evidence });
    const expected = causes.filter(({ confidence }) => confidence >= likely).map((cause) => cause.id);
    const found = review.findings.filter(({ id }) => (expected as string[]).includes(id));
    expect(found.map(({ id }) => id).sort()).toEqual(expected.sort());
    for (const { advice } of review.findings) expect(advice.action).not.toBe("");
    expect(Review.parse(JSON.parse(JSON.stringify(review)))).toEqual(review);
    // DynamoDB takes 400 KB for one item, and thousands of these are read at once.
    expect(JSON.stringify(review).length).toBeLessThan(12_000);
  });
});

describe("from look to look", () => {
  const filling = (day: number) => [
    daily("ConntrackUtilization", (each) => 20 + 3 * (each + day), morning(day)),
  ];
  const first = look({ histories: filling(0) });

  test("what is still there keeps the day on which it was found", () => {
    const second = look({ at: morning(1), histories: filling(1), before: first });
    expect(second.findings).toMatchObject([{ key: "headroom-shrinking/table", since: morning(0) }]);
    expect(second.gone).toEqual([]);
  });

  test("what is no longer there is gone, once", () => {
    const second = look({ at: morning(1), before: first });
    expect(second).toMatchObject({ findings: [], gone: [{ key: "headroom-shrinking/table" }], pending: [] });
    expect(look({ at: morning(2), before: second }).gone).toEqual([]);
  });

  test("what could not be judged is neither here nor gone, and is not new when it can be again", () => {
    const second = look({ at: morning(1), histories: [], before: first });
    expect(second).toMatchObject({ findings: [], gone: [], pending: [{ key: "headroom-shrinking/table" }] });
    const third = look({ at: morning(2), histories: filling(2), before: second });
    expect(third.findings).toMatchObject([{ since: morning(0) }]);
  });

  test("an unread host forgets nothing", () => {
    const small = look({ evidence: seen(captured("conntrack-settings-not-persistent")) });
    const second = look({ at: morning(1), evidence: unread, before: small });
    expect(second.gone).toEqual([]);
    expect(second.pending.map(({ key }) => key).sort()).toEqual(keysOf(small).sort());
  });

  test("a forecast that has come true is not told as gone", () => {
    const full = look({
      at: morning(1),
      evidence: seen(captured("conntrack-table-full")),
      histories: filling(1),
      before: first,
    });
    expect(full.gone).toEqual([]);
    expect(full.pending).toMatchObject([{ key: "headroom-shrinking/table" }]);
  });
});

/** The table with `entries` connections of one NAT address to one destination. */
function withPorts(evidence: Evidence, entries: number): Evidence {
  if (evidence.host.status === "unread" || evidence.host.evidence.table === null) throw new Error("no table");
  const { table } = evidence.host.evidence;
  const destinations = [
    { protocol: "tcp", natAddress: "10.0.0.9", address: "192.0.2.7", port: 443, entries },
  ];
  const host = { ...evidence.host.evidence, table: { ...table, complete: true, destinations } };
  return { ...evidence, host: { status: "read", evidence: host } };
}
