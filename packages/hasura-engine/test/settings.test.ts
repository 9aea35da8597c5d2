import { expect, test } from "vitest";
import { SettingsError, settingsFromEnv } from "../src/settings.ts";

const secret = { HASURA_GRAPHQL_ADMIN_SECRET: "admin" };
const key = "k".repeat(32);

function withJwt(jwt: unknown, env: Readonly<Record<string, string>> = secret) {
  return settingsFromEnv({ ...env, HASURA_GRAPHQL_JWT_SECRET: JSON.stringify(jwt) });
}

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

test("defaults are Hasura's", () => {
  const settings = settingsFromEnv({});

  expect(settings).toMatchObject({
    adminSecret: undefined,
    jwt: undefined,
    stringifyNumericTypes: false,
    adminInternalErrors: true,
    enabledApis: ["metadata", "graphql"],
    corsDomain: "*",
    corsLoopback: false,
    eventsFetchIntervalMs: 1000,
    eventsFetchBatchSize: 100,
    eventsHttpPoolSize: 100,
    port: 8080,
    host: "127.0.0.1",
  });
});

test("blank variables count as unset", () => {
  const settings = settingsFromEnv({ HASURA_GRAPHQL_ADMIN_SECRET: "", HASURA_GRAPHQL_DEV_MODE: "", OTHER: "" });

  expect(settings).toMatchObject({ adminSecret: undefined, devMode: false, env: {} });
});

test.each([
  ["true", true],
  ["T", true],
  ["Yes", true],
  ["n", false],
  ["FALSE", false],
])("the flag %s means %s", (text, expected) => {
  expect(settingsFromEnv({ HASURA_GRAPHQL_DEV_MODE: text }).devMode).toBe(expected);
});

test("all problems are told at once", () => {
  const problems = problemsOf(() =>
    settingsFromEnv({
      HASURA_GRAPHQL_DEV_MODE: "maybe",
      HASURA_GRAPHQL_SERVER_PORT: "x",
      HASURA_GRAPHQL_ENABLED_APIS: "graphql,pgdump",
    }),
  );

  expect(problems.map((problem) => problem.split(":")[0])).toEqual([
    "HASURA_GRAPHQL_DEV_MODE",
    "HASURA_GRAPHQL_ENABLED_APIS.1",
    "HASURA_GRAPHQL_SERVER_PORT",
  ]);
});

test("numbers that no timer and no socket takes are refused", () => {
  const problems = problemsOf(() =>
    settingsFromEnv({
      HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL: "2147483648",
      HASURA_GRAPHQL_EVENTS_FETCH_BATCH_SIZE: "2147483648",
      HASURA_GRAPHQL_LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL: "2147483648",
      HASURA_GRAPHQL_SERVER_PORT: "65536",
    }),
  );

  expect(problems.map((problem) => problem.split(":")[0])).toEqual([
    "HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL",
    "HASURA_GRAPHQL_EVENTS_FETCH_BATCH_SIZE",
    "HASURA_GRAPHQL_LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL",
    "HASURA_GRAPHQL_SERVER_PORT",
  ]);
});

test("a JWT secret by JWKS is read", () => {
  const { jwt } = withJwt({ jwk_url: "http://localhost/jwks", issuer: "me", audience: "you", allowed_skew: 30 });

  expect(jwt).toEqual({
    key: undefined,
    jwkUrl: "http://localhost/jwks",
    claims: { at: "namespace", name: "https://hasura.io/jwt/claims" },
    claimsFormat: "json",
    audience: ["you"],
    issuer: "me",
    allowedSkewSeconds: 30,
  });
});

test.each([
  [
    "an HS256 key shorter than 32 bytes",
    { type: "HS256", key: key.slice(1) },
    "an HS256 key shorter than 32 bytes is not supported by the embedded engine",
  ],
  [
    "claims_namespace beside claims_namespace_path",
    { type: "HS256", key, claims_namespace: "a", claims_namespace_path: "$.b" },
    "claims_namespace beside claims_namespace_path is not supported by the embedded engine",
  ],
  ["a claims_map", { type: "HS256", key, claims_map: {} }, "claims_map is not supported by the embedded engine"],
  [
    "a token in a cookie",
    { type: "HS256", key, header: { type: "Cookie" } },
    "a token outside the Authorization header is not supported by the embedded engine",
  ],
  ["neither key nor JWKS", {}, "exactly one of key and jwk_url must be given"],
  ["a key without type", { key }, "type must be given beside key"],
  ["an unknown key", { type: "HS256", key, issuers: "x" }, 'Unrecognized key: "issuers"'],
])("a JWT secret with %s is refused", (_name, jwt, message) => {
  const problems = problemsOf(() => withJwt(jwt));

  expect(problems.map((problem) => problem.replace(/^HASURA_GRAPHQL_JWT_SECRET[^:]*: /, ""))).toEqual([message]);
});

test("a JWT secret without admin secret is refused", () => {
  const problems = problemsOf(() => withJwt({ type: "HS256", key }, {}));

  expect(problems).toEqual([
    "HASURA_GRAPHQL_JWT_SECRET: JWT without HASURA_GRAPHQL_ADMIN_SECRET is not supported by the embedded engine",
  ]);
});
