import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { createWebhookTrigger as create } from "../domain/create-webhook-trigger.ts";
import { schemeNames } from "../domain/schemes/all.ts";

export const createWebhookTrigger = defineAction({
  name: "createWebhookTrigger",
  roles: ["owner", "admin", "builder"],
  input: z.strictObject({
    workflowId: z.uuid(),
    name: z.string().trim().min(1).max(120),
    scheme: z.enum(schemeNames),
    signatureConfig: z.strictObject({}).nullish(),
    toleranceSeconds: z
      .int()
      .min(30)
      .max(900)
      .nullish()
      .transform((value) => value ?? 300),
    secret: z
      .string()
      .min(8)
      .max(512)
      .nullish()
      .transform((value) => value ?? undefined),
    enabled: z
      .boolean()
      .nullish()
      .transform((value) => value ?? true),
  }),
  output: z.object({
    triggerId: z.uuid(),
    webhookPath: z.string(),
    webhookUrl: z.url(),
    secret: z.string().nullable(),
  }),
  run: (input, { caller, deps }: { caller: Caller; deps: Deps }) => create(deps, caller, input),
});
