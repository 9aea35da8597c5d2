import { compactVerify, decodeProtectedHeader, type ProtectedHeaderParameters } from "jose";
import { z } from "zod";
import { HasuraError } from "../hasura-error.ts";
import { JWT_ALGORITHMS, type VerificationKey } from "./key-set.ts";

export type TokenRules = {
  /** Empty = not checked. */
  readonly audience: readonly string[];
  readonly issuer: string | undefined;
  readonly allowedSkewSeconds: number;
  /** Undefined: no such key. `kid` is absent when a single key is configured. */
  readonly findKey: (header: ProtectedHeaderParameters) => VerificationKey | undefined;
};

/** Registered claims as far as their form is checked; all others stay as they are. */
const payloadSchema = z.looseObject({
  exp: z.number().optional(),
  nbf: z.number().optional(),
  iat: z.number().optional(),
  iss: z.string().optional(),
  sub: z.string().optional(),
  jti: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
});
export type TokenPayload = z.infer<typeof payloadSchema>;

const TOKEN_BYTES_MAX = 8192;
const SEGMENTS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** Header parameters that bring keys or rules of their own. */
const REFUSED_HEADERS = ["crit", "jwk", "jku", "x5u", "x5c"] as const;

/** A token whose signature holds, and what that was decided with. */
export type SignedToken = {
  readonly header: ProtectedHeaderParameters;
  readonly key: VerificationKey;
  readonly payload: TokenPayload;
};

/** Form and signature. Throws `invalid-jwt`. */
export async function verifySignature(token: string, findKey: TokenRules["findKey"]): Promise<SignedToken> {
  if (token.length > TOKEN_BYTES_MAX) throw refusal("JWSError the token is too long");
  if (!SEGMENTS.test(token) || !token.split(".").every(isCanonical)) throw refusal("JWSError CompactDecodeError");
  const header = protectedHeader(token);
  for (const name of REFUSED_HEADERS) {
    if (Object.hasOwn(header, name)) throw refusal(`JWSError header parameter ${name} is not accepted`);
  }
  const algorithm = JWT_ALGORITHMS.find((known) => known === header.alg);
  if (algorithm === undefined) throw refusal("JWSError AlgorithmNotImplemented");
  const found = findKey(header);
  if (found === undefined) throw refusal("JWSError JWSInvalidSignature");
  if (!found.algorithms.includes(algorithm)) throw refusal("JWSError AlgorithmMismatch");
  const bytes = await compactVerify(token, found.key, { algorithms: [algorithm] }).catch((error: unknown) => {
    throw refusal("JWSError JWSInvalidSignature", error);
  });
  return { header, key: found, payload: parsePayload(bytes.payload) };
}

/** Time, audience and issuer, with Hasura's messages. Throws `invalid-jwt`. */
export function checkPayload(payload: TokenPayload, rules: Omit<TokenRules, "findKey">, nowSeconds: number): void {
  const { exp, nbf, iss } = payload;
  if (exp === undefined) throw refusal("JWTClaimsSetDecodeError exp is missing");
  if (nowSeconds >= exp + rules.allowedSkewSeconds) throw refusal("JWTExpired");
  if (nbf !== undefined && nowSeconds < nbf - rules.allowedSkewSeconds) throw refusal("JWTNotYetValid");
  const given = payload.aud === undefined ? [] : [payload.aud].flat();
  if (rules.audience.length > 0 && !rules.audience.some((audience) => given.includes(audience)))
    throw refusal("JWTNotInAudience");
  if (rules.issuer !== undefined && iss !== rules.issuer) throw refusal("JWTNotInIssuer");
}

function protectedHeader(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token);
  } catch (error) {
    throw refusal("JWSError JSONDecodeError", error);
  }
}

/** Two texts must not stand for the same bytes. */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, "base64url").toString("base64url") === segment;
}

function parsePayload(bytes: Uint8Array): TokenPayload {
  try {
    return payloadSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (error) {
    throw refusal("JWTClaimsSetDecodeError", error);
  }
}

function refusal(reason: string, cause?: unknown): HasuraError {
  return new HasuraError("invalid-jwt", `Could not verify JWT: ${reason}`, "$", cause === undefined ? {} : { cause });
}
