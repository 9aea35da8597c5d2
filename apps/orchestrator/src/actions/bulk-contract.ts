import { instantSchema } from "@control-plane/queue";
import { z } from "zod";

const RUN_IDS_MAX = 1_000;

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

/** Which runs a call for many is about: in `statuses` of those that are allowed, `byDefault` unless the call names some. */
export function runFilterSchema<const S extends string>(allowed: readonly S[], byDefault: readonly S[]) {
  return z
    .strictObject({
      workflowId: optional(z.uuid()),
      triggerId: optional(z.uuid()),
      statuses: z
        .array(z.enum(allowed))
        .min(1)
        .max(allowed.length)
        .nullish()
        .transform((named): readonly S[] => [...new Set(named ?? byDefault)]),
      createdFrom: optional(instantSchema),
      createdTo: optional(instantSchema),
      runIds: optional(z.array(z.uuid()).min(1).max(RUN_IDS_MAX)),
    })
    .refine(
      ({ workflowId, triggerId, runIds }) => [workflowId, triggerId, runIds].some((given) => given !== undefined),
      "needs workflowId, triggerId or runIds",
    );
}

export const dryRunSchema = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
