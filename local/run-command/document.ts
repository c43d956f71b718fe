/** The content of a Command document of schema 2.2, as far as Run Command reads it here. */
export type CommandDocument = {
  schemaVersion: string;
  parameters?: Record<string, DocumentParameter>;
  mainSteps: {
    action: string;
    name: string;
    inputs: { runCommand: string[]; timeoutSeconds?: number | string };
  }[];
};

export type DocumentParameter = {
  /** Only `String` is known here. */
  type: string;
  default?: string | undefined;
  allowedPattern?: string | undefined;
  allowedValues?: string[] | undefined;
  /** `ENV_VAR`: the value reaches the script as `$SSM_<name>`; otherwise it replaces `{{ name }}` in its text. */
  interpolationType?: string | undefined;
};

export type ResolvedParameters =
  | { kind: "resolved"; values: Record<string, string> }
  | { kind: "refused"; problem: string };

/**
 * The checks of SendCommand: names known, required ones given, one value each, pattern and list obeyed, defaults filled.
 * A pattern is searched, not anchored: of Java's matching at the API and Go's in the agent the local one is to be the weakest,
 * so that a document whose pattern lacks `^` or `$` is found here.
 */
export const resolveParameters = (
  document: CommandDocument,
  given: Record<string, string[]>,
): ResolvedParameters => {
  const declared = new Map(Object.entries(document.parameters ?? {}));
  const unknown = Object.keys(given).find((name) => !declared.has(name));
  if (unknown !== undefined) return refused(`Parameter ${unknown} is not declared by the document.`);
  const values: Record<string, string> = {};
  for (const [name, { default: fallback, allowedPattern, allowedValues }] of declared) {
    const [value, ...more] = given[name] ?? (fallback === undefined ? [] : [fallback]);
    if (value === undefined) return refused(`Parameter ${name} requires a value.`);
    if (more.length > 0) return refused(`Parameter ${name} is of type String and takes one value.`);
    if (allowedPattern !== undefined && !new RegExp(allowedPattern).test(value)) {
      return refused(`Parameter ${name} does not match ${allowedPattern}.`);
    }
    if (allowedValues !== undefined && !allowedValues.includes(value)) {
      return refused(`Parameter ${name} is none of ${allowedValues.join(", ")}.`);
    }
    values[name] = value;
  }
  return { kind: "resolved", values };
};

/** The actions that are known here, and where the agent carries them out. */
const PLATFORMS = new Map<string, "Linux" | "Windows">([
  ["aws:runShellScript", "Linux"],
  ["aws:runPowerShellScript", "Windows"],
]);

/** The single script of a document. Throws on documents that Run Command would take and this one cannot run. */
export const shellStep = (name: string, document: CommandDocument) => {
  const [step, ...more] = document.mainSteps;
  const other = Object.values(document.parameters ?? {}).find(({ type }) => type !== "String");
  if (document.schemaVersion !== "2.2")
    throw new Error(`${name}: schema ${document.schemaVersion} is not 2.2.`);
  const platform = PLATFORMS.get(step?.action ?? "");
  if (step === undefined || platform === undefined || more.length > 0) {
    throw new Error(`${name}: only documents with one step that runs a script run locally.`);
  }
  if (other !== undefined)
    throw new Error(`${name}: parameters of type ${other.type} are not known locally.`);
  return {
    name: step.name,
    platform,
    script: step.inputs.runCommand.join("\n"),
    timeoutSeconds: executionTimeout(step.inputs.timeoutSeconds),
  };
};

/** As the agent reads it: what is no number of 5 to 172,800 seconds silently becomes an hour. */
const executionTimeout = (given: number | string | undefined): number => {
  const seconds = Number(given);
  return given !== undefined && Number.isInteger(seconds) && seconds >= 5 && seconds <= 172_800
    ? seconds
    : 3600;
};

const refused = (problem: string): ResolvedParameters => ({ kind: "refused", problem });
