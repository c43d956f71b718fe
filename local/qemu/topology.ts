/**
 * The networks around the NAT instance in the guest, and real traffic through it. `client1` to `client4` are behind
 * it, a server is before it; all are network namespaces, set up at boot by `guest-files/networks`.
 */
import * as z from "zod/mini";
import type { Guest } from "./guest.ts";

export const clients = ["client1", "client2", "client3", "client4"] as const;
export type Client = (typeof clients)[number];

const Attempts = z.object({ attempted: z.int(), succeeded: z.int() });
/** New connections: an attempt fails when its first SYN is not answered. */
export type Attempts = z.infer<typeof Attempts>;

/** Accepts and holds every connection. Runs until `resetLab` or a reboot. */
export async function startServer(guest: Guest): Promise<void> {
  await guest.must("ip netns exec server /opt/lab/traffic serve");
}

/**
 * Opens connections from a client and holds them until `resetLab`; about 2,000 a second.
 * @returns how many opened: fewer than asked for when one fails, because the table is full.
 */
export async function openConnections(guest: Guest, client: Client, count: number): Promise<number> {
  const printed = await guest.must(`ip netns exec ${client} /opt/lab/traffic open --count ${count}`);
  return z.object({ opened: z.int() }).parse(JSON.parse(printed)).opened;
}

/**
 * How many of `count` new connections, all at once, get through the NAT now? Takes a second when some do not.
 * @param timeoutSeconds below 1, or TCP's second SYN hides the loss of the first.
 */
export async function probe(
  guest: Guest,
  { client = "client4", count = 100, timeoutSeconds = 0.9 }: ProbeOptions = {},
): Promise<Attempts> {
  const command = `/opt/lab/traffic probe --count ${count} --timeout ${timeoutSeconds}`;
  return Attempts.parse(JSON.parse(await guest.must(`ip netns exec ${client} ${command}`)));
}

export type ProbeOptions = { client?: Client; count?: number; timeoutSeconds?: number };

/** Lets a client make short connections at a steady pace until `resetLab`. At 20 a second they hold 200 entries. */
export async function startDialling(guest: Guest, client: Client, perSecond: number): Promise<void> {
  await guest.must(
    `ip netns exec ${client} /opt/lab/traffic dial --rate ${perSecond} --name ${client} >/dev/null`,
  );
}

/** What became of a client's dials, second by second. `time` is the guest's clock, in seconds since 1970. */
export async function dialled(guest: Guest, client: Client): Promise<(Attempts & { time: number })[]> {
  const lines = await guest.must(`cat /run/lab/traffic/dials-${client}`);
  const second = z.object({ time: z.int(), attempted: z.int(), succeeded: z.int() });
  return z.parse(
    z.array(second),
    lines
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  );
}

/**
 * As after the first boot, with the server running: so that many scenarios fit into one boot. Takes about a second.
 * Settings, /etc and /var/lib go back; the kernel's counters do not.
 */
export async function resetLab(guest: Guest): Promise<void> {
  await guest.must("/opt/lab/reset");
  await startServer(guest);
}
