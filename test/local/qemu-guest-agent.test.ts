import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GuestAgent, GuestUnreachable, guestAgent } from "../../local/qemu/guest-agent.ts";

/** Speaks the guest agent's side of the wire, badly where a test wants that. */
type Answer = (request: { execute: string; arguments: { id?: number } }, wire: Socket) => void;

describe("the wire to the guest agent", () => {
  let folder: string;
  let server: Server;
  let answer: Answer;
  let agent: GuestAgent;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "nat-medic-agent-"));
    server = createServer((wire) => {
      let text = "";
      wire.on("error", () => {});
      wire.on("data", (chunk) => {
        text += chunk.toString("latin1");
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) answer(JSON.parse(line.replaceAll("\xff", "")), wire);
      });
    });
    await new Promise<void>((resolve) => server.listen(join(folder, "agent"), resolve));
    agent = guestAgent(createConnection(join(folder, "agent")));
  });

  afterEach(() => {
    agent.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("puts an answer together from pieces, however they are cut", async () => {
    const bytes = Buffer.from(`${JSON.stringify({ return: { text: "grüße" } })}\n`);
    answer = (_, wire) => {
      const next = (at: number): void => {
        wire.write(bytes.subarray(at, at + 1));
        if (at + 1 < bytes.length) setImmediate(next, at + 1);
      };
      next(0);
    };
    expect(await agent.call("guest-info")).toEqual({ text: "grüße" });
  });

  it("keeps each answer with its request when several are asked at once", async () => {
    answer = ({ execute }, wire) => {
      setTimeout(() => wire.write(`${JSON.stringify({ return: execute })}\n`), execute === "slow" ? 50 : 0);
    };
    expect(await Promise.all([agent.call("slow"), agent.call("fast"), agent.call("faster")])).toEqual([
      "slow",
      "fast",
      "faster",
    ]);
  });

  it("drops what was said before it is in step", async () => {
    answer = ({ execute, arguments: { id } }, wire) => {
      if (execute === "guest-sync-delimited") {
        wire.write('{"return": "stale"}\nhalf of a lost ans');
        wire.write(Buffer.from([0xff]));
        wire.write(`{"return": ${id}}\n`);
      } else wire.write('{"return": "mine"}\n');
    };
    await agent.synchronize(2000);
    expect(await agent.call("guest-ping")).toBe("mine");
  });

  it("goes on asking while the guest boots", async () => {
    let asked = 0;
    answer = ({ arguments: { id } }, wire) => {
      if (++asked > 1) wire.write(`{"return": ${id}}\n`);
    };
    await agent.synchronize(5000);
    expect(asked).toBe(2);
  });

  it("says that no agent answers when none does in time", async () => {
    answer = () => {};
    await expect(agent.synchronize(200)).rejects.toThrow(GuestUnreachable);
  });

  it("gives the agent's own words when it refuses", async () => {
    answer = (_, wire) => wire.write('{"error": {"class": "GenericError", "desc": "no such file"}}\n');
    await expect(agent.call("guest-file-open")).rejects.toThrow("guest-file-open: no such file");
  });

  it("does not wait for an answer from a guest that is gone", async () => {
    answer = (_, wire) => wire.destroy();
    await expect(agent.call("guest-ping")).rejects.toThrow(GuestUnreachable);
    await expect(agent.call("guest-ping")).rejects.toThrow("the guest is gone");
  });
});
