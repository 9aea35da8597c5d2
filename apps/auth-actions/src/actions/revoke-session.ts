import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { revokeSession as revoke } from "../domain/sign-out.ts";
import { okSchema } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const revokeSession = defineAction({
  name: "revokeSession",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({ sessionId: z.uuid() }),
  output: okSchema,
  run: ({ sessionId }, { caller, deps }) => revoke(deps, caller, sessionId),
});
