import { test as base, type TestDatabase, type TestKeys } from "@control-plane/testkit";
import { importJWK, type JWK, jwtVerify } from "jose";
import { inject } from "vitest";
import { z } from "zod";
import { loadConfig } from "../src/config.ts";
import { createDeps } from "../src/deps.ts";
import { sealSigningKey } from "../src/domain/signing-keys.ts";
import { buildServer } from "../src/server.ts";
import { findPublishedKeys, insertSigningKey } from "../src/store/signing-keys.ts";

export const ACTION_SECRET = "the-secret-of-hasura-actions";
export const EVENT_SECRET = "the-secret-of-hasura-events";
export const ISSUER = "https://auth.test.example";

/** What `process.env` holds for the service: the test's own database and keyring. */
export function environment(db: TestDatabase, keys: TestKeys): Record<string, string> {
  return {
    PORT: "0",
    LOG_LEVEL: "silent",
    DATABASE_WAIT_MS_MAX: "20000",
    DATABASE_URL: db.urlAs("cp_auth"),
    KEYRING: keys.keyring,
    HASURA_ACTION_SECRET: ACTION_SECRET,
    HASURA_EVENT_SECRET: EVENT_SECRET,
    CORS_ORIGINS: "https://app.example,loopback",
    JWT_ISSUER: ISSUER,
    APP_URL: "https://app.example/console/",
    MAIL_FROM: "Control plane <no-reply@control.example>",
    // Nothing listens there: tests that send mail bring their own server.
    SMTP_URL: "smtp://127.0.0.1:9",
  };
}

async function giveSigningKey({ db }: TestDatabase, { envelope }: TestKeys): Promise<void> {
  if ((await findPublishedKeys(db)).length > 0) return;
  await insertSigningKey(db, await sealSigningKey(envelope, inject("signingKeyPem")), "CURRENT");
}

/** The service as `main.ts` builds it, with that and whatever else a test sets. */
export async function openService(db: TestDatabase, keys: TestKeys, settings: Readonly<Record<string, string>> = {}) {
  const config = loadConfig({ ...environment(db, keys), ...settings });
  if (config.KEY_PROVIDER === "local") await giveSigningKey(db, keys);
  const { deps, close } = await createDeps(config);
  const server = await buildServer(deps, {
    actionSecrets: config.HASURA_ACTION_SECRET,
    eventSecrets: config.HASURA_EVENT_SECRET,
    corsOrigins: config.CORS_ORIGINS,
    trustedProxies: config.TRUSTED_PROXIES,
    issuer: config.JWT_ISSUER,
  });
  const end = async (): Promise<void> => {
    await server.close();
    await close();
  };
  return { server, deps, close: end };
}

export const test = base
  .extend("service", { auto: true }, async ({ db, keys, actions }, { onCleanup }) => {
    const { close, ...service } = await openService(db, keys);
    onCleanup(close);
    actions.bind(service.server, ACTION_SECRET);
    return service;
  })
  /** Another replica over the same database. */
  .extend("secondService", async ({ db, keys }, { onCleanup }) => {
    const { close, ...service } = await openService(db, keys);
    onCleanup(close);
    return service;
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
