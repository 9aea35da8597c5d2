import { z } from "zod";
import { AUDIENCE, CLAIMS_NAMESPACE, LIFETIME_SECONDS } from "./access-token.ts";

/** How far the clocks of issuer and verifier may be apart. */
export const SKEW_SECONDS = 30;
/** Refused before any cryptography. */
const TOKEN_LENGTH_MAX = 8 * 1024;

/** The token of an Authorization header; undefined for everything that is not exactly one JWS in compact form. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > TOKEN_LENGTH_MAX) return undefined;
  return /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1];
}

/** No further parameter: `crit` changes what a token means; `jwk`, `jku`, `x5u` and `x5c` bring a key of their own. */
const headerSchema = z.strictObject({ alg: z.literal("RS256"), typ: z.literal("at+jwt"), kid: z.string() });

/** The name of the key that signed, according to a protected header that is as our issuer makes them. */
export function kidOf(header: unknown): string | undefined {
  return headerSchema.safeParse(header).data?.kid;
}

const claimsSchema = z
  .object({
    "x-hasura-user-id": z.uuid(),
    "x-hasura-tenant-id": z.uuid(),
    "x-hasura-role": z.enum(["owner", "tenant_admin", "builder", "viewer"]),
    "x-hasura-default-role": z.string(),
    "x-hasura-allowed-roles": z.tuple([z.string()]),
    "x-hasura-token-source": z.literal("access-key").optional(),
  })
  .refine((claims) => claims["x-hasura-default-role"] === claims["x-hasura-role"], "one role only")
  .refine((claims) => claims["x-hasura-allowed-roles"][0] === claims["x-hasura-role"], "one role only");

const payloadSchema = z
  .object({
    iss: z.string(),
    aud: z.literal(AUDIENCE),
    sub: z.uuid(),
    iat: z.int(),
    exp: z.int(),
    [CLAIMS_NAMESPACE]: claimsSchema,
  })
  .refine(({ iat, exp }) => exp - iat <= LIFETIME_SECONDS, "lives too long")
  .refine((payload) => payload.sub === payload[CLAIMS_NAMESPACE]["x-hasura-user-id"], "two users");

/**
 * The session variables of a payload whose signature and times hold, as Hasura would have them; undefined where a claim
 * is absent, or is not what our issuer makes.
 */
export function sessionOf(payload: unknown, issuer: string, now: Date): Record<string, string> | undefined {
  const parsed = payloadSchema.safeParse(payload);
  if (!parsed.success || parsed.data.iss !== issuer) return undefined;
  if (parsed.data.iat > now.getTime() / 1000 + SKEW_SECONDS) return undefined;
  const claims = parsed.data[CLAIMS_NAMESPACE];
  const source = claims["x-hasura-token-source"];
  return {
    "x-hasura-user-id": claims["x-hasura-user-id"],
    "x-hasura-tenant-id": claims["x-hasura-tenant-id"],
    "x-hasura-role": claims["x-hasura-role"],
    ...(source === undefined ? {} : { "x-hasura-token-source": source }),
  };
}
