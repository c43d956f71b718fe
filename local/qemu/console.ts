/**
 * The guest's serial console, followed through a file.
 *
 * Not through a pipe: while a pipe is full QEMU holds the serial port's output back, and a reset of the machine in that
 * moment leaves the port silent for ever (QEMU 7.2 forgets to forget the pending retry). A file is never full.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { GuestUnreachable } from "./guest-agent.ts";

export type Console = {
  /** For QEMU's standard output and error. */
  descriptor: number;
  lastLines(): string;
  /** How often the guest came up since QEMU started. */
  boots(): number;
  /** Waits until it came up `times` times. @throws GuestUnreachable when it does not within `milliseconds`. */
  booted(times: number, qemu: ChildProcess, milliseconds: number): Promise<void>;
  close(): void;
};

/** What `boot` says when the NAT instance is ready. */
const ready = "lab: ready";
const pollMilliseconds = 50;

/** The file may be removed as soon as this returns: what is open needs no name. */
export function consoleIn(file: string): Console {
  const descriptor = openSync(file, "a+");
  const chunk = Buffer.alloc(1 << 16);
  let text = "";
  let position = 0;
  const catchUp = () => {
    for (;;) {
      const length = readSync(descriptor, chunk, 0, chunk.length, position);
      if (length === 0) return;
      position += length;
      text += chunk.toString("latin1", 0, length);
    }
  };
  const boots = () => {
    catchUp();
    return text.split(ready).length - 1;
  };
  const lastLines = () => {
    catchUp();
    return text.split(/\r?\n/).slice(-60).join("\n");
  };

  return {
    descriptor,
    lastLines,
    boots,
    async booted(times, qemu, milliseconds) {
      for (const deadline = Date.now() + milliseconds; boots() < times; ) {
        if (qemu.exitCode !== null || qemu.signalCode !== null)
          throw new GuestUnreachable("the guest is gone");
        // It would hang there, and nobody would see why.
        if (text.includes("Kernel panic"))
          throw new GuestUnreachable(`the guest's kernel panicked:\n${lastLines()}`);
        if (Date.now() > deadline) {
          throw new GuestUnreachable(`the guest did not come up in time; it said last:\n${lastLines()}`);
        }
        await delay(pollMilliseconds);
      }
    },
    close: () => closeSync(descriptor),
  };
}
