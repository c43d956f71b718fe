import { expect, test } from "vitest";
import { doctor } from "../../cli/doctor.ts";
import { runScript } from "../../cli/run-script.ts";

const here = { sudo: false };

test("a host script runs here by its name, with its parameters as the document gives them", async () => {
  // Whoever runs it and whatever is installed: it refuses this port, and says so in its own words.
  const ended = await runScript(here, {
    script: "probe-timestamps.sh",
    parameters: { Address: "203.0.113.7", Port: "70000" },
    patienceSeconds: 20,
  });
  expect(ended.status === "printed" ? JSON.parse(ended.stdout) : ended).toMatchObject({
    status: "refused",
    reason: "the port must be 1 to 65535",
    address: "203.0.113.7",
  });
});

test.each(["1; reboot", "$(reboot)", "", "a b", "'"])(
  "%j never gets into a script's text",
  async (Address) => {
    const run = { script: "probe-timestamps.sh", parameters: { Address, Port: "443" }, patienceSeconds: 20 };
    await expect(runScript(here, run)).rejects.toThrow("a parameter is no plain word");
  },
);

test("doctor runs active tests on a host alone, not on what one printed earlier", async () => {
  await expect(doctor.run(["--probe", "--evidence", "x"])).rejects.toThrow("--probe needs the host itself");
});
