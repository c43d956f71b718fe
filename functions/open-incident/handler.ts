/** From an event to an incident, to the one that it belongs to, or to a clear reason why there is none. */
import * as z from "zod/mini";
import { Opening } from "../../core/opening.ts";
import { placeOfArn } from "../../core/place.ts";
import { step } from "../step.ts";
import { triageWithLookUps } from "./look-up.ts";
import { openInstance } from "./open-instance.ts";
import { openUndo } from "./open-undo.ts";
import { withdrawQuestions } from "./withdraw-questions.ts";

const Input = z.object({
  event: z.unknown(),
  /** Whether this is a second look, after a cool-down, a mute or a suppression. */
  waited: z.boolean(),
  /** ISO 8601. */
  now: z.string(),
  execution: z.object({ arn: z.string(), name: z.string(), startedAt: z.string() }),
});

export const handler = step({
  input: Input,
  output: Opening,
  run: async ({ event, waited, now, execution }): Promise<Opening> => {
    const triaged = await triageWithLookUps(event, { now, home: placeOfArn(execution.arn) });
    switch (triaged.decision) {
      case "open":
        return openInstance({ triaged, waited, execution, now });
      case "undo":
        return openUndo({ triaged, execution, now });
      case "fleet": {
        const { decision, selection, mode, probe, complaint } = triaged;
        return { decision, selection, mode, probe, complaint };
      }
      case "ignore": {
        const { reason, tell, cleared } = triaged;
        if (cleared !== undefined) await withdrawQuestions(cleared, now);
        return tell ? { decision: "refuse", subject: "an event", reason } : { decision: "ignore", reason };
      }
      default:
        return triaged satisfies never;
    }
  },
});
