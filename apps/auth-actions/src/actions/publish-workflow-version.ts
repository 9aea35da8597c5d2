import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { publishWorkflowVersion as publish } from "../domain/publishing.ts";

const optionalInt = (schema: z.ZodInt) => schema.nullish().transform((value) => value ?? undefined);

export const publishWorkflowVersion = defineAction({
  name: "publishWorkflowVersion",
  roles: ["owner", "admin", "builder"],
  input: z.strictObject({
    workflowId: z.uuid(),
    version: optionalInt(z.int().min(1)),
    expectedLatestVersion: optionalInt(z.int().min(0)),
    dryRun: z
      .boolean()
      .nullish()
      .transform((value) => value ?? false),
  }),
  output: z.object({
    workflowVersionId: z.uuid(),
    version: z.int(),
    isLatest: z.boolean(),
    publishedAt: z.iso.datetime().nullable(),
    previousVersion: z.int().nullable(),
    problems: z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() })),
  }),
  run: (input, { caller, deps }: { caller: Caller; deps: Deps }) => publish(deps, caller, input),
});
