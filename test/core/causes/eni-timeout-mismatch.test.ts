import { describe, expect, test } from "vitest";
import { eniTimeoutMismatch } from "../../../core/causes/eni-timeout-mismatch.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { alignEniTimeouts } from "../../../core/fixes/align-eni-timeouts.ts";
import { captured, cloudOf, evidenceOf } from "../captured.ts";

const healthy = captured("healthy");
const nobodyIdle = {
  under60: 0,
  under300: 0,
  under3600: 0,
  under7440: 0,
  under21600: 0,
  under86400: 0,
  over86400: 0,
  shortTimer: 0,
  staleTimer: 0,
};
type Idle = Partial<typeof nobodyIdle>;

/** The captured host with 1,000 established connections, so idle, and an ENA card. */
function host(idle: Idle, kernel = 432_000, available: number | null = 136_812): HostEvidence {
  const { table } = healthy;
  if (table === null) throw new Error("the captured host has a table");
  return {
    ...healthy,
    timeouts: { ...healthy.timeouts, tcp_timeout_established: kernel },
    table: {
      ...table,
      tcpStates: { ...table.tcpStates, ESTABLISHED: 1000 },
      establishedIdle: { ...nobodyIdle, ...idle },
    },
    counters: {
      ...healthy.counters,
      ...(available !== null && {
        "ens5.conntrack_allowance_exceeded": [0, 0] as [number, number],
        "ens5.conntrack_allowance_available": [available, 0] as [number, number],
      }),
    },
  };
}
const card = (tcpEstablished: number | null, enrolled = true, id = "eni-0a1b2c3d4e5f67890") => ({
  id,
  deviceIndex: 0,
  subnetId: "subnet-1",
  privateAddresses: ["10.60.100.10"],
  publicAddress: "198.51.100.10",
  sourceDestCheck: false,
  securityGroupIds: ["sg-1"],
  trackingTimeouts: tcpEstablished === null ? null : { tcpEstablished, udpStream: null, udp: null },
  enrolled,
});
const typeOf = (defaultTcpEstablished: number | null) => ({
  name: "c8i.large",
  architecture: "x86_64",
  currentGeneration: true,
  burstable: false,
  vCpus: 2,
  memoryMiB: 4096,
  baselineGbps: 0.937,
  peakGbps: 12.5,
  maximumInterfaces: 3,
  hypervisor: "nitro",
  defaultTcpEstablished,
});
const cloud = (cards: object[], defaultTimeout: number | null = 432_000, more: object = {}) => ({
  instance: { type: "c8i.large", state: "running", sourceDestCheck: false, interfaces: cards },
  type: typeOf(defaultTimeout),
  ...more,
});
const evidence = (read: HostEvidence, said: object) => ({ ...evidenceOf(read), cloud: cloudOf(said) });
const judge = (read: HostEvidence, said: object) => eniTimeoutMismatch.judge(evidence(read, said));

describe("eni-timeout-mismatch", () => {
  test("is a warning when connections are idle for longer than the interface remembers", () => {
    expect(judge(host({ under21600: 300 }), cloud([card(350)]))).toMatchObject({
      verdict: "present",
      confidence: 0.75,
      severity: "warning",
    });
  });
  test("holds by the type's default where the interface has no timeout of its own", () => {
    expect(judge(host({ over86400: 300 }), cloud([card(null)], 350)).verdict).toBe("present");
    expect(judge(host({ over86400: 300 }), cloud([card(null)], null)).verdict).toBe("absent");
  });
  test("prefers the interface's own timeout to the type's", () => {
    expect(judge(host({ over86400: 300 }), cloud([card(432_000)], 350)).verdict).toBe("absent");
  });
  test("is absent when the kernel forgets first", () => {
    expect(judge(host({ under7440: 300 }, 350), cloud([card(350)])).verdict).toBe("absent");
  });
  test("is absent while few are idle for so long: fewer than 50, or less than 5 %", () => {
    expect(judge(host({ under21600: 49 }), cloud([card(350)])).verdict).toBe("absent");
    expect(judge(host({ under21600: 50 }), cloud([card(350)])).verdict).toBe("present");
  });
  test("counts only what is surely beyond the timeout", () => {
    // Between 300 and 3,600 s: some of them may be idle for less than 350 s.
    expect(judge(host({ under3600: 900 }), cloud([card(350)])).verdict).toBe("absent");
    expect(judge(host({ under3600: 900 }), cloud([card(300)])).verdict).toBe("present");
    expect(judge(host({ under86400: 900 }), cloud([card(86_400)])).verdict).toBe("absent");
    expect(judge(host({ over86400: 900 }), cloud([card(86_400)])).verdict).toBe("present");
  });
  test("is absent where the security group rules leave TCP untracked", () => {
    const rule = { groupId: "sg-1", protocol: null, ports: null, cidr: "0.0.0.0/0", peer: null };
    const network = {
      vpcId: "vpc-1",
      cidrs: [],
      subnets: [],
      acls: [],
      routeTables: [],
      securityGroupRules: [
        { ...rule, egress: true },
        { ...rule, egress: false },
      ],
      gatewayEndpoints: [],
    };
    expect(judge(host({ over86400: 900 }), cloud([card(350)], null, { network })).verdict).toBe("absent");
  });
  test("is not asked without AWS, and unknown when EC2 says nothing of the timeouts", () => {
    expect(eniTimeoutMismatch.judge(evidenceOf(healthy))).toMatchObject({ verdict: "unknown", asked: false });
    expect(judge(host({}), { instance: null })).toEqual({
      verdict: "unknown",
      missing: "EC2 did not say when the interfaces forget idle connections",
    });
  });
  test("is unknown without the table only when the timeouts differ", () => {
    const unread = (timeout: number) => judge({ ...host({}), table: null }, cloud([card(timeout)]));
    expect(unread(350).verdict).toBe("unknown");
    expect(unread(432_000).verdict).toBe("absent");
  });
  test("is verified by the room out there: refused connections make it worse", () => {
    const after = (refused: number, available = 100_000): HostEvidence => ({
      ...healthy,
      counters: {
        "ens5.conntrack_allowance_exceeded": [refused, refused],
        "ens5.conntrack_allowance_available": [available, 0],
      },
    });
    const verify = (then: HostEvidence, now: HostEvidence) => eniTimeoutMismatch.verify?.(then, now).verdict;
    expect(verify(after(0), after(0))).toBe("better");
    expect(verify(after(0), after(5))).toBe("worse");
    expect(verify(after(5), after(5))).toBe("unchanged");
    expect(verify(after(0), after(0, 0))).toBe("unchanged");
    expect(verify(after(0), healthy)).toBe("unknown");
  });
});

describe("align-eni-timeouts", () => {
  const prepare = (read: HostEvidence, said: object) => alignEniTimeouts.prepare(evidence(read, said));

  test("raises the interface's timeout to the kernel's, through EC2", () => {
    expect(prepare(host({}), cloud([card(350)]))).toMatchObject({
      settings: [{ setting: "eni-0a1b2c3d4e5f67890.tcp-established", before: "350", after: "432000" }],
      commands: [
        "aws ec2 modify-network-interface-attribute --network-interface-id eni-0a1b2c3d4e5f67890 --connection-tracking-specification TcpEstablishedTimeout=432000",
      ],
      cloudChange: {
        kind: "tracking-timeouts",
        networkInterfaceId: "eni-0a1b2c3d4e5f67890",
        before: { tcpEstablished: 350, udpStream: null, udp: null },
        after: { tcpEstablished: 432_000, udpStream: null, udp: null },
      },
    });
  });
  test("only proposes it for an interface without our tag, for several, and where nothing could verify it", () => {
    const second = card(350, true, "eni-0b1b2c3d4e5f67890");
    for (const prepared of [
      prepare(host({}), cloud([card(350, false)])),
      prepare(host({}), cloud([card(350), second])),
      prepare(host({}, 432_000, null), cloud([card(350)])),
    ]) {
      expect(prepared).toHaveProperty("commands");
      expect(prepared).not.toHaveProperty("cloudChange");
    }
  });
  test("does not make the layer remember what it has no room for", () => {
    const needed = 2 * (healthy.conntrack.max ?? 0);
    expect(prepare(host({}, 432_000, needed), cloud([card(350)]))).toHaveProperty("cloudChange");
    expect(prepare(host({}, 432_000, needed - 1), cloud([card(350)]))).toMatchObject({
      impossible: expect.stringContaining("shorten the kernel's timeout instead"),
    });
  });
  describe("where the layer has no room", () => {
    const refusing = (kernel: number) => ({
      ...host({}, kernel),
      counters: {
        "ens5.conntrack_allowance_exceeded": [90, 90] as [number, number],
        "ens5.conntrack_allowance_available": [0, 0] as [number, number],
      },
    });
    test("lowers the timeout to the kernel's", () => {
      expect(prepare(refusing(7440), cloud([card(null)]))).toMatchObject({
        cloudChange: { before: { tcpEstablished: 432_000 }, after: { tcpEstablished: 7440 } },
      });
    });
    test("never below the kernel's, nor below 350 s", () => {
      expect(prepare(refusing(432_000), cloud([card(null)]))).toMatchObject({
        impossible: expect.stringContaining("shorten the kernel's timeout before"),
      });
      expect(prepare(refusing(120), cloud([card(null)]))).toMatchObject({
        cloudChange: { after: { tcpEstablished: 350 } },
      });
    });
    test("never makes it remember for longer", () => {
      expect(prepare(refusing(7440), cloud([card(350)]))).toHaveProperty("impossible");
    });
  });
  test("is impossible when the two agree, and without EC2's word", () => {
    expect(prepare(host({}), cloud([card(432_000)]))).toHaveProperty("impossible");
    expect(prepare(host({}), { instance: null })).toHaveProperty("impossible");
  });
});
