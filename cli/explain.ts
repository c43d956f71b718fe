/** `nat-medic explain`: the page of a cause, in the terminal. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../build/layout.ts";
import { causes } from "../core/causes.ts";
import { type Command, UsageError } from "./command.ts";

const folder = join(root, "docs", "causes");

export const explain: Command = {
  help: `Usage: nat-medic explain [CAUSE]

Prints the page of a cause: what it is, what you see, how it is detected, how to check it by hand, how to fix it, make it
last and undo it. Without a name, lists every cause in the order in which they lead.

Exit code: 0, or 2 when there is no such page.
`,
  async run(args) {
    const { positionals } = parseArgs({ args, allowPositionals: true, options: {} });
    const [name, ...others] = positionals;
    if (others.length > 0) throw new UsageError("name one cause, or none for the list");
    process.stdout.write(name === undefined ? list() : page(name));
    return 0;
  },
};

function list(): string {
  const column = Math.max(...causes.map(({ id }) => id.length)) + 2;
  const lines = causes.map(({ id, title }) => `${id.padEnd(column)}${title}`);
  const answers = "healthy, not-the-nat, undetermined";
  return `${lines.join("\n")}\n\nAnswers that name no cause: ${answers}\n`;
}

function page(name: string): string {
  const file = join(folder, `${name}.md`);
  // Only names of our own pages: a path is none.
  if (!/^[a-z-]+$/.test(name) || !existsSync(file)) {
    const near = readdirSync(folder)
      .map((entry) => entry.replace(/\.md$/, ""))
      .filter((entry) => name.length > 2 && entry.includes(name.toLowerCase()));
    const hint = near.length === 0 ? "nat-medic explain lists them" : `did you mean ${near.join(", ")}?`;
    throw new UsageError(`there is no page "${name.slice(0, 60)}": ${hint}`);
  }
  return readFileSync(file, "utf8");
}
