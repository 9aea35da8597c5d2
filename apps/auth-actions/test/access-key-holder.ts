import type { Actions, TestUser } from "@control-plane/testkit";
import { createAccessKey } from "../src/actions/create-access-key.ts";
import { type BoughtToken, boughtTokenSchema } from "../src/domain/access-keys.ts";
import type { Service } from "./service.ts";

export type MadeKey = { keyId: string; key: string; expiresAt: string };

export function makeKey(actions: Actions, user: TestUser, input: object = {}): Promise<MadeKey> {
  return actions.succeed(createAccessKey, user, { name: "ci", ...input });
}

/** POST /auth/token as a program sends it. */
export async function askForToken({ server }: Service, key: string | undefined, headers: Record<string, string> = {}) {
  const reply = await server.inject({
    method: "POST",
    url: "/auth/token",
    headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headers },
  });
  return { status: reply.statusCode, headers: reply.headers, text: reply.body };
}

export async function buyToken(service: Service, key: string): Promise<BoughtToken> {
  const { status, text } = await askForToken(service, key);
  if (status !== 200) throw new Error(`the key bought no token: ${status} ${text}`);
  return boughtTokenSchema.parse(JSON.parse(text));
}
