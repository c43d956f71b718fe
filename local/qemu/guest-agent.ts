/**
 * The wire to the QEMU guest agent: one JSON object per line over a unix socket, one request at a time.
 */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod/mini";

/** No agent answers: the guest is booting, hanging or gone. */
export class GuestUnreachable extends Error {
  override name = "GuestUnreachable";
}

export type GuestAgent = {
  /** @throws GuestUnreachable when no answer comes in time, Error when the agent refuses. */
  call(command: string, options?: Record<string, unknown>): Promise<unknown>;
  /** Waits for an agent, then drops whatever was said before. */
  synchronize(withinMilliseconds: number): Promise<void>;
  close(): void;
};

const answer = z.union([
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }) }),
]);

/** An agent answers within milliseconds; TCG on a loaded machine and large outputs take longer. */
const answerMilliseconds = 30_000;

export function guestAgent(socket: Socket): GuestAgent {
  let received: Buffer[] = [];
  let waiting: ((line: string | undefined) => void) | undefined;
  const lines: string[] = [];
  let closed = false;
  let inSync = true;
  let last: Promise<unknown> = Promise.resolve();

  function deliver(line: string | undefined): void {
    const waiter = waiting;
    waiting = undefined;
    if (waiter !== undefined) waiter(line);
    else if (line !== undefined) lines.push(line);
  }

  socket.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
      received.push(rest.subarray(0, end));
      const line = Buffer.concat(received);
      received = [];
      rest = rest.subarray(end + 1);
      // A delimited sync is preceded by 0xff: what came before it on the line is the end of a lost answer.
      deliver(line.subarray(line.lastIndexOf(0xff) + 1).toString("utf8"));
    }
    if (rest.length > 0) received.push(rest);
  });
  // A failing socket also closes; that is where its callers learn of it.
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    deliver(undefined);
  });

  async function nextLine(milliseconds: number): Promise<string | undefined> {
    const line = lines.shift();
    if (line !== undefined || closed) return line;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => {
        waiting = undefined;
        resolve(undefined);
      }, milliseconds);
      waiting = (next) => {
        clearTimeout(timer);
        resolve(next);
      };
    });
  }

  function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work, work);
    last = mine;
    return mine;
  }

  async function request(command: string, options: Record<string, unknown>): Promise<unknown> {
    if (!inSync) await sync(answerMilliseconds);
    if (closed) throw new GuestUnreachable("the guest is gone");
    socket.write(`${JSON.stringify({ execute: command, arguments: options })}\n`);
    const line = await nextLine(answerMilliseconds);
    if (line === undefined) {
      // Its answer may still come and must not be taken for the next one's.
      inSync = false;
      throw new GuestUnreachable(closed ? "the guest is gone" : `the guest agent did not answer ${command}`);
    }
    const parsed = answer.parse(JSON.parse(line));
    if ("error" in parsed) throw new Error(`guest agent, ${command}: ${parsed.error.desc}`);
    return parsed.return;
  }

  async function sync(withinMilliseconds: number): Promise<void> {
    const deadline = Date.now() + withinMilliseconds;
    while (Date.now() < deadline && !closed) {
      const id = Math.floor(Math.random() * 2 ** 31);
      // 0xff makes the agent drop a half-received request.
      socket.write(Buffer.from([0xff]));
      socket.write(`${JSON.stringify({ execute: "guest-sync-delimited", arguments: { id } })}\n`);
      const patience = Date.now() + 500;
      while (Date.now() < patience && !closed) {
        const line = await nextLine(patience - Date.now());
        if (line?.includes(`"return": ${id}}`)) {
          inSync = true;
          return;
        }
      }
    }
    throw new GuestUnreachable(closed ? "the guest is gone" : "no guest agent answers");
  }

  return {
    call: (command, options = {}) => oneAtATime(() => request(command, options)),
    synchronize: (withinMilliseconds) => oneAtATime(() => sync(withinMilliseconds)),
    close: () => socket.destroy(),
  };
}

/** Polls quickly at first: most commands end within milliseconds, and a long one should not be disturbed. */
export async function* pollingPauses(deadline: number): AsyncGenerator<void> {
  for (let pause = 10; Date.now() < deadline; pause = Math.min(pause * 1.3, 200)) {
    yield;
    await delay(Math.min(pause, Math.max(1, deadline - Date.now())));
  }
}
