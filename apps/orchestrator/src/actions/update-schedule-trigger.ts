import { type Caller, defineAction } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { updateScheduleTrigger as update } from "../domain/update-schedule-trigger.ts";
import { catchUpPolicies, cronText, overlapPolicies, scheduleOutput, timezoneText } from "./schedule-arguments.ts";

/** What is absent or null stays as it is. */
export const updateScheduleTrigger = defineAction({
  name: "updateScheduleTrigger",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({
    triggerId: z.uuid(),
    cron: cronText.nullish().transform((value) => value ?? undefined),
    timezone: timezoneText.nullish().transform((value) => value ?? undefined),
    overlapPolicy: overlapPolicies.nullish().transform((value) => value ?? undefined),
    catchUpPolicy: catchUpPolicies.nullish().transform((value) => value ?? undefined),
  }),
  output: scheduleOutput,
  run: (input, { caller, deps }: { caller: Caller; deps: Deps }) => update(deps.db, caller, input),
});
