/**
 * `npm run build`: everything that the template and the drill refer to, into `dist/`.
 * `node build/main.ts function OpenIncident FOLDER`: one bundle, for the Makefile that `sam build` calls.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { buildDocument, documents } from "../host/documents.ts";
import { bundleFunction, functionNames } from "./bundle.ts";
import { definitionJson } from "./definition.ts";
import { bundleFolder, definitionFile, dist, documentFile } from "./layout.ts";

const [what, name, folder] = process.argv.slice(2);
if (what === "function" && name !== undefined && folder !== undefined) {
  await bundleFunction(kebab(name), folder);
} else {
  rmSync(dist, { recursive: true, force: true });
  for (const { name: document } of documents)
    write(documentFile(document), JSON.stringify(buildDocument(document), null, 1));
  write(definitionFile, definitionJson());
  await Promise.all(functionNames.map((each) => bundleFunction(each, bundleFolder(each))));
}

/** `OpenIncident`, a resource's name in the template, to `open-incident`, its folder. */
function kebab(name: string): string {
  return name.replace(/(?<!^)[A-Z]/g, "-$&").toLowerCase();
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
}
