import { afterEach } from "vitest";
import { type Authenticator, createAuthenticator } from "../../src/session/authenticator.ts";
import { settingsFromEnv } from "../../src/settings.ts";

export const ADMIN_SECRET = "the-admin-secret";
/** Closed after each test. */
export const open: { close(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((resource) => resource.close()));
});

export async function authenticator(
  env: Record<string, string>,
  options: Parameters<typeof createAuthenticator>[1] = {},
): Promise<Authenticator> {
  const made = await createAuthenticator(settingsFromEnv(env), options);
  open.push(made);
  return made;
}

export function headers(given: Record<string, string>): ReadonlyMap<string, string> {
  return new Map(Object.entries(given));
}

export function claims(extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { "x-hasura-default-role": "builder", "x-hasura-allowed-roles": ["builder", "viewer"], ...extra };
}

export function payload(extra: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    exp: Math.floor(Date.now() / 1000) + 60,
    "https://hasura.io/jwt/claims": claims({ "X-Hasura-User-Id": "u1" }),
    ...extra,
  };
}

export function bearer(text: string): Record<string, string> {
  return { authorization: `Bearer ${text}` };
}

export const SECRET_ONLY = { HASURA_GRAPHQL_ADMIN_SECRET: ADMIN_SECRET };
