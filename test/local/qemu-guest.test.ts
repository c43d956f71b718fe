import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bootGuest, type Guest, GuestTimeout } from "../../local/qemu/guest.ts";
import { GuestUnreachable } from "../../local/qemu/guest-agent.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { qemuClient, qemuHost } from "../../local/qemu/qemu-host.ts";
import {
  dialled,
  openConnections,
  probe,
  resetLab,
  startDialling,
  startServer,
} from "../../local/qemu/topology.ts";

const reason = whyNoLab();
if (reason !== undefined) console.warn(`Skipped: ${reason}`);

describe.skipIf(reason !== undefined)("a NAT instance in QEMU", { timeout: 120_000 }, () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await bootGuest();
  }, 300_000);
  afterAll(() => guest?.stop());

  describe("running scripts", () => {
    it("gives the exit code and both outputs", async () => {
      const ran = await guest.run("echo out; echo err >&2; exit 3");
      expect(ran).toMatchObject({ exitCode: 3, stdout: "out\n", stderr: "err\n" });
    });

    it("says a death by signal as a shell does", async () => {
      expect((await guest.run("kill -TERM $$")).exitCode).toBe(128 + 15);
    });

    it("hands over environment and standard input unharmed", async () => {
      const value = `a "b" $c 'd' ü`;
      const ran = await guest.run('printf %s "$SSM_Value"; cat', {
        environment: { SSM_Value: value },
        stdin: "und grüße\n",
      });
      expect(ran.stdout).toBe(`${value}und grüße\n`);
    });

    it("reads megabytes of output", async () => {
      const { stdout } = await guest.run("yes | head -c 3000000");
      expect(stdout.length).toBe(3_000_000);
    });

    it("writes megabytes into a file", async () => {
      await guest.put("/tmp/large", "ü\n".repeat(1_000_000));
      expect(await guest.must("wc -lc < /tmp/large")).toMatch(/1000000 +3000000/);
    });

    it("runs several at once", async () => {
      const ran = await Promise.all([1, 2, 3].map((n) => guest.run(`sleep 1; echo ${n}`)));
      expect(ran.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"]);
    });

    it("kills the whole process group at the timeout, and traps do not run", async () => {
      const script = "trap 'touch /tmp/trapped' EXIT TERM; sleep 4001 & sleep 4002";
      await expect(guest.run(script, { timeoutSeconds: 1 })).rejects.toThrow(GuestTimeout);
      const left = "pgrep -f 'sleep 400[12]' || ls /tmp/trapped 2>/dev/null || echo nothing";
      await expect.poll(() => guest.must(left)).toBe("nothing\n");
    });

    it("answers Run Command with what the script said, or that it ran out of time", async () => {
      const host = qemuHost(guest);
      const command = { document: "NatMedic-Test", parameters: {}, environment: {}, timeoutSeconds: 1 };
      expect(await host.run({ ...command, script: "echo $0; exit 7" })).toMatchObject({
        kind: "exited",
        exitCode: 7,
      });
      expect(await host.run({ ...command, script: "sleep 30" })).toEqual({ kind: "timed-out" });
    });

    it("answers for a client out of the client's own network", async () => {
      const client = qemuClient(guest, "client2");
      const command = { document: "NatMedic-Test", parameters: {}, timeoutSeconds: 10 };
      const environment = { SSM_Value: `it's "quoted" $HOME` };
      const script = 'ip -4 -o address show dev eth0; echo "$SSM_Value"; env | grep -c LAB_; exit 3';
      expect(await client.run({ ...command, environment, script })).toMatchObject({
        kind: "exited",
        exitCode: 3,
        stdout: expect.stringMatching(/inet 10\.60\.0\.12\/24 [\s\S]*\nit's "quoted" \$HOME\n0\n$/),
      });
      const late = { ...command, timeoutSeconds: 1, environment, script: "sleep 30" };
      expect(await client.run(late)).toEqual({ kind: "timed-out" });
    });
  });

  describe("the network around it", () => {
    beforeEach(() => resetLab(guest));

    it("has the limits that the kernel gives a machine of 1 GiB", async () => {
      const limits =
        "cat /proc/sys/net/netfilter/nf_conntrack_max /proc/sys/net/netfilter/nf_conntrack_buckets";
      expect(await guest.must(limits)).toBe("8192\n8192\n");
    });

    it("lets every new connection of every client through when nothing is wrong", async () => {
      for (const client of ["client1", "client2", "client3", "client4"] as const) {
        expect(await probe(guest, { client, count: 200 })).toEqual({ attempted: 200, succeeded: 200 });
      }
      const translated = "conntrack -L -s 10.60.0.11 2>/dev/null | grep -c 'dst=10.61.0.1 '";
      expect(Number(await guest.must(translated))).toBe(200);
    });

    it("holds real connections until the table is full, and then refuses new ones", async () => {
      await guest.must("sysctl -q -w net.netfilter.nf_conntrack_max=1000");
      await startDialling(guest, "client3", 10);
      const opened = await openConnections(guest, "client1", 2000);
      expect(opened).toBeGreaterThan(900);
      expect(opened).toBeLessThanOrEqual(1000);
      // What the dialler still holds frees its places within seconds; take those too.
      await expect
        .poll(() => openConnections(guest, "client2", 200).then(() => probe(guest)), {
          timeout: 60_000,
          interval: 3000,
        })
        .toEqual({ attempted: 100, succeeded: 0 });
      expect(await guest.must("dmesg | grep -c 'table full, dropping packet'")).not.toBe("0\n");
      await expect
        .poll(async () => (await dialled(guest, "client3")).at(-1)?.succeeded, { timeout: 20_000 })
        .toBe(0);
    });

    it("goes back to its first state", async () => {
      const limits = "sysctl net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_buckets";
      const files = "find /etc /var/lib -type f | sort | xargs md5sum";
      const before = await guest.must(`${limits}; ${files}`);
      await openConnections(guest, "client1", 500);
      await guest.must(`
        echo 2048 > /sys/module/nf_conntrack/parameters/hashsize
        sysctl -q -w net.netfilter.nf_conntrack_max=777 net.netfilter.nf_conntrack_tcp_timeout_established=7440
        echo 'net.netfilter.nf_conntrack_max = 777' > /etc/sysctl.d/99-test.conf
        mkdir /var/lib/nat-medic && touch /var/lib/nat-medic/state
        : > /etc/sysctl.d/50-nat-instance.conf`);
      await resetLab(guest);
      expect(await guest.must(`${limits}; ${files}`)).toBe(before);
      // New interfaces report their multicast groups (IGMP, protocol 2) when they please: one entry, of nobody's traffic.
      expect(await guest.must("conntrack -L 2>/dev/null | grep -vc '^unknown *2 '; dmesg | wc -l")).toBe(
        "0\n0\n",
      );
      expect(await guest.must("sysctl -n net.netfilter.nf_conntrack_tcp_timeout_established")).toBe(
        "432000\n",
      );
    });

    it("gives held connections a silent past of days", async () => {
      await openConnections(guest, "client1", 400);
      await guest.must("/opt/lab/flows age --idle 172800-345600 --share 0.5");
      // Only TCP: the guest's own multicast reports (IGMP) are entries too, and come when they please.
      const remaining = (await guest.must("conntrack -L -p tcp 2>/dev/null | awk '{print $3}'"))
        .trim()
        .split("\n")
        .map(Number);
      const old = remaining.filter((seconds) => seconds <= 432_000 - 172_800);
      expect(remaining).toHaveLength(400);
      expect(old.length).toBeGreaterThan(190);
      expect(old.length).toBeLessThan(210);
      expect(Math.min(...old)).toBeGreaterThan(432_000 - 345_600 - 60);
    });
  });

  describe("over a reboot", () => {
    it("applies what modprobe.d, modules-load.d and sysctl.d say before NAT is set up", async () => {
      await resetLab(guest);
      await guest.put("/etc/modules-load.d/test.conf", "nf_conntrack\n");
      await guest.put("/etc/modprobe.d/test.conf", "options nf_conntrack hashsize=16384\n");
      await guest.put("/etc/sysctl.d/99-test.conf", "net.netfilter.nf_conntrack_max = 40000\n");
      await guest.reboot();
      const limits =
        "cat /proc/sys/net/netfilter/nf_conntrack_buckets /proc/sys/net/netfilter/nf_conntrack_max";
      expect(await guest.must(limits)).toBe("16384\n40000\n");
      await startServer(guest);
      expect(await probe(guest)).toEqual({ attempted: 100, succeeded: 100 });
    });

    it("tells a command that was running, and ignores a sysctl whose module nothing loads in time", async () => {
      await guest.must("rm /etc/modules-load.d/test.conf /etc/modprobe.d/test.conf");
      const running = guest.run("sleep 60");
      await Promise.all([expect(running).rejects.toThrow(GuestUnreachable), guest.reboot()]);
      // As on real hosts: the file in sysctl.d still says 40000.
      expect(await guest.must("cat /proc/sys/net/netfilter/nf_conntrack_max")).toBe("8192\n");
    });
  });

  // Last, for it leaves no guest behind.
  it("tells those who wait that it is gone when it stops", async () => {
    const waiting = guest.run("sleep 60");
    const running = qemuHost(guest).run({
      document: "NatMedic-Test",
      parameters: {},
      script: "sleep 60",
      environment: {},
      timeoutSeconds: 60,
    });
    await Promise.all([
      expect(waiting).rejects.toThrow(GuestUnreachable),
      expect(running).resolves.toEqual({ kind: "unreachable" }),
      guest.stop(),
    ]);
  });
});
