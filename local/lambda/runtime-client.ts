import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/**
 * The entry file of Lambda's own runtime client for Node (`aws-lambda-ric`), fetched at the first call and kept in `.cache/ric`.
 * It is no dependency because installing it compiles C++; its JavaScript is one file and runs without the native part,
 * which `native-client.cjs` replaces.
 *
 * @throws Error when npm cannot fetch it, or what it fetched is not the file that was reviewed
 */
export const runtimeClient = async (): Promise<string> => {
  const entry = join(CACHE, VERSION, "index.mjs");
  if (existsSync(entry)) return entry;
  await mkdir(CACHE, { recursive: true });
  // Beside its place, so that tests that fetch at once each rename a whole folder.
  const folder = await mkdtemp(join(CACHE, "fetching-"));
  try {
    await run("npm", ["pack", `aws-lambda-ric@${VERSION}`, "--pack-destination", folder], { cwd: folder });
    const archive = join(folder, `aws-lambda-ric-${VERSION}.tgz`);
    const digest = createHash("sha512")
      .update(await readFile(archive))
      .digest("base64");
    if (digest !== SHA512) throw new Error(`aws-lambda-ric ${VERSION} is not the archive that was reviewed.`);
    await run("tar", [
      "-xzf",
      archive,
      "-C",
      folder,
      "package/index.mjs",
      "package/LICENSE",
      "package/NOTICE",
    ]);
    await rename(join(folder, "package"), join(CACHE, VERSION)).catch((error: unknown) => {
      if (!existsSync(entry)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return entry;
};

const VERSION = "4.0.2";
const SHA512 = "FE5Vskx7mYNnqAnWWJXUOsLp2VGgdsJsCoRLFTa8L4Yk0QVtArqR8q58yPA++QC1a73ZWJXBQ2AH31nIAv7NOQ==";
const CACHE = fileURLToPath(new URL("../../.cache/ric", import.meta.url));

const run = promisify(execFile);
