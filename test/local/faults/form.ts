/** People at the approval page. */
import { decideOnPage } from "../../../local/page-visitor.ts";

/** The form is sent by a page that was opened earlier, whatever holds by now. */
export async function submit(link: string, decision: "approve" | "reject"): Promise<string> {
  const url = new URL(link);
  const body = new URLSearchParams({ key: url.searchParams.get("key") ?? "", decision });
  const answer = await fetch(url, { method: "POST", body });
  if (!answer.ok) throw new Error(`the approval page answered ${answer.status}`);
  return await answer.text();
}

/** Somebody who approves, and loads the page again when it could not be had. */
export async function approvePatiently(link: string): Promise<void> {
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    try {
      await decideOnPage(link, "approve");
      return;
    } catch {
      // Loaded again, it shows what holds by now: the form may be there, or need not be.
    }
  }
}
