/**
 * The guest's serial console, followed through a file.
 *
 * Not through a pipe: while one is full QEMU holds the serial port's output back, and nobody sees the guest come up.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { GuestUnreachable } from "./guest-agent.ts";

export type Console = {
  /** For QEMU's standard output and error. */
  descriptor: number;
  lastLines(): string;
  /** Waits until the NAT instance is ready. @throws GuestUnreachable when it is not within `milliseconds`. */
  ready(qemu: ChildProcess, milliseconds: number): Promise<void>;
  close(): void;
};

const pollMilliseconds = 50;

export function consoleIn(file: string): Console {
  const descriptor = openSync(file, "w");
  // A console of one boot is a few lines.
  const text = () => readFileSync(file, "latin1");
  return {
    descriptor,
    lastLines: () => text().split(/\r?\n/).slice(-60).join("\n"),
    async ready(qemu, milliseconds) {
      for (const deadline = Date.now() + milliseconds; ; await delay(pollMilliseconds)) {
        const said = text();
        // What `boot` says when everything is up.
        if (said.includes("lab: ready")) return;
        if (qemu.exitCode !== null || qemu.signalCode !== null)
          throw new GuestUnreachable("the guest is gone");
        // It would hang there, and nobody would see why.
        if (said.includes("Kernel panic")) throw new GuestUnreachable("the guest's kernel panicked");
        if (Date.now() > deadline) throw new GuestUnreachable("the guest did not come up in time");
      }
    },
    close: () => closeSync(descriptor),
  };
}
