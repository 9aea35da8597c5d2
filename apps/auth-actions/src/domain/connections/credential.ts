import { EnvelopeError } from "@control-plane/crypto";
import type { Credential } from "@control-plane/egress";
import type { Auth } from "@control-plane/runs";
import type { Secrets } from "./secrets.ts";

/** Auth types whose secret is sent itself; OAuth sends a token that is bought with it. */
export type DirectAuth = Exclude<Auth, { authType: "OAUTH2_CLIENT_CREDENTIALS" }>;

/** A secret in the form in which it is sent, so that nobody else has to know auth types. */
export function directCredential(auth: DirectAuth, secrets: Secrets): Credential {
  switch (auth.authType) {
    case "NONE":
      return { headers: {}, query: {} };
    case "API_KEY": {
      const { in: place, name, prefix } = auth.authConfig;
      const value = prefixed(prefix, fieldOf(secrets, "apiKey"));
      return place === "HEADER"
        ? { headers: { [name.toLowerCase()]: value }, query: {} }
        : { headers: {}, query: { [name]: value } };
    }
    case "BASIC":
      return basicCredential(fieldOf(secrets, "username"), fieldOf(secrets, "password"));
    case "BEARER":
      return bearerCredential(fieldOf(secrets, "token"), auth.authConfig.prefix);
    default:
      return auth satisfies never;
  }
}

export function bearerCredential(token: string, prefix = "Bearer"): Credential {
  return { headers: { authorization: prefixed(prefix, token) }, query: {} };
}

export function basicCredential(username: string, password: string): Credential {
  const pair = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
  return { headers: { authorization: `Basic ${pair}` }, query: {} };
}

export function fieldOf(secrets: Secrets, name: string): string {
  const value = secrets[name];
  if (value === undefined) throw new EnvelopeError("value", "a secret lacks a field");
  return value;
}

/** One blank between them; an empty prefix is none. */
function prefixed(prefix: string, secret: string): string {
  return prefix === "" ? secret : `${prefix} ${secret}`;
}

/** Everything in a credential that must not be shown: the values, and what stands behind a scheme's name. */
export function secretParts({ headers, query }: Credential): string[] {
  return [...Object.values(headers), ...Object.values(query)].flatMap((value) => [
    value,
    value.split(" ").at(-1) ?? value,
  ]);
}
