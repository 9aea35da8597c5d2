import { defineAction } from "@control-plane/service-kit";
import type { Deps } from "../deps.ts";
import { login as signIn } from "../domain/accounts.ts";
import { authPayloadSchema } from "../domain/sessions.ts";
import { credentialsSchema } from "./account-input.ts";

export const login = defineAction({
  name: "login",
  roles: "anonymous",
  input: credentialsSchema,
  output: authPayloadSchema,
  run: (input, { deps }: { deps: Deps }) => signIn(deps, input, { ip: undefined, userAgent: undefined }),
});
