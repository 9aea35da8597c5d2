import { type Caller, defineAction, nameText, storableText } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { createWebhookTrigger as create } from "../domain/create-webhook-trigger.ts";
import { schemeNames } from "../domain/schemes/all.ts";

export const createWebhookTrigger = defineAction({
  name: "createWebhookTrigger",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({
    workflowId: z.uuid(),
    name: nameText(120),
    scheme: z.enum(schemeNames),
    /** Any JSON here; the scheme says what it takes. */
    signatureConfig: z
      .unknown()
      .optional()
      .transform((value) => value ?? {}),
    toleranceSeconds: z
      .int()
      .min(30)
      .max(900)
      .nullish()
      .transform((value) => value ?? 300),
    secret: storableText(512, 8)
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
