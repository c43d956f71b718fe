/** Writes down what a host answers while it is used. */
import type { NatHost } from "./host.ts";
import type { Recording } from "./recording.ts";

export function recordingHost(host: NatHost): { host: NatHost; answers: Recording["answers"] } {
  const answers: Recording["answers"] = [];
  return {
    answers,
    host: {
      ...host,
      async run(command) {
        const answer = await host.run(command);
        if (answer.kind === "exited") {
          const { exitCode, stdout, stderr, seconds } = answer;
          const { document, parameters } = command;
          answers.push({ document, parameters, exitCode, stdout, stderr, seconds });
        }
        return answer;
      },
    },
  };
}
