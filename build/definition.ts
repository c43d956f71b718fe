/**
 * A state machine as JSON. The source is YAML with anchors, so that a retry policy is written once and the whole
 * process fits on a page; neither CloudFormation nor Step Functions promises to read anchors.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type MachineName, root } from "./layout.ts";

export function definitionJson(machine: MachineName): string {
  const source = readFileSync(join(root, "statemachine", `${machine}.asl.yaml`), "utf8");
  return JSON.stringify(parse(source), null, 1);
}
