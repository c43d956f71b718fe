/**
 * A NAT host with a state of its own: a tree of files that the real scripts of `host/` change, so that "changed once"
 * is read from the host and not from a count of commands. What it answers to the collector follows from that state.
 */
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HostChange } from "../../../core/change.ts";
import { HostEvidence } from "../../../core/evidence/host.ts";
import type { HostAnswer, HostCommand, NatHost } from "../../../local/host.ts";
import { readRecording } from "../../../local/recording.ts";
import { readScenario, recordingFile } from "../../../local/scenario.ts";
import { folderHost } from "../../host/folder-host.ts";
import { type Job, Ran } from "./shell-agent.ts";

export type FaultyHost = NatHost & {
  /** What reached it, in order: `collect`, `apply`, `persist`, `undo`, `show`. */
  commands: string[];
  /** What its scripts answered to each of the latter, in order. */
  changes: HostChange[];
  /** The limit and the number of buckets that are in force. */
  settings(): { max: number; buckets: number };
  /** Folders under /var/lib/nat-medic: the incidents that have touched it. */
  incidents(): string[];
  /** Restores that are armed. */
  armed(): string[];
  /** The timer of each armed restore elapses. */
  elapse(): Promise<void>;
  /** Everything that is not on disk is as the files say, and no timer is left. */
  reboot(): void;
  /** Puts a file there. */
  write(path: string, text: string): void;
  /** Somebody sets the old values again, and the trouble is back. */
  relapse(): void;
};

/** What becomes of a command; `run` carries it out. `undefined`: nothing special. */
export type Meddle = (
  command: HostCommand,
  run: () => Promise<HostAnswer>,
  host: FaultyHost,
) => Promise<HostAnswer> | HostAnswer | undefined;

const before = { max: 8192, buckets: 8192 } as const;
const full = fullTable();
const bootOf = (n: number) => `${String(n).padStart(8, "0")}-1111-4111-8111-111111111111\n`;

export const collecting = ({ document }: HostCommand) => document === "NatMedic-CollectHostEvidence";
export const doing = (action: string) => (command: HostCommand) => command.parameters.Action === action;

/** `helps`: whether a larger table ends the drops. */
export function natHost({
  helps = true,
  meddle = () => undefined,
}: {
  helps?: boolean;
  meddle?: Meddle;
} = {}): FaultyHost {
  let made: ReturnType<typeof folderHost> | undefined;
  let boots = 1;
  // Most tests need few of the many hosts that they could have.
  const folder = () => {
    made ??= withSystemd();
    return made;
  };
  const units = () => join(folder().base, "units");

  const carryOut = async (command: HostCommand): Promise<HostAnswer> => {
    if (collecting(command)) {
      const { max, buckets } = host.settings();
      return printed(reading(max, buckets, helps));
    }
    const file = join(folder().base, `${command.document}.sh`);
    if (!existsSync(file)) writeFileSync(file, command.script);
    const answer = await runShell(folder(), [file], command.environment);
    host.changes.push(HostChange.parse(JSON.parse(answer.stdout)));
    return answer;
  };

  const host: FaultyHost = {
    description: "a folder that the scripts take for a NAT host",
    commands: [],
    changes: [],
    run: async (command) => {
      host.commands.push(collecting(command) ? "collect" : (command.parameters.Action ?? "?"));
      const run = () => carryOut(command);
      return (await meddle(command, run, host)) ?? (await run());
    },
    stop: async () => made?.remove(),
    settings: () =>
      made === undefined
        ? before
        : { max: made.settingNow("nf_conntrack_max"), buckets: made.settingNow("nf_conntrack_buckets") },
    incidents: () =>
      made?.exists("var/lib/nat-medic") ? readdirSync(made.at("var/lib/nat-medic")).sort() : [],
    armed: () => (made === undefined ? [] : readdirSync(units()).filter((unit) => unit.endsWith(".timer"))),
    elapse: async () => {
      for (const timer of host.armed()) {
        const command = readFileSync(join(units(), timer.replace(/timer$/, "command")), "utf8");
        const [, ...words] = command.trim().split("\n");
        await runShell(folder(), words, {});
      }
    },
    reboot: () => {
      boots += 1;
      folder().write("proc/sys/kernel/random/boot_id", bootOf(boots));
      const [file] = folder().exists("etc/sysctl.d") ? readdirSync(folder().at("etc/sysctl.d")) : [];
      const kept = file === undefined ? "" : folder().read(`etc/sysctl.d/${file}`);
      const configured = (setting: string, otherwise: number) =>
        Number(new RegExp(`${setting} = (\\d+)`).exec(kept)?.[1] ?? otherwise);
      folder().setting("nf_conntrack_max", configured("nf_conntrack_max", before.max));
      folder().setting("nf_conntrack_buckets", configured("nf_conntrack_buckets", before.buckets));
      for (const timer of host.armed()) rmSync(join(units(), timer));
    },
    write: (path, text) => folder().write(path, text),
    relapse: () => {
      folder().setting("nf_conntrack_max", before.max);
      folder().setting("nf_conntrack_buckets", before.buckets);
    },
  };
  return host;
}

export const printed = (stdout: string, exitCode = 0): HostAnswer => ({
  kind: "exited",
  exitCode,
  stdout,
  stderr: "",
  seconds: 0.1,
});

/** systemd as process 1: a unit is a file with its command, and goes when it is stopped. */
function withSystemd() {
  const folder = folderHost();
  const units = join(folder.base, "units");
  mkdirSync(units);
  folder.setting("nf_conntrack_count", 8000);
  folder.write("proc/sys/kernel/random/boot_id", bootOf(1));
  folder.write("run/systemd/system/.keep", "");
  folder.tool(
    "systemd-run",
    `for word in "$@"; do
  case $word in --unit=*) unit=${units}/\${word#--unit=} ;; esac
  shift
  case $word in --*) ;; *) set -- "$@" "$word" ;; esac
done
[ ! -e "$unit.timer" ] || exit 1
printf '%s\\n' "$@" > "$unit.command"
: > "$unit.timer"`,
  );
  folder.tool(
    "systemctl",
    `case $1 in
  stop) shift; for unit in "$@"; do rm -f "${units}/$unit"; done; exit 0 ;;
  is-active) ls ${units}/*.timer >/dev/null 2>&1 ;;
esac`,
  );
  return folder;
}

let agent: { run(words: string[], environment: Record<string, string>): Promise<Ran> } | undefined;

/** One for all hosts of this process; it ends with it. */
function startAgent(): NonNullable<typeof agent> {
  const process = fork(join(import.meta.dirname, "shell-agent.ts"), { execArgv: [] });
  const waiting = new Map<number, (ran: Ran) => void>();
  process.on("message", (message) => {
    const ran = Ran.parse(message);
    waiting.get(ran.id)?.(ran);
    waiting.delete(ran.id);
  });
  process.unref();
  process.channel?.unref();
  let jobs = 0;
  return {
    run: (words, environment) =>
      new Promise((resolve) => {
        jobs += 1;
        waiting.set(jobs, resolve);
        process.send({ id: jobs, words, environment } satisfies Job);
      }),
  };
}

/** As the SSM agent does it: the script is a file, its answer is what it prints. */
async function runShell(
  { base, root }: ReturnType<typeof folderHost>,
  words: string[],
  environment: Record<string, string>,
): Promise<HostAnswer & { kind: "exited" }> {
  agent ??= startAgent();
  const { exitCode, stdout, stderr } = await agent.run(words, {
    PATH: join(base, "tools"),
    NAT_MEDIC_ROOT: root,
    ...environment,
  });
  return { kind: "exited", exitCode, stdout, stderr, seconds: 0.1 };
}

/** What a real host with a full table printed; its connections are fresh and of many hosts, so that it has one cause. */
function fullTable(): HostEvidence {
  const { answers } = readRecording(recordingFile(readScenario("conntrack-table-full")));
  const { stdout = "" } = answers.find(({ document }) => document === "NatMedic-CollectHostEvidence") ?? {};
  const evidence = HostEvidence.parse(JSON.parse(stdout));
  const { table } = evidence;
  if (table === null) throw new Error("the recording has no table");
  const idle = Object.keys(table.establishedIdle).map((name) => [name, 0]);
  return {
    ...evidence,
    table: {
      ...table,
      establishedIdle: { ...Object.fromEntries(idle), under60: table.entries },
      sources: table.sources.map(([address]) => [address, Math.round(table.entries / 10)]),
    },
  };
}

/** What the collector prints there. */
export function reading(max: number, buckets: number, helps: boolean): string {
  const relieved = helps && max > before.max;
  const count = relieved ? 9000 : Math.round(max * 0.995);
  const counters = relieved ? { ...full.counters, "conntrack.drop": [455, 0] } : full.counters;
  return JSON.stringify({ ...full, conntrack: { ...full.conntrack, count, max, buckets }, counters });
}
