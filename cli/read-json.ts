import { readFileSync } from "node:fs";
import { UsageError } from "./command.ts";

/** The JSON in a file, or on standard input for "-". Throws `UsageError`. */
export function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${file === "-" ? "standard input" : file} is not JSON`);
  }
}

export function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new UsageError(code === "ENOENT" ? `there is no file ${file}` : `cannot read ${file} (${code})`);
  }
}
