import { z } from "zod";
import { refreshSession as refresh } from "../domain/refresh.ts";
import { authPayloadSchema } from "../domain/sessions.ts";
import { secretInput } from "./account-input.ts";
import { defineAction } from "./define-action.ts";

export const refreshSession = defineAction({
  name: "refreshSession",
  access: { kind: "anonymous" },
  input: z.strictObject({ refreshToken: secretInput }),
  output: authPayloadSchema,
  run: ({ refreshToken }, { deps, origin }) => refresh(deps, refreshToken, origin),
});
