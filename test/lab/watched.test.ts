/**
 * The whole way on a real kernel: a guest that our own document enrols publishes its metrics, real connections fill its
 * table, the template's own alarm goes off, its rule starts the state machine, and that fixes the host. No hand in between.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrolGuest, forwardMetrics, startAgent } from "../../local/guest-metrics.ts";
import { bootGuest, type Guest } from "../../local/qemu/guest.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { qemuHost } from "../../local/qemu/qemu-host.ts";
import { probe, startServer } from "../../local/qemu/topology.ts";
import { stageOn } from "../../local/qemu-stage.ts";
import { readScenario } from "../../local/scenario.ts";
import { type LocalStack, region, startLocalStack } from "../../local/stack.ts";
import { realClock } from "../../local/states/clock.ts";
import { natA } from "../../local/world.ts";

describe.skipIf(whyNoLab() !== undefined)("on a real kernel", () => {
  let guest: Guest;
  let stack: LocalStack | undefined;
  const ending = new AbortController();
  beforeAll(async () => {
    guest = await bootGuest({ memoryMiB: 1024, init: "systemd" });
  });
  afterAll(async () => {
    ending.abort();
    await stack?.stop();
    await guest?.stop();
  });

  /** By how much the guest's clock and AWS's are ahead of this machine's. */
  let aheadMs = 0;
  const clock = {
    now: () => Date.now() + aheadMs,
    sleep: realClock.sleep,
    working: <T>(work: Promise<T>) => work,
  };
  /** Time has to pass as it does for the guest, but nobody needs to wait for the right second of a minute. */
  const skipToSecond = async (second: number) => {
    aheadMs += (((second * 1000 - clock.now()) % 60_000) + 60_000) % 60_000;
    await guest.must(`date -u -s @${Math.round(clock.now() / 1000)} >/dev/null`);
  };

  /** What the guest publishes, on its way to CloudWatch, until the test ends. */
  const forward = async (url: string) => {
    while (!ending.signal.aborted) {
      await forwardMetrics(guest, url);
      await pause(4000, undefined, { signal: ending.signal });
    }
  };

  test("an enrolled guest whose table fills up is found by the fleet's alarm, and fixed", async () => {
    await startServer(guest);
    await startAgent(guest);
    stack = await startLocalStack({
      instances: { [natA]: { host: qemuHost(guest), type: "t3.micro" } },
      mode: "apply",
      approvalSeconds: 1,
      clock,
      watch: true,
    });
    const enrolment = await enrolGuest(guest, { instanceId: natA, region }, { Period: "10" });
    expect(enrolment).toMatchObject({ action: "enrol", status: "changed", transport: "agent" });
    const forwarding = forward(stack.url);
    // It fails in whoever waits for it, below.
    forwarding.catch(() => {});

    // The alarm needs two bad minutes. Ten seconds of filling, and half a minute until the applications that keep trying
    // have filled the rest, after which the kernel refuses the publisher's packets too: that is around this one's end.
    await skipToSecond(30);
    const scenario = readScenario("conntrack-table-full");
    await stageOn(guest, scenario, () => {}, "nearly-full", { measured: false });

    const outcomes = async () =>
      (await Promise.race([stack?.incidents(), forwarding]))?.map(({ closing }) => closing?.outcome);
    await expect.poll(outcomes, { timeout: 200_000, interval: 500 }).toEqual(["fixed"]);
    const [incident] = await stack.incidents();
    expect(incident).toMatchObject({
      incident: {
        instanceId: natA,
        trigger: { kind: "alarm", alarmName: expect.stringMatching(/^nat-medic-fleet-/) },
      },
      findings: { diagnosis: { causes: [{ id: scenario.expect.leading }, {}, {}] } },
    });
    expect(incident?.steps[0]).toMatchObject({
      step: { fix: "raise-conntrack-max" },
      verification: { verdict: "better" },
    });
    const max = Number(await guest.must("cat /proc/sys/net/netfilter/nf_conntrack_max"));
    expect(max).toBeGreaterThan(8192);
    expect(await probe(guest)).toEqual({ attempted: 100, succeeded: 100 });
  });
});
