import { z } from "zod";
import { resetPassword as reset } from "../domain/password-reset.ts";
import { okSchema, passwordInput, secretInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const resetPassword = defineAction({
  name: "resetPassword",
  access: { kind: "anonymous" },
  input: z.strictObject({ token: secretInput, newPassword: passwordInput }),
  output: okSchema,
  run: (input, { deps, origin }) => reset(deps, input, origin),
});
