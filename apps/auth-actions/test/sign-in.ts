import type { Actions, TestUser } from "@control-plane/testkit";
import { login } from "../src/actions/login.ts";
import { type AuthPayload, authPayloadSchema } from "../src/domain/sessions.ts";

/** A session of the user, in the tenant he was made in unless another slug is given. */
export async function signIn(
  actions: Actions,
  { email, password }: Pick<TestUser, "email" | "password">,
  change: { password?: string; tenantSlug?: string } = {},
): Promise<AuthPayload> {
  return authPayloadSchema.parse(await actions.succeed(login, "anonymous", { email, password, ...change }));
}
