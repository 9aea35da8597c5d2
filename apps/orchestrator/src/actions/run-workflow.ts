import { createManualRun, INTEGER_MAX, jsonValueSchema, storageProblem } from "@control-plane/runs";
import { type Caller, currentTrace, defineAction, storableText } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { z } from "zod";
import type { Deps } from "../deps.ts";

const storable = z.unknown().superRefine((value, context) => {
  const message = storageProblem(value);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

export const runWorkflow = defineAction({
  name: "runWorkflow",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({
    workflowId: z.uuid(),
    version: z
      .int()
      .min(1)
      .max(INTEGER_MAX)
      .nullish()
      .transform((value) => value ?? undefined),
    input: storable
      .optional()
      .pipe(jsonValueSchema.optional())
      .transform((value) => value ?? null),
    idempotencyKey: storableText(255)
      .nullish()
      .transform((value) => value ?? undefined),
  }),
  output: z.object({ runId: z.uuid(), status: z.string(), deduplicated: z.boolean() }),
  async run(input, { caller, deps }: { caller: Caller; deps: Deps }) {
    const waitSeconds = await deps.runRate.take(caller.tenantId);
    if (waitSeconds !== undefined)
      throw new AppError("RATE_LIMITED", "too many runs were started", { details: { retryAfterSeconds: waitSeconds } });
    return createManualRun(deps.db, caller, { ...input, traceparent: currentTrace()?.traceparent });
  },
});
