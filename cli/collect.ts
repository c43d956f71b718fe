/** Reading a NAT host without AWS. */
import { readHostOutput } from "../core/evidence/host-output.ts";
import type { HostReading } from "../core/evidence.ts";
import { type Place, runScript } from "./run-script.ts";

/** `sampleSeconds`: between the two counter samples. */
export async function collect({
  sampleSeconds,
  ...place
}: Place & { sampleSeconds: number }): Promise<HostReading> {
  const ended = await runScript(place, {
    script: "collect-host-evidence.sh",
    parameters: { SampleSeconds: String(sampleSeconds) },
    patienceSeconds: 60,
  });
  return ended.status === "printed" ? readHostOutput(ended.stdout) : ended;
}
