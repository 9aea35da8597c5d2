import { z } from "zod";

/** Validate only, write nothing. */
export const dryRunInput = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);

export const problemsOutput = z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() }));
