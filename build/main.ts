/**
 * `npm run build`: everything that the template and the drill refer to, into `dist/`.
 * `node build/main.ts function OpenIncident FOLDER`: one bundle, for the Makefile that `sam build` calls.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { buildDocument, documents } from "../host/documents.ts";
import { bundleFunction, functionNames } from "./bundle.ts";
import { definitionJson } from "./definition.ts";
import {
  bundleFolder,
  definitionFile,
  dist,
  documentFile,
  folderName,
  machineNames,
  spokeFile,
} from "./layout.ts";
import { spokeTemplate } from "./spoke.ts";

const [what, name, folder] = process.argv.slice(2);
if (what === "function" && name !== undefined && folder !== undefined) {
  await bundleFunction(folderName(name), folder);
} else {
  // Built aside and then exchanged, so that what runs from here meanwhile never finds half of it.
  const fresh = `${dist}.${process.pid}`;
  for (const { name: document } of documents)
    write(documentFile(document, fresh), JSON.stringify(buildDocument(document), null, 1));
  for (const machine of machineNames) write(definitionFile(machine, fresh), definitionJson(machine));
  write(spokeFile(fresh), spokeTemplate());
  await Promise.all(functionNames.map((each) => bundleFunction(each, bundleFolder(each, fresh))));
  const stale = `${fresh}.old`;
  if (existsSync(dist)) renameSync(dist, stale);
  renameSync(fresh, dist);
  rmSync(stale, { recursive: true, force: true });
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
}
