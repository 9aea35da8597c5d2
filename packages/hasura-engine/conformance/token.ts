import { createHmac } from "node:crypto";

const KEY = "conformance-hs256-key-of-at-least-32-bytes";

/** HASURA_GRAPHQL_JWT_SECRET for cases that need one. */
export function tokenSecret(): string {
  return JSON.stringify({ type: "HS256", key: KEY });
}

/** A valid token whose claims are the given `x-hasura-*` headers; the role is default and only allowed one. */
export function sessionToken(headers: Readonly<Record<string, string>>): string {
  const variables = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name.startsWith("x-hasura-"));
  const role = variables.find(([name]) => name === "x-hasura-role")?.[1] ?? "user";
  const claims = {
    ...Object.fromEntries(variables.filter(([name]) => name !== "x-hasura-role" && name !== "x-hasura-admin-secret")),
    "x-hasura-default-role": role,
    "x-hasura-allowed-roles": [role],
  };
  const now = Math.floor(Date.now() / 1000);
  const payload = { sub: "conformance", iat: now, exp: now + 600, "https://hasura.io/jwt/claims": claims };
  const head = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(payload)}`;
  return `${head}.${createHmac("sha256", KEY).update(head).digest("base64url")}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
