import { storageProblem } from "@control-plane/runs";
import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { sendTestWebhook as send } from "../domain/send-test-webhook.ts";

export const sendTestWebhook = defineAction({
  name: "sendTestWebhook",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({
    triggerId: z.uuid(),
    /** Any JSON that a run's input may be. */
    payload: z.unknown().superRefine((value, context) => {
      const message = value === undefined ? "is missing" : storageProblem(value);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    }),
  }),
  output: z.object({ httpStatus: z.int(), deliveryId: z.uuid().nullable(), runId: z.uuid().nullable() }),
  run: (input, { caller, deps }: { caller: Caller; deps: Deps }) => send(deps, caller, input),
});
