import { LRUCache } from "lru-cache";
import type { JwtSettings } from "../settings.ts";
import { readClaims, type TokenClaims } from "./token-claims.ts";
import { checkPayload, type SignedToken, type TokenRules, verifySignature } from "./verify-token.ts";

/** `claims` is the same object for every use of a token. */
export type ReadToken = { readonly claims: TokenClaims; readonly expiresAt: number | undefined };

/** About 1 KiB each. */
const TOKENS_MAX = 2_000;

/**
 * Returns a function that verifies tokens and throws HasuraError. That a signature holds under a key never changes, so
 * it is remembered for tokens whose key is still the one in force; time, audience and issuer are checked each time. What
 * fails is not remembered: nobody without a valid token takes memory.
 */
export function createTokenReader(
  settings: JwtSettings,
  rules: TokenRules,
): (token: string, nowSeconds: number) => Promise<ReadToken> {
  const verified = new LRUCache<string, SignedToken & { readonly claims: TokenClaims }>({ max: TOKENS_MAX });
  return async (token, nowSeconds) => {
    const known = verified.get(token);
    if (known !== undefined && rules.findKey(known.header) === known.key) {
      checkPayload(known.payload, rules, nowSeconds);
      return { claims: known.claims, expiresAt: known.payload.exp };
    }
    const signed = await verifySignature(token, rules.findKey);
    checkPayload(signed.payload, rules, nowSeconds);
    const claims = readClaims(signed.payload, settings);
    verified.set(token, { ...signed, claims });
    return { claims, expiresAt: signed.payload.exp };
  };
}
