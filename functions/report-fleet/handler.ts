/** What a run over many instances came to, for people. */
import * as z from "zod/mini";
import { FleetRun } from "../../core/fleet.ts";
import { Publication, publications } from "../../core/notice.ts";
import { fleetNotice } from "../../core/report/fleet.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";

export const handler = step({
  input: FleetRun,
  output: z.object({ messages: z.array(Publication) }),
  run: (run) => ({ messages: publications(fleetNotice(run), environment.topics()) }),
});
