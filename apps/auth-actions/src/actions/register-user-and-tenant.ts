import { registerUserAndTenant as register } from "../domain/accounts.ts";
import { authPayloadSchema } from "../domain/sessions.ts";
import { registrationSchema } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const registerUserAndTenant = defineAction({
  name: "registerUserAndTenant",
  access: { kind: "anonymous" },
  input: registrationSchema,
  output: authPayloadSchema,
  run: (input, { deps, origin }) => register(deps, input, origin),
});
