import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { mySessions as listSessions } from "../domain/sign-out.ts";
import { defineAction } from "./define-action.ts";

export const mySessions = defineAction({
  name: "mySessions",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({}),
  output: z.array(
    z.object({
      sessionId: z.uuid(),
      tenantId: z.uuid(),
      createdAt: z.iso.datetime(),
      lastUsedAt: z.iso.datetime(),
      ip: z.string().nullable(),
      userAgent: z.string().nullable(),
    }),
  ),
  run: (_input, { caller, deps }) => listSessions(deps, caller),
});
