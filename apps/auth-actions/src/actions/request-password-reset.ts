import { z } from "zod";
import { requestPasswordReset as request } from "../domain/password-reset.ts";
import { emailInput, okSchema } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const requestPasswordReset = defineAction({
  name: "requestPasswordReset",
  access: { kind: "anonymous" },
  input: z.strictObject({ email: emailInput }),
  output: okSchema,
  run: ({ email }, { deps, origin }) => request(deps, email, origin),
});
