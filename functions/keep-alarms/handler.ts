/** Each enrolled instance that runs has its own alarms, and no other has any; whatever event says that something changed. */
import * as z from "zod/mini";
import { occasionOf } from "../../core/alarms/occasion.ts";
import { environment } from "../environment.ts";
import { logger, step } from "../step.ts";
import { answerStack } from "./answer-stack.ts";
import { Kept, keepAlarms, nothingKept } from "./keep.ts";

export const handler = step({
  input: z.unknown(),
  output: Kept,
  run: async (event): Promise<Kept> => {
    const settings = { prefix: environment.alarmPrefix(), ...environment.instanceAlarms() };
    const occasion = occasionOf(event, settings.prefix);
    switch (occasion.kind) {
      case "instance":
        return keepAlarms(settings, { instanceId: occasion.instanceId });
      case "all":
        return keepAlarms(settings, { instanceId: null });
      case "stack":
        return answerStack(settings, occasion);
      case "nothing":
        logger.warn("nothing to keep", { reason: occasion.reason });
        return nothingKept;
      default:
        return occasion satisfies never;
    }
  },
});
