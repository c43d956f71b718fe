/** From an event to an incident, or to a clear reason why there is none. */
import * as z from "zod/mini";
import { tagsOf } from "../../aws/ec2.ts";
import { instanceToLookUp, Opening, open } from "../../core/opening.ts";
import { triage } from "../../core/triage.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";

const Input = z.object({
  event: z.unknown(),
  execution: z.object({ name: z.string(), startedAt: z.string() }),
});

export const handler = step({
  input: Input,
  output: Opening,
  run: async ({ event, execution }) => {
    const triaged = triage(event, execution.startedAt);
    const instanceId = instanceToLookUp(triaged);
    const tags = instanceId === undefined ? undefined : await tagsOf(instanceId);
    return open({ triage: triaged, stackMode: environment.mode(), tags, execution });
  },
});
