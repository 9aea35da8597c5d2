import { defineAction } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { registerUserAndTenant as register } from "../domain/accounts.ts";
import { authPayloadSchema } from "../domain/sessions.ts";
import { registrationSchema } from "./account-input.ts";

export const registerUserAndTenant = defineAction({
  name: "registerUserAndTenant",
  roles: "anonymous",
  input: registrationSchema,
  output: authPayloadSchema,
  run: (input, { deps }: { deps: Deps }) => register(deps, input, { ip: undefined, userAgent: undefined }),
});
