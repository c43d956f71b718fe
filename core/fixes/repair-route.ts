import type { Fix, SettingChange } from "../fix.ts";
import { type RouteFault, routeArguments, routeFaults } from "../route-faults.ts";

export const repairRoute: Fix = {
  id: "repair-route",
  title: "Repair the default route",
  risk: "high",
  document: null,
  precondition: "The subnets of the route table are meant to reach the internet through this NAT.",
  effect: "At once: packets of these subnets take the new way. Connections over the old one break.",
  blastRadius: "Every subnet of the route table.",
  verifiedBy:
    "The next diagnosis reads the route tables again; connections of the subnet appear in the NAT's table.",
  undoing:
    "Exact for a route that was added; a route to something that no longer exists can only be deleted.",
  permissions: [],

  prepare(evidence) {
    const found = routeFaults(evidence);
    if (found === null) return { impossible: "the route tables could not be read" };
    if (found.faults.length === 0) return { impossible: "every route that should lead here does" };
    const settings: SettingChange[] = [];
    const commands: string[] = [];
    const undo: string[] = [];
    const done = new Set<string>();
    const faulty = found.faults.map(({ subnet }) => subnet.id);
    const sharing = (table: string | null) =>
      (evidence.cloud.network?.subnets ?? [])
        .filter(({ id, routeTableId }) => routeTableId === table && !faulty.includes(id))
        .map(({ id }) => id);
    for (const fault of found.faults) {
      const table = fault.subnet.routeTableId;
      const isShared = fault.kind === "other-zone" && sharing(table).length > 0;
      const change = table === null || done.has(table) || isShared ? null : changeFor(fault, table);
      if (table === null || change === null) continue;
      done.add(table);
      settings.push(change.setting);
      commands.push(change.command);
      undo.unshift(change.undo);
    }
    if (commands.length === 0) return { impossible: impossibility(found.faults) };
    const others = [...done].flatMap(sharing);
    const mind = others.length === 0 ? "" : `. Mind: it holds for ${others.join(", ")} as well`;
    return {
      action: `Set the default route of ${[...done].join(", ")}${mind}`,
      settings,
      parameters: {},
      commands,
      undo,
    };
  },
};

function changeFor({ kind, route, target }: RouteFault, table: string) {
  // A loop needs a route table of its own for the NAT: changing this one would cut its clients off.
  if (target === null || kind === "loop") return null;
  const name = routeArguments(table);
  const to = (id: string) => (id.startsWith("igw-") ? `--gateway-id ${id}` : `--network-interface-id ${id}`);
  const setting = {
    setting: `${table} default route`,
    before: route === null ? "none" : `${route.targetId}${route.blackhole ? " (blackhole)" : ""}`,
    after: target.id,
  };
  if (route === null) {
    return {
      setting,
      command: `aws ec2 create-route ${name} ${to(target.id)}`,
      undo: `aws ec2 delete-route ${name}`,
    };
  }
  const command = `aws ec2 replace-route ${name} ${to(target.id)}`;
  // EC2 refuses a route to what does not exist any more.
  const undo = route.blackhole
    ? `aws ec2 delete-route ${name}`
    : `aws ec2 replace-route ${name} ${to(route.targetId)}`;
  return { setting, command, undo };
}

function impossibility(faults: readonly RouteFault[]): string {
  if (faults.some(({ kind }) => kind === "loop")) {
    return "the NAT's subnet shares its route table with clients: give it one of its own that leads to an internet gateway";
  }
  if (faults.some(({ kind }) => kind === "other-zone")) {
    return "the route table is shared with subnets of this zone: give the other zone's subnets one of their own";
  }
  return faults.some(({ kind }) => kind === "no-way-out")
    ? "no internet gateway is known in this VPC: create and attach one first"
    : "the routes lead here already: the instance has to run";
}
