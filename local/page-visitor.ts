/** The link to the approval page, and what a browser does with it: opens it, and sends the form that it finds there. */

/** The link as messages carry it; the first group is the incident's ID. */
export const pageLink = /https?:\/\/\S+?\/incidents\/(inc-[a-z0-9-]+)\?key=[\w-]+/;

/** Throws when the page offers no such decision. */
export async function decideOnPage(link: string, decision: "approve" | "reject", note = ""): Promise<void> {
  const page = await fetch(link);
  const html = await page.text();
  const form = /<form\b[^>]*\bmethod="?post"?[^>]*>[\s\S]*?<\/form>/i.exec(html)?.[0] ?? "";
  const offered = tags(form, "button").some(
    (button) => button.name === "decision" && button.value === decision,
  );
  if (!offered) {
    const title = /<title>([^<]*)/.exec(html)?.[1] ?? "";
    throw new Error(`the approval page (${page.status} ${title.trim()}) does not offer to ${decision}`);
  }
  const fields = new URLSearchParams({ decision });
  for (const { type, name, value = "" } of tags(form, "input")) {
    if (type === "hidden" && name !== undefined) fields.set(name, value);
  }
  if (note !== "") fields.set("note", note);
  const action = tags(form, "form")[0]?.action ?? "";
  const answer = await fetch(new URL(action, link), { method: "POST", body: fields, redirect: "manual" });
  if (answer.status >= 400) throw new Error(`the approval page took no decision: ${answer.status}`);
}

/** The attributes of each such tag; our own page quotes all of them. */
function tags(html: string, name: string): Record<string, string>[] {
  return [...html.matchAll(new RegExp(`<${name}\\b([^>]*)>`, "gi"))].map(([, attributes = ""]) =>
    Object.fromEntries(
      [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, plain(value)]),
    ),
  );
}

const plain = (value: string) =>
  value.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
