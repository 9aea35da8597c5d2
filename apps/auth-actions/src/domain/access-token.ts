import { randomUUID } from "node:crypto";
import { hasuraRole, type MemberRole } from "@control-plane/service-kit";
import { createSigner } from "fast-jwt";
import { LRUCache } from "lru-cache";
import type { SigningKey } from "./signing-keys.ts";

/** Access tokens live this long; every verifier refuses longer ones. */
export const LIFETIME_SECONDS = 15 * 60;
export const AUDIENCE = "control-plane";
export const CLAIMS_NAMESPACE = "https://hasura.io/jwt/claims";

export type TokenSubject = {
  userId: string;
  tenantId: string;
  role: MemberRole;
  /** Set when an access key buys the token. */
  tokenSource?: "access-key";
};
export type AccessToken = { token: string; expiresAt: Date };
export type IssueAccessToken = (subject: TokenSubject) => AccessToken;

/**
 * Signs RS256 tokens with Hasura's claims. Exactly one role is allowed, so a request header can raise nobody, and the
 * type of `hasuraRole` leaves no way to the word `admin`, which would be Hasura's superuser.
 */
export function createTokenIssuer(options: {
  issuer: string;
  currentKey: () => SigningKey;
  now: () => Date;
}): IssueAccessToken {
  const signers = new LRUCache<string, (payload: object) => string>({ max: 4 });
  const signerOf = (key: SigningKey): ((payload: object) => string) => {
    const known = signers.get(key.kid);
    if (known !== undefined) return known;
    const made = createSigner({
      key: key.privateKeyPem,
      algorithm: "RS256",
      kid: key.kid,
      header: { alg: "RS256", typ: "at+jwt" },
    });
    signers.set(key.kid, made);
    return made;
  };
  return ({ userId, tenantId, role, tokenSource }) => {
    const issuedAt = Math.floor(options.now().getTime() / 1000);
    const expiresAt = issuedAt + LIFETIME_SECONDS;
    const claimed = hasuraRole(role);
    const token = signerOf(options.currentKey())({
      iss: options.issuer,
      aud: AUDIENCE,
      sub: userId,
      iat: issuedAt,
      exp: expiresAt,
      jti: randomUUID(),
      [CLAIMS_NAMESPACE]: {
        "x-hasura-allowed-roles": [claimed],
        "x-hasura-default-role": claimed,
        "x-hasura-role": claimed,
        "x-hasura-user-id": userId,
        "x-hasura-tenant-id": tenantId,
        ...(tokenSource === undefined ? {} : { "x-hasura-token-source": tokenSource }),
      },
    });
    return { token, expiresAt: new Date(expiresAt * 1000) };
  };
}
