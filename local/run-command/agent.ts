import type { HostCommand } from "../host.ts";
import { type CommandDocument, shellStep } from "./document.ts";

/**
 * `current`: SSM agent 3.3.2746.0 or later, which knows `interpolationType: ENV_VAR`.
 * `old`: any before, which ignores it and writes every value into the script's text.
 */
export type Agent = "current" | "old";

/** What the agent makes of a document and its parameters: a script, its environment and its time limit. */
export const hostCommand = ({
  name,
  document,
  values,
  instanceId,
  region,
  agent,
}: {
  name: string;
  document: CommandDocument;
  values: Record<string, string>;
  instanceId: string;
  region: string;
  agent: Agent;
}): HostCommand => {
  const { script, timeoutSeconds } = shellStep(name, document);
  const byEnvironment = (parameter: string) =>
    agent === "current" && document.parameters?.[parameter]?.interpolationType === "ENV_VAR";
  const parameters = Object.entries(values);
  return {
    document: name,
    parameters: values,
    script: interpolate(script, new Map(parameters.filter(([parameter]) => !byEnvironment(parameter)))),
    environment: {
      AWS_SSM_INSTANCE_ID: instanceId,
      AWS_SSM_REGION_NAME: region,
      ...Object.fromEntries(
        parameters
          .filter(([parameter]) => byEnvironment(parameter))
          .map(([parameter, value]) => [`SSM_${parameter}`, value]),
      ),
    },
    timeoutSeconds,
  };
};

/** Raw text, unquoted, as the agent does it; what is no parameter of the document stays as it is. */
const interpolate = (script: string, values: Map<string, string>): string =>
  script.replace(/\{\{\s*(\w+)\s*\}\}/g, (text, name) => values.get(name) ?? text);
