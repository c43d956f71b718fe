/** What a look ahead over the whole fleet found, as one message; none where it would say nothing new. */
import * as z from "zod/mini";
import { keepTold, lastTold, reviewsOf } from "../../aws/prevention-store.ts";
import { Publication, publications } from "../../core/notice.ts";
import { Review } from "../../core/prevention/finding.ts";
import { isWorthTelling, RunSoFar } from "../../core/prevention/run.ts";
import { preventionNotice } from "../../core/report/prevention.ts";
import { environment } from "../environment.ts";
import { measure } from "../measure.ts";
import { now, step } from "../step.ts";

export const handler = step({
  input: z.extend(RunSoFar, { runId: Review.shape.runId }),
  output: z.object({ messages: z.array(Publication) }),
  run: async (given) => {
    const { runId } = given;
    const table = environment.table();
    const [reviews, before] = await Promise.all([reviewsOf(table, runId), lastTold(table, runId)]);
    const run = { ...given, at: now(), reviews, lastToldAt: before };
    measure("DailyLookDone", 1);
    if (!isWorthTelling(run)) return { messages: [] };
    await keepTold(table, { runId, at: run.at, before });
    return { messages: publications(preventionNotice(run), environment.topics()) };
  },
});
