import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { switchTenant as switchTo } from "../domain/refresh.ts";
import { authPayloadSchema } from "../domain/sessions.ts";
import { secretInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const switchTenant = defineAction({
  name: "switchTenant",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({ tenantId: z.uuid(), refreshToken: secretInput }),
  output: authPayloadSchema,
  run: (input, { caller, deps, origin }) => switchTo(deps, caller, input, origin),
});
