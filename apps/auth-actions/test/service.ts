import { test as base } from "@control-plane/testkit";
import { importJWK, type JWK, jwtVerify } from "jose";
import { z } from "zod";
import { loadConfig } from "../src/config.ts";
import { createDeps } from "../src/deps.ts";
import { buildServer } from "../src/server.ts";

export const ACTION_SECRET = "the-secret-of-hasura-actions";
export const ISSUER = "https://auth.test.example";

/** The service as `main.ts` builds it, with the test's own database and keyring. */
export const test = base.extend("service", { auto: true }, async ({ db, keys, actions }, { onCleanup }) => {
  const config = loadConfig({
    PORT: "0",
    LOG_LEVEL: "silent",
    DATABASE_URL: db.urlAs("cp_auth"),
    KEYRING: keys.keyring,
    HASURA_ACTION_SECRET: ACTION_SECRET,
    HASURA_EVENT_SECRET: "the-secret-of-hasura-events",
    JWT_ISSUER: ISSUER,
  });
  const { deps, close } = await createDeps(config);
  const server = await buildServer(deps, {
    actionSecrets: config.HASURA_ACTION_SECRET,
    corsOrigins: ["https://app.example"],
    trustedProxies: [],
  });
  onCleanup(async () => {
    await server.close();
    await close();
  });
  actions.bind(server, ACTION_SECRET);
  return { server, deps };
});

export type Service = { server: Awaited<ReturnType<typeof buildServer>> };

const refusalSchema = z.object({
  message: z.string(),
  extensions: z.looseObject({ code: z.string(), requestId: z.string() }),
});

/** A direct HTTP call as a front end makes it. */
export async function post({ server }: Service, url: string, payload: unknown, headers: Record<string, string> = {}) {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  const reply = await server.inject({
    method: "POST",
    url,
    headers: { "content-type": "application/json", ...headers },
    payload: text,
  });
  const body: unknown = JSON.parse(reply.body);
  const refusal = refusalSchema.safeParse(body);
  return {
    status: reply.statusCode,
    headers: reply.headers,
    body,
    text: reply.body,
    code: refusal.data?.extensions.code,
  };
}

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });

/** Header and payload of an access token, verified against what the service publishes. */
export async function verified({ server }: Service, token: string) {
  const jwks = jwksSchema.parse((await server.inject("/.well-known/jwks.json")).json());
  return jwtVerify(
    token,
    async ({ kid }) => {
      const jwk: JWK | undefined = jwks.keys.find((key) => key.kid === kid);
      if (jwk === undefined) throw new Error(`no key ${kid}`);
      return importJWK(jwk, "RS256");
    },
    { issuer: ISSUER, audience: "control-plane", algorithms: ["RS256"], typ: "at+jwt" },
  );
}
