/** Where things are, from the top of the repository. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const dist = join(root, "dist");
/** Where Node keeps what it compiled, for the next start; `cli/nat-medic.mjs` names it too. */
export const compileCache = join(root, ".cache", "compiled");
/** `OpenIncident`, as resources and states are named, to `open-incident`, as folders are. */
export const folderName = (name: string) => name.replace(/(?<!^)[A-Z]/g, "-$&").toLowerCase();
/** The built bundle of a function: a folder with `handler.mjs`. */
export const bundleFolder = (name: string, base = dist) => join(base, "functions", name);
export const documentFile = (name: string, base = dist) => join(base, "documents", `${name}.json`);
/** One incident of one instance, and one run over many instances. */
export const machineNames = ["remediate", "fleet"] as const;
export type MachineName = (typeof machineNames)[number];
export const definitionFile = (machine: MachineName, base = dist) =>
  join(base, "statemachine", `${machine}.asl.json`);
/** The template for another account or Region. */
export const spokeFile = (base = dist) => join(base, "spoke.yaml");
