/**
 * A NAT host that Run Command can reach: what the SSM agent is to AWS, in miniature.
 * Two exist: a QEMU guest with a real kernel (`qemu/`), and a recording of one (`recorded-host.ts`).
 */
export type HostCommand = {
  /** Name of the SSM document the command came from, e.g. `NatMedic-CollectHostEvidence`. */
  document: string;
  parameters: Record<string, string>;
  /** Shell text, run as root by `sh -c` like the agent runs `_script.sh`. */
  script: string;
  /** Environment of the script: `SSM_<parameter>` and the agent's own variables. */
  environment: Record<string, string>;
  timeoutSeconds: number;
};

export type HostAnswer =
  | { kind: "exited"; exitCode: number; stdout: string; stderr: string; seconds: number }
  /** The agent killed the process group; whatever it had printed is lost, as on AWS. */
  | { kind: "timed-out" }
  /** No agent took the command. */
  | { kind: "unreachable" };

export type NatHost = {
  /** One line for people: what this host is. */
  description: string;
  run(command: HostCommand): Promise<HostAnswer>;
  stop(): Promise<void>;
};

/** No agent answers there. */
export const unreachableHost: NatHost = {
  description: "a host whose agent is silent",
  run: async () => ({ kind: "unreachable" }),
  stop: async () => {},
};
