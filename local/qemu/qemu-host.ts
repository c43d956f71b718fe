/** The QEMU guest as a NAT host for Run Command. */
import type { HostAnswer, HostCommand, NatHost } from "../host.ts";
import { type Guest, GuestTimeout } from "./guest.ts";
import { GuestUnreachable } from "./guest-agent.ts";
import type { Client } from "./topology.ts";

/** Stopping the host stops the guest. */
export function qemuHost(guest: Guest): NatHost {
  return {
    description: `QEMU guest, Linux ${guest.kernel}: a NAT instance with a real kernel`,
    run: (command) => runInGuest(guest, command),
    stop: () => guest.stop(),
  };
}

/** An instance behind the NAT: the same kernel, in the client's network namespace. */
export function qemuClient(guest: Guest, client: Client): NatHost {
  return {
    description: `${client} in the QEMU guest, Linux ${guest.kernel}`,
    run: (command) => {
      const environment = { ...command.environment, LAB_SCRIPT: command.script };
      return runInGuest(guest, { ...command, script: insideOf(client), environment });
    },
    stop: async () => {},
  };
}

const insideOf = (client: Client) =>
  `script=$LAB_SCRIPT; unset LAB_SCRIPT; exec ip netns exec ${client} sh -c "$script"`;

async function runInGuest(guest: Guest, command: HostCommand): Promise<HostAnswer> {
  try {
    const { script, environment, timeoutSeconds } = command;
    return { kind: "exited", ...(await guest.run(script, { environment, timeoutSeconds })) };
  } catch (error) {
    if (error instanceof GuestTimeout) return { kind: "timed-out" };
    if (error instanceof GuestUnreachable) return { kind: "unreachable" };
    throw error;
  }
}
