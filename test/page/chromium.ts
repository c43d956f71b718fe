/** The Chromium that is installed on this machine, if there is one. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** `CHROMIUM`, or the first that the shell would find. */
function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(":").filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function whyNoChromium(): string | undefined {
  return findChromium() === undefined
    ? `no Chromium found (apt-get install -y --no-install-recommends chromium, or name one in CHROMIUM)`
    : undefined;
}

export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: findChromium()!,
    // Nothing but what the tests open.
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
