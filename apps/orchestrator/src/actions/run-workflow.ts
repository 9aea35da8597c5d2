import { createManualRun, jsonValueSchema } from "@control-plane/runs";
import { type Caller, currentTrace, defineAction } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";
import type { Deps } from "../deps.ts";

export const runWorkflow = defineAction({
  name: "runWorkflow",
  roles: ["owner", "admin", "builder"],
  input: z.strictObject({
    workflowId: z.uuid(),
    version: z
      .int()
      .min(1)
      .nullish()
      .transform((value) => value ?? undefined),
    input: jsonValueSchema.optional().transform((value) => value ?? null),
    idempotencyKey: z
      .string()
      .min(1)
      .max(255)
      .nullish()
      .transform((value) => value ?? undefined),
  }),
  output: z.object({ runId: z.uuid(), status: z.string(), deduplicated: z.boolean() }),
  async run(input, { caller, deps }: { caller: Caller; deps: Deps }) {
    const waitSeconds = deps.runRate.take(caller.tenantId);
    if (waitSeconds !== undefined)
      throw new AppError("RATE_LIMITED", "too many runs were started", { details: { retryAfterSeconds: waitSeconds } });
    return createManualRun(deps.db, caller, { ...input, traceparent: currentTrace()?.traceparent });
  },
});
