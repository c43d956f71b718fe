/** Where in AWS an instance is. Null wherever a place is optional: the stack's own account and Region. */
import * as z from "zod/mini";

export const Place = z.strictObject({
  /** Twelve digits. */
  account: z.string().check(z.regex(/^[0-9]{12}$/)),
  region: z.string().check(z.regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/)),
});
export type Place = z.infer<typeof Place>;
