import { type Caller, defineAction, nameText } from "@control-plane/service-kit";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { createScheduleTrigger as create } from "../domain/create-schedule-trigger.ts";
import { catchUpPolicies, cronText, overlapPolicies, scheduleOutput, timezoneText } from "./schedule-arguments.ts";

export const createScheduleTrigger = defineAction({
  name: "createScheduleTrigger",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  input: z.strictObject({
    workflowId: z.uuid(),
    name: nameText(120),
    cron: cronText,
    timezone: timezoneText,
    overlapPolicy: overlapPolicies.nullish().transform((value) => value ?? "ALLOW"),
    catchUpPolicy: catchUpPolicies.nullish().transform((value) => value ?? "LAST"),
    enabled: z
      .boolean()
      .nullish()
      .transform((value) => value ?? true),
  }),
  output: scheduleOutput,
  run: (input, { caller, deps }: { caller: Caller; deps: Deps }) => create(deps.db, caller, input),
});
