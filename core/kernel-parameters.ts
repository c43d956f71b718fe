/** A change of kernel parameters, as our document takes it and as a person would type it. */

import type { FixId, Prepared, SettingChange } from "./fix.ts";

export function parameterChange(
  fix: FixId,
  action: string,
  changes: readonly { name: string; before: number; after: number }[],
): Prepared {
  const settings: SettingChange[] = changes.map(({ name, before, after }) => {
    return { setting: name, before: String(before), after: String(after) };
  });
  return {
    action,
    settings,
    parameters: { Fix: fix, Changes: changes.map(({ name, after }) => `${name}=${after}`).join(",") },
    commands: changes.map(({ name, after }) => `sysctl -w ${keyOf(name)}=${after}`),
    undo: changes.toReversed().map(({ name, before }) => `sysctl -w ${keyOf(name)}=${before}`),
  };
}

/** The dots in an interface's name are not those between the words. */
function keyOf(name: string): string {
  const [, link, last] = /^net\.ipv4\.conf\.(.*\..*)\.([a-z_]+)$/.exec(name) ?? [];
  return link === undefined ? name : `net/ipv4/conf/${link}/${last}`;
}
