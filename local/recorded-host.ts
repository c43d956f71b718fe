/** A NAT host that answers from a recording of a real one, and from nothing else. */
import type { HostAnswer, HostCommand, NatHost } from "./host.ts";
import type { Recording } from "./recording.ts";

/** The one parameter that differs from run to run; commands that change something have it. */
const incidentParameter = "IncidentId";

export function recordedHost({ provenance, answers }: Pick<Recording, "provenance" | "answers">): NatHost {
  // Where in the recorded story we are. Only a change moves it on: looking twice shows the same host twice.
  let since = 0;
  return {
    description: `recorded from Linux ${provenance.kernel} on ${provenance.capturedAt.slice(0, 10)}`,
    async run(command): Promise<HostAnswer> {
      const key = keyOf(command.document, command.parameters);
      const found = answers.findIndex(
        ({ document, parameters }, at) => at >= since && keyOf(document, parameters) === key,
      );
      const answer = answers[found];
      if (answer === undefined) {
        throw new Error(
          `the recording of ${provenance.scenario} has no answer to ${key} at this point; the real host has: --host qemu`,
        );
      }
      if (incidentParameter in command.parameters) since = found + 1;
      const { exitCode, stderr, seconds } = answer;
      return { kind: "exited", exitCode, stdout: withIncident(answer, command), stderr, seconds };
    },
    async stop() {},
  };
}

function keyOf(document: string, parameters: Record<string, string>): string {
  const pairs = Object.entries(parameters)
    .filter(([name]) => name !== incidentParameter)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `${document}(${pairs.map(([name, value]) => `${name}=${value}`).join(", ")})`;
}

/** What the host printed then, under the name that the incident has now. */
function withIncident(
  { stdout, parameters }: Recording["answers"][number],
  { parameters: now }: HostCommand,
): string {
  const then = parameters[incidentParameter];
  return then === undefined ? stdout : stdout.replaceAll(then, now[incidentParameter] ?? then);
}
