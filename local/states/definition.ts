import { parse, YAMLParseError } from "yaml";
import * as z from "zod/mini";
import { problemsOf } from "./definition-rules.ts";
import { toJson } from "./json.ts";
import { type Machine, type State, stateSchema, topLevelSchema } from "./schema.ts";
import { substitute } from "./substitutions.ts";

/** A state machine that was read, checked and compiled; it can be executed any number of times. */
export type Definition = Machine & { Comment?: string | undefined; TimeoutSeconds?: number | undefined };

/** The definition is refused; `problems` has every reason, each naming the state and the field. */
export class DefinitionError extends Error {
  override readonly name = "DefinitionError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the state machine definition is refused:\n${problems.map((problem) => `- ${problem}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/**
 * @param text the definition as YAML or JSON, JSONata only
 * @param substitutions values for `${Name}`; each must be used, and each `${Name}` must have one
 * @throws DefinitionError
 */
export function parseDefinition(text: string, substitutions: Readonly<Record<string, string>>): Definition {
  const substituted = substitute(toJson(parseText(text)), substitutions);
  const problems = [...substituted.problems];
  const top = topLevelSchema.safeParse(substituted.value, inEnglish);
  if (!top.success)
    throw new DefinitionError([...problems, ...top.error.issues.flatMap((issue) => describe(issue))]);
  const machine = parseMachine(top.data, problems);
  // The rules follow references between states, which is pointless while some of those could not be read.
  if (problems.length === 0) problems.push(...problemsOf(machine));
  if (problems.length > 0) throw new DefinitionError(problems);
  return { ...machine, Comment: top.data.Comment, TimeoutSeconds: top.data.TimeoutSeconds };
}

function parseText(text: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    if (thrown instanceof YAMLParseError) throw new DefinitionError([thrown.message]);
    throw thrown;
  }
}

type RawMachine = { StartAt: string; States: Record<string, unknown> };

function parseMachine({ StartAt, States }: RawMachine, problems: string[]): Machine {
  const states = new Map<string, State>();
  for (const [name, raw] of Object.entries(States)) {
    const where = `state "${name}": `;
    if (name.length > longestName) problems.push(`${where}the name has more than ${longestName} characters`);
    const parsed = stateSchema.safeParse(raw, inEnglish);
    if (parsed.success) states.set(name, withMachines(parsed.data, problems));
    else
      problems.push(
        ...parsed.error.issues.flatMap((issue) => describe(issue).map((problem) => where + problem)),
      );
  }
  return { StartAt, States: states };
}

/** "State names … MUST have length less than or equal to 80." */
const longestName = 80;

function withMachines(state: z.infer<typeof stateSchema>, problems: string[]): State {
  if (state.Type === "Parallel") {
    return { ...state, Branches: state.Branches.map((branch) => parseMachine(branch, problems)) };
  }
  if (state.Type === "Map") {
    const { ProcessorConfig } = state.ItemProcessor;
    return { ...state, ItemProcessor: { ...parseMachine(state.ItemProcessor, problems), ProcessorConfig } };
  }
  return state;
}

const inEnglish = { error: z.locales.en().localeError };

function describe(issue: z.core.$ZodIssue): string[] {
  const at = issue.path.map(String).join("/");
  const prefix = at === "" ? "" : `${at}: `;
  if (issue.code === "invalid_key") return issue.issues.map((inner) => `${prefix}${inner.message}`);
  if (issue.code !== "unrecognized_keys") return [prefix + issue.message];
  return issue.keys.map((key) => {
    const hint = jsonPathFields.has(key) ? " (JSONPath; this machine is JSONata only)" : "";
    return `${prefix}unknown field ${key}${hint}`;
  });
}

const jsonPathFields: ReadonlySet<string> = new Set(
  `InputPath OutputPath Parameters Result ResultPath ResultSelector ItemsPath SecondsPath TimestampPath
   TimeoutSecondsPath HeartbeatSecondsPath MaxConcurrencyPath ErrorPath CausePath Variable`.split(/\s+/),
);
