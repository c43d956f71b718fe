/** `nat-medic doctor` as a person calls it, on this machine. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { root } from "../build/layout.ts";
import { median, type Result } from "./result.ts";

const runs = 5;

export async function benchDoctor(report: (line: string) => void): Promise<Result> {
  const answers = [];
  for (let run = 1; run <= runs; run++) {
    report(`doctor, run ${run} of ${runs}`);
    answers.push(await askDoctor());
  }
  const seconds = answers.map((answer) => answer.seconds);
  return {
    title: "nat-medic doctor, default options",
    method: [`${runs} runs on this machine, which is as idle as it is; wall time from start to answer`],
    rows: [
      {
        "median s": median(seconds),
        "least s": Math.min(...seconds),
        "most s": Math.max(...seconds),
        answer: [...new Set(answers.map(({ verdict }) => verdict))].join(", "),
      },
    ],
    targets: [{ what: "time to an answer", measured: median(seconds), limit: 5, unit: "s" }],
  };
}

/** @throws Error when there was no answer: a quick failure must not pass for a quick doctor. */
function askDoctor(): Promise<{ seconds: number; verdict: string }> {
  const began = performance.now();
  const cli = join(root, "cli", "nat-medic.mjs");
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [cli, "doctor"], (_error, stdout, stderr) => {
      const seconds = (performance.now() - began) / 1000;
      const verdict = /^(HEALTHY|FAILING|AT RISK|COULD NOT TELL)(?=:)/.exec(stdout)?.[0];
      if (verdict === undefined) reject(new Error(`doctor gave no answer: ${stderr.trim()}`));
      else resolve({ seconds, verdict });
    });
  });
}
