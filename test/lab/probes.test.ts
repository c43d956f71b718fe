/** The tests that send traffic and capture packets, on a real kernel: what they tell, and that nothing is left of them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FragmentCapture, TimestampProbe } from "../../core/evidence/probe.ts";
import { spliceScript } from "../../host/documents.ts";
import { bootGuest, type Guest, GuestTimeout } from "../../local/qemu/guest.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { resetLab } from "../../local/qemu/topology.ts";
import { stageOn } from "../../local/qemu-stage.ts";
import { readScenario } from "../../local/scenario.ts";

const missing = whyNoLab();

describe.skipIf(missing !== undefined)("active tests on a real kernel", () => {
  let guest: Guest;
  beforeAll(async () => {
    guest = await bootGuest({ memoryMiB: 1024 });
  });
  afterAll(async () => {
    await guest?.stop();
  });

  const stage = async (id: string) => {
    await resetLab(guest);
    await stageOn(guest, readScenario(id), () => {}, undefined, { measured: false });
  };
  /** All that a test could leave behind, or change for the host itself; but not the lock that every change shares. */
  const traces = () =>
    guest.must(
      "ip netns list | sort; ip -o link | cut -d: -f2 | sort; iptables-save | grep -v '^[#:]'; nft list tables; " +
        "cat /proc/sys/net/ipv4/tcp_timestamps; ls /run | grep nat-medic | grep -v '[.]lock$' || true; pgrep -fl 'tcpdump|nat-medic-probe' || true",
    );
  const probe = { environment: { SSM_Address: "10.61.0.10", SSM_Port: "8080" } };

  test("with and without timestamps: tells the difference, and is gone afterwards", async () => {
    await stage("remote-rejects-timestamps");
    const before = await traces();
    const { stdout } = await guest.run(spliceScript("host/probe-timestamps.sh"), {
      ...probe,
      timeoutSeconds: 90,
    });
    const { status, withTimestamps, withoutTimestamps } = TimestampProbe.parse(JSON.parse(stdout));
    expect(status).toBe("done");
    expect(withoutTimestamps).toEqual({ attempted: 20, succeeded: 20 });
    expect(withTimestamps.attempted).toBe(20);
    expect(withTimestamps.succeeded).toBeLessThan(17);
    await expect.poll(traces, { timeout: 15_000 }).toBe(before);
  });

  test("killed in the middle, as the agent kills, it leaves nothing behind", async () => {
    const before = await traces();
    const killed = guest.run(spliceScript("host/probe-timestamps.sh"), { ...probe, timeoutSeconds: 4 });
    await expect(killed).rejects.toThrow(GuestTimeout);
    await expect.poll(traces, { timeout: 20_000 }).toBe(before);
  });

  test("fragments on the wire are counted by their senders, and nothing keeps listening", async () => {
    await stage("fragments-dropped");
    const before = await traces();
    const { stdout } = await guest.run(spliceScript("host/capture-fragments.sh"), {
      environment: { SSM_Interface: "wan0", SSM_Seconds: "5" },
    });
    const { status, fragments, tcp, senders } = FragmentCapture.parse(JSON.parse(stdout));
    expect(status).toBe("done");
    expect(fragments).toBeGreaterThan(10);
    expect(tcp).toBe(0);
    expect(senders[0]?.[0]).toMatch(/^10\.61\.0\./);
    expect(await traces()).toBe(before);
  });
});
