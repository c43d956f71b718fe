/** `nat-medic diagnose`: a diagnosis by hand, of one instance or of many, by the deployed state machine. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import * as z from "zod/mini";
import { describeExecution, machineNamed, startExecution } from "../aws/stepfunctions.ts";
import { InstanceId } from "../core/incident.ts";
import { Mode } from "../core/mode.ts";
import { Place } from "../core/place.ts";
import { plainLine } from "../core/plain-text.ts";
import { type Command, UsageError } from "./command.ts";
import { type Deployed, deployedHelp, deployedOptions, onAws, tableOf } from "./deployed.ts";

export const diagnose: Command = {
  help: `Usage: nat-medic diagnose (--instance ID ... | --tag KEY=VALUE | --fleet) [options]

Starts the state machine of a deployed stack by hand: an incident for each instance, whose report comes as every other.
Only enrolled instances (tag nat-medic:enabled=true) that run are worked on; a message names those that are left out.

  --instance ID    may be given several times
  --place ACCOUNT/REGION  where it is, when not where the stack is; of one instance only
  --tag KEY=VALUE  enrolled instances that carry this tag too
  --fleet          every enrolled instance
  --mode MODE      propose, approve or apply; without it the stack's, or what an instance's tag makes of it
  --probe          also run the tests that send traffic or capture packets
  --complaint      connections do fail: a host where nothing is found is then not called healthy
  --yes            needed for a mode other than propose on a tag or the fleet
  --wait           follow it to its end; of one instance only
${deployedHelp}

Exit code: 0 when it was started (with --wait: when it ended well), 1 when it ended otherwise, 2 for a mistake or when AWS
does not let us.
`,
  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        ...deployedOptions,
        instance: { type: "string", multiple: true, default: [] },
        place: { type: "string" },
        tag: { type: "string" },
        fleet: { type: "boolean", default: false },
        mode: { type: "string" },
        probe: { type: "boolean", default: false },
        complaint: { type: "boolean", default: false },
        yes: { type: "boolean", default: false },
        wait: { type: "boolean", default: false },
      },
    });
    const selection = selectionFrom(values);
    const mode = modeFrom(values.mode);
    const many = !("instanceId" in selection);
    if (many && !("instanceIds" in selection) && mode !== undefined && mode !== "propose" && !values.yes) {
      throw new UsageError(
        `--mode ${mode} may change every instance that this selects: say --yes if you mean it`,
      );
    }
    if (many && values.wait)
      throw new UsageError("--wait follows one instance: each of several reports by itself");
    if (many && values.place !== undefined) throw new UsageError("--place is of one instance only");
    const input = {
      ...selection,
      ...placeFrom(values.place),
      ...(mode === undefined ? {} : { mode }),
      ...(values.probe ? { probe: true } : {}),
      ...(values.complaint ? { complaint: true } : {}),
    };
    return onAws(values, () => start(values, input, { many, wait: values.wait }));
  },
};

type Given = { instance: string[]; tag?: string | undefined; fleet: boolean };

/** As the state machine takes it. Throws `UsageError` unless exactly one way was chosen. */
function selectionFrom({ instance, tag, fleet }: Given) {
  const ways = [instance.length > 0, tag !== undefined, fleet].filter(Boolean).length;
  if (ways !== 1) throw new UsageError("say which instances: --instance ID, --tag KEY=VALUE or --fleet");
  if (fleet) return { fleet: true };
  if (tag !== undefined) {
    if (!/^[^=]{1,128}=.{0,256}$/s.test(tag)) throw new UsageError("--tag takes KEY=VALUE");
    return { tag };
  }
  const wrong = instance.find((id) => !z.safeParse(InstanceId, id).success);
  if (wrong !== undefined) throw new UsageError(`"${plainLine(wrong, 40)}" is no EC2 instance ID (i-...)`);
  const [instanceId, ...others] = new Set(instance);
  if (instanceId === undefined || others.length > 0) return { instanceIds: [...new Set(instance)] };
  return { instanceId };
}

function placeFrom(given: string | undefined): Place | undefined {
  if (given === undefined) return undefined;
  const [account, region, ...others] = given.split("/");
  const parsed = z.safeParse(Place, { account, region });
  if (!parsed.success || others.length > 0)
    throw new UsageError("--place takes ACCOUNT/REGION, as 222222222222/eu-west-1");
  return parsed.data;
}

function modeFrom(given: string | undefined): Mode | undefined {
  if (given === undefined) return undefined;
  const parsed = z.safeParse(Mode, given);
  if (!parsed.success) throw new UsageError(`--mode is one of ${Mode.options.join(", ")}`);
  return parsed.data;
}

async function start(
  deployed: Deployed,
  input: object,
  { many, wait }: { many: boolean; wait: boolean },
): Promise<number> {
  const name = `${tableOf(deployed).replace(/-incidents$/, "")}-remediate`;
  const machine = await machineNamed(name);
  if (machine === undefined) {
    throw new UsageError(`there is no state machine ${name} here: another --stack or --region?`);
  }
  const execution = `by-hand-${randomBytes(6).toString("hex")}`;
  await startExecution(machine, execution, input);
  const arn = `${machine.replace(":stateMachine:", ":execution:")}:${execution}`;
  console.log(`Started: ${arn}`);
  if (!wait) {
    console.log(
      many
        ? "It starts one execution for each instance, about one a second. A message tells when all are started, and each tells its own outcome."
        : `A message tells its outcome. To follow it: aws stepfunctions describe-execution --execution-arn ${arn}`,
    );
    return 0;
  }
  return follow(arn);
}

/** What the state machine's output looks like, as far as it is told here. */
const Output = z.object({
  outcome: z.string(),
  reason: z.optional(z.string()),
  incidentId: z.optional(z.string()),
  incident: z.optional(z.nullable(z.object({ id: z.string() }))),
  diagnosis: z.optional(z.nullable(z.object({ causes: z.array(z.object({ title: z.string() })) }))),
});

/** Nothing was diagnosed, or not to the end. */
const undone = ["refused", "ignored", "failed"];
/** Longer than a question may stay open, since a person may be asked. */
const patienceSeconds = 25 * 3600;
const pollSeconds = 2;

async function follow(arn: string): Promise<number> {
  const deadline = performance.now() + patienceSeconds * 1000;
  while (performance.now() < deadline) {
    const { status, output, error, cause } = await describeExecution(arn);
    if (status === "RUNNING") {
      await sleep(pollSeconds * 1000);
      continue;
    }
    const parsed = z.safeParse(Output, output);
    if (status !== "SUCCEEDED" || !parsed.success) {
      console.error(`It ended with ${status}: ${plainLine(`${error} ${cause}`, 300)}`);
      return 1;
    }
    console.log(told(parsed.data).join("\n"));
    return undone.includes(parsed.data.outcome) ? 1 : 0;
  }
  console.error(`Still running: ${arn}`);
  return 1;
}

function told({ outcome, reason, incidentId, incident, diagnosis }: z.infer<typeof Output>): string[] {
  const id = incident?.id ?? incidentId;
  return [
    `Outcome: ${plainLine(outcome, 60)}${reason === undefined ? "" : ` (${plainLine(reason, 300)})`}`,
    ...(diagnosis?.causes ?? []).map(({ title }) => `  ${plainLine(title, 120)}`),
    ...(id === undefined ? [] : [`Everything about it: nat-medic show ${plainLine(id, 80)}`]),
  ];
}
