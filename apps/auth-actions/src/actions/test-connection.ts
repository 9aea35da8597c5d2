import { z } from "zod";
import { testConnection as test } from "../domain/connections/test-connection.ts";
import { defineAction } from "./define-action.ts";

export const testConnection = defineAction({
  name: "testConnection",
  access: { kind: "member", roles: ["owner", "admin", "builder"] },
  accessKeys: "allowed",
  input: z.strictObject({ connectionId: z.uuid() }),
  output: z.object({
    ok: z.boolean(),
    stage: z.string(),
    code: z.string(),
    httpStatus: z.int().nullable(),
    latencyMs: z.int().nullable(),
    message: z.string(),
    hint: z.string().nullable(),
    snippet: z.string().nullable(),
    checkedAt: z.iso.datetime(),
  }),
  run: ({ connectionId }, { caller, deps }) => test(deps, caller, connectionId),
});
