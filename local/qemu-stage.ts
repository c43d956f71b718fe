/** A scenario staged on a real kernel: the trouble is brought about, and measured by a client behind the NAT. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unreachableHost } from "./host.ts";
import { bootGuest, type Guest } from "./qemu/guest.ts";
import { qemuClient, qemuHost } from "./qemu/qemu-host.ts";
import { clients, probe, startServer } from "./qemu/topology.ts";
import type { Scenario } from "./scenario.ts";
import { type Stage, seriesOf } from "./stage.ts";
import { stagingOf, worldOf } from "./world.ts";

/** Boots a guest for this one scenario; closing the stage stops it. */
export async function qemuStage(
  scenario: Scenario,
  say: (line: string) => void,
  variant?: string,
): Promise<Stage> {
  say("Booting a NAT instance in QEMU ...");
  const guest = await bootGuest({ memoryMiB: scenario.host.memoryMiB, report: say });
  try {
    await startServer(guest);
    const stage = await stageOn(guest, scenario, say, variant);
    return { ...stage, close: () => guest.stop() };
  } catch (error) {
    await guest.stop();
    throw error;
  }
}

/**
 * Stages a scenario, or one of its variants, on a guest as it is after its boot or `resetLab`, with the server running.
 * `measured`: whether clients measure how many new connections get through; without it, the stage's numbers are zero.
 */
export async function stageOn(
  guest: Guest,
  scenario: Scenario,
  say: (line: string) => void = () => {},
  variant?: string,
  { measured = true } = {},
): Promise<Stage> {
  const measure = async () => (measured ? await measureOn(guest) : { attempted: 0, succeeded: 0 });
  const host = qemuHost(guest);
  const { environment } = stagingOf(scenario, variant);
  say(`Host: ${host.description}`);
  const before = await measure();
  const utilization = [await utilizationNow(guest)];
  // What the measurement leaves behind would expire in the middle of the trouble and make room.
  await guest.must("conntrack -F >/dev/null 2>&1");
  say("Bringing the trouble about ...");
  await guest.must(readFileSync(join(scenario.folder, "inject.sh"), "utf8"), {
    environment,
    timeoutSeconds: 120,
  });
  utilization.push(await utilizationNow(guest));
  const during = await measure();
  return {
    host: scenario.host.reachable ? host : unreachableHost,
    clients: Object.fromEntries(
      clients.flatMap((client) => {
        const id = scenario.host.clients[client];
        return id === undefined ? [] : [[id, qemuClient(guest, client)]];
      }),
    ),
    world: worldOf(scenario, variant),
    series: seriesOf(scenario, variant),
    real: true,
    utilization,
    before,
    during,
    after: measure,
    close: async () => {},
  };
}

async function measureOn(guest: Guest) {
  const { attempted, succeeded } = await probe(guest, { count: 200 });
  return { attempted, succeeded };
}

async function utilizationNow(guest: Guest) {
  const [count = 0, max = 1] = (
    await guest.must(
      "cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max",
    )
  )
    .trim()
    .split("\n")
    .map(Number);
  return { at: new Date(), value: (100 * count) / max };
}
