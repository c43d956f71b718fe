/** The next instances of a run over many, and those that it leaves out. */
import * as z from "zod/mini";
import { findInstances } from "../../aws/fleet.ts";
import { Cursor, FleetPage, FleetSelection, lookFor, Purpose, pageOf } from "../../core/fleet.ts";
import { Mode } from "../../core/mode.ts";
import { inPlace } from "../in-place.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({
    selection: FleetSelection,
    cursor: z.nullable(Cursor),
    // Not needed here, but a mistake in them would be made once for each instance.
    purpose: Purpose,
    mode: z.nullable(Mode),
  }),
  output: FleetPage,
  run: async ({ selection, cursor }) => {
    const look = lookFor(selection, cursor);
    const found = await Promise.all(
      look.places.map(async (place) => {
        const instances = await inPlace(place, () => findInstances(look));
        return instances.map((instance) => ({ ...instance, place }));
      }),
    );
    return pageOf(selection, cursor, found.flat());
  },
});
