import { login as signIn } from "../domain/accounts.ts";
import { authPayloadSchema } from "../domain/sessions.ts";
import { credentialsSchema } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const login = defineAction({
  name: "login",
  access: { kind: "anonymous" },
  input: credentialsSchema,
  output: authPayloadSchema,
  run: (input, { deps, origin }) => signIn(deps, input, origin),
});
