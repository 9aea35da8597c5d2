import { MEMBER_ROLES } from "@control-plane/service-kit";
import { z } from "zod";
import { changePassword as change } from "../domain/change-password.ts";
import { okSchema, passwordInput, secretInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const changePassword = defineAction({
  name: "changePassword",
  access: { kind: "member", roles: MEMBER_ROLES },
  input: z.strictObject({
    currentPassword: passwordInput,
    newPassword: passwordInput,
    refreshToken: secretInput.nullish().transform((token) => token ?? undefined),
  }),
  output: okSchema,
  run: (input, { caller, deps }) => change(deps, caller, input),
});
