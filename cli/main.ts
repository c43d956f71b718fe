/** The command line. Each command is one file; it is loaded only when it is asked for. */
import { type Command, UsageError } from "./command.ts";

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  drill: async () => (await import("./drill.ts")).drill,
  doctor: async () => (await import("./doctor.ts")).doctor,
  explain: async () => (await import("./explain.ts")).explain,
  triage: async () => (await import("./triage.ts")).triageCommand,
  diagnose: async () => (await import("./diagnose.ts")).diagnose,
  show: async () => (await import("./show.ts")).show,
  approve: async () => (await import("./decide.ts")).approve,
  reject: async () => (await import("./decide.ts")).reject,
  undo: async () => (await import("./undo.ts")).undo,
  "test-alarm": async () => (await import("./test-alarm.ts")).testAlarm,
  local: async () => (await import("./local.ts")).local,
};

const help = `Usage: nat-medic <command> [options]

  drill    play an incident from alarm to verified fix, without an AWS account
  doctor   diagnose this machine, one reached over ssh, or saved evidence
  explain  print the page of a cause: how it is detected, checked by hand, fixed and undone
  triage   say how an event would be treated
  local    keep the embedded AWS running, for the AWS CLI and your own tests

of a deployed stack:
  diagnose start a diagnosis by hand, of one instance, several, a tag or the whole fleet
  test-alarm
           set an alarm off, and follow its incident

and with the ID that every message names:
  show     what happened in an incident: evidence, decisions, changes, outcome
  approve  let NAT Medic make the changes that it asks about
  reject   tell it not to
  undo     put back what a finished incident changed

nat-medic <command> --help says more.
`;

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...rest]: string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(help);
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) return mistake(`there is no command "${name}"`, "nat-medic --help");
  const command = await load();
  if (rest.includes("--help") || rest.includes("-h")) {
    process.stdout.write(command.help);
    return 0;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    // parseArgs' own errors carry such codes; everything else that is not a UsageError is a bug and shows its trace.
    const isParseArgs =
      error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    if (!isParseArgs && !(error instanceof UsageError)) throw error;
    return mistake(error.message.split("\n")[0] ?? "", `nat-medic ${name} --help`);
  }
}

function mistake(what: string, wayOut: string): number {
  process.stderr.write(`nat-medic: ${what} (see ${wayOut})\n`);
  return 2;
}
