/** Ends an incident: its outcome is kept, the instance is free again, and what people will read is written. */
import * as z from "zod/mini";
import { Closing, Outcome } from "../../core/closing.ts";
import { Publication, publications } from "../../core/notice.ts";
import { report } from "../../core/report.ts";
import { environment } from "../environment.ts";
import { measure } from "../measure.ts";
import { step } from "../step.ts";
import { keepOutcome, whatIsKept } from "./keep-outcome.ts";

export const handler = step({
  input: Closing,
  output: z.object({
    outcome: Outcome,
    subject: z.string(),
    body: z.string(),
    messages: z.array(Publication),
  }),
  run: async (given) => {
    const kept = await whatIsKept(given);
    const closing = { ...given, incident: given.incident ?? kept?.incident ?? null };
    const { outcome, ...notice } = report(closing, kept?.triggers ?? []);
    const mine = kept === undefined || (await keepOutcome(closing, kept, { outcome, ...notice.people }));
    if (mine) measure("Outcome", 1, outcome);
    // Closed already, by whoever took this execution for dead: people were told then.
    const messages = mine ? publications(notice, environment.topics()) : [];
    return { outcome, ...notice.people, messages };
  },
});
