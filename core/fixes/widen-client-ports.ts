import { type PortUse, tightestPortUse } from "../evidence/port-use.ts";
import type { Fix, Prepared } from "../fix.ts";
import { whole } from "../wording.ts";

/** All ports that need no privilege. */
const widest = { first: 1024, last: 65_535 };
/** Below 10000 the services of Windows listen (RDP 3389, WinRM 5985); Microsoft's own examples start here. */
const windows = { first: 10_000, count: 55_536 };
const file = "/etc/sysctl.d/99-zz-nat-medic-client-ports.conf";

export const widenClientPorts: Fix = {
  id: "widen-client-ports",
  title: "Give the client more ports",
  risk: "medium",
  document: null,
  precondition: "The host could be asked for its port range, and has less than the widest.",
  effect:
    "New connections of that host find a port at once. On Linux, ports in TIME_WAIT may be used again as well.",
  blastRadius:
    "That host alone. A service that starts there later may find its port taken by a connection, unless its port is reserved.",
  verifiedBy: "ports in use against the range, on that host",
  undoing: "The old range, reserved ports and reuse are put back. Connections on the new ports go on.",
  permissions: [],

  prepare(evidence) {
    const use = tightestPortUse(evidence);
    if (use === undefined)
      return { impossible: "the host behind the NAT could not be asked for its port range" };
    return use.reading.platform === "windows" ? onWindows(use) : onLinux(use);
  },
};

function onLinux(use: PortUse): Prepared | { impossible: string } {
  const { reading, source } = use;
  const [first, last] = reading.portRange;
  const { reserved, listeners, timeWaitReuse, timestamps } = reading;
  const settings: Prepared["settings"] = [];
  const change = (setting: string, before: string, after: string) => {
    if (before !== after) settings.push({ setting, before, after });
  };
  if (reserved !== null) {
    const after = [...(reserved === "" ? [] : [reserved]), ...newListeners(listeners, reserved)].join(",");
    change("net.ipv4.ip_local_reserved_ports", reserved, after);
  }
  const wanted = `${Math.min(first, widest.first)} ${Math.max(last, widest.last)}`;
  change("net.ipv4.ip_local_port_range", `${first} ${last}`, wanted);
  // Without timestamps the kernel reuses no port in TIME_WAIT, whatever this says.
  if (timeWaitReuse !== null && timestamps !== 0) change("net.ipv4.tcp_tw_reuse", String(timeWaitReuse), "1");
  if (!settings.some(({ setting }) => setting !== "net.ipv4.ip_local_reserved_ports")) {
    return { impossible: `${source} has the widest port range already: only fewer connections help` };
  }
  const byHand =
    reserved === null ? ["Reserve the ports of its services first: their list could not be read."] : [];
  const lines = settings.map(({ setting, after }) => `${setting} = ${after}`);
  return {
    action: [
      `On ${whereIs(use)}, as root: ports ${wanted.replace(" ", " to ")} instead of ${first} to ${last},`,
      `now and at every boot, which is ${whole(widest.last - widest.first + 1)} to each destination.`,
      ...byHand,
    ].join(" "),
    settings: settings.map((setting) => ({ ...setting, setting: `${setting.setting} of ${source}` })),
    parameters: {},
    commands: sendLinux(use, [
      `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} > ${file}`,
      `sysctl -p ${file}`,
    ]),
    undo: sendLinux(use, [
      `rm -f ${file}`,
      ...settings.map(({ setting, before }) => `sysctl -w '${setting}=${before}'`),
    ]),
  };
}

/** Ports that something listens on and nobody has set aside yet. */
function newListeners(listeners: number[], reserved: string): string[] {
  const covered = reserved.split(",").filter((part) => part !== "");
  return listeners
    .filter(
      (port) =>
        !covered.some((part) => {
          const [from, to] = part.split("-").map(Number);
          return from !== undefined && port >= from && port <= (to ?? from);
        }),
    )
    .map(String);
}

function onWindows(use: PortUse): Prepared | { impossible: string } {
  const [first, last] = use.reading.portRange;
  const count = last - first + 1;
  if (count >= windows.count) {
    return { impossible: `${use.source} has ${whole(count)} ports already: only fewer connections help` };
  }
  const set = (start: number, num: number) =>
    `netsh int ipv4 set dynamicport tcp start=${start} num=${num} store=persistent`;
  return {
    action: `On ${whereIs(use)}, as administrator: ${whole(windows.count)} dynamic ports from ${windows.first} instead of ${whole(count)} from ${first}. It lasts over restarts.`,
    settings: [
      {
        setting: `dynamic TCP ports of ${use.source}`,
        before: `${first} to ${last}`,
        after: `${windows.first} to ${windows.first + windows.count - 1}`,
      },
    ],
    parameters: {},
    commands: send(use, "AWS-RunPowerShellScript", [set(windows.first, windows.count)]),
    undo: send(use, "AWS-RunPowerShellScript", [set(first, count)]),
  };
}

const sendLinux = (use: PortUse, lines: string[]) => send(use, "AWS-RunShellScript", lines);

/** Not our own document: these may run on NAT instances only. By hand on the host where no instance is known. */
function send({ instanceId }: PortUse, document: string, lines: string[]): string[] {
  if (instanceId === null) return lines;
  const parameters = JSON.stringify({ commands: lines }).replaceAll("'", "'\\''");
  return [
    `aws ssm send-command --instance-ids ${instanceId} --document-name ${document} --parameters '${parameters}'`,
  ];
}

const whereIs = ({ source, instanceId }: PortUse) =>
  instanceId === null ? source : `${source} (${instanceId})`;
