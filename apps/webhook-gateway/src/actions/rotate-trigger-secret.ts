import { type Caller, defineAction, storableText } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { rotateTriggerSecret as rotate } from "../domain/rotate-trigger-secret.ts";

const GRACE_SECONDS_DEFAULT = 86_400;
const GRACE_SECONDS_MAX = 604_800;

export const rotateTriggerSecret = defineAction({
  name: "rotateTriggerSecret",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({
    triggerId: z.uuid(),
    graceSeconds: z
      .int()
      .min(0)
      .max(GRACE_SECONDS_MAX)
      .nullish()
      .transform((seconds) => seconds ?? GRACE_SECONDS_DEFAULT),
    secret: storableText(512, 8)
      .nullish()
      .transform((value) => value ?? undefined),
  }),
  output: z.object({
    triggerId: z.uuid(),
    secret: z.string().nullable(),
    previousExpiresAt: z.iso.datetime().nullable(),
  }),
  run: (input, { caller, deps }: { caller: Caller; deps: Deps }) => rotate(deps, caller, input),
});
