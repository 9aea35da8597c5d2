import { createPublicKey } from "node:crypto";
import { isOutage } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { fastifyJwt } from "@fastify/jwt";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import type { Deps } from "../deps.ts";
import { AUDIENCE } from "../domain/access-token.ts";
import type { PublicJwk } from "../domain/signing-keys.ts";
import { bearerToken, kidOf, SKEW_SECONDS, sessionOf } from "../domain/verify-access-token.ts";

/**
 * The session variables of a request's access token. Throws `UNAUTHENTICATED`, without saying what is wrong with it.
 * Whether its user is still a member is for the caller of this to ask.
 */
export type ReadBearer = (request: FastifyRequest) => Promise<Record<string, string>>;

const KEYS_MAX = 8;

/**
 * fast-jwt checks issuer and audience only of a token that has them, hence the required claims; what it does not check at
 * all (type, life time, the claims for Hasura) is checked after it.
 */
export async function registerBearer(
  server: FastifyInstance,
  deps: Pick<Deps, "signingKeys">,
  issuer: string,
): Promise<ReadBearer> {
  const pems = new LRUCache<string, string>({ max: KEYS_MAX });
  const pemOf = (jwk: PublicJwk): string => {
    const known = pems.get(jwk.kid);
    if (known !== undefined) return known;
    const pem = createPublicKey({ key: { ...jwk }, format: "jwk" })
      .export({ type: "spki", format: "pem" })
      .toString();
    pems.set(jwk.kid, pem);
    return pem;
  };
  await server.register(fastifyJwt, {
    secret: {
      public: async (_request: FastifyRequest, token: unknown) => {
        const header = typeof token === "object" && token !== null && "header" in token ? token.header : undefined;
        const kid = kidOf(header);
        const jwk = kid === undefined ? undefined : await deps.signingKeys.find(kid);
        if (jwk === undefined) throw unauthenticated();
        return pemOf(jwk);
      },
    },
    decode: { complete: true },
    verify: {
      algorithms: ["RS256"],
      allowedIss: issuer,
      allowedAud: AUDIENCE,
      requiredClaims: ["iss", "aud", "sub", "iat", "exp"],
      clockTolerance: SKEW_SECONDS * 1000,
      extractToken: ({ headers }) => bearerToken(headers.authorization),
    },
  });
  return async (request) => {
    const payload: unknown = await request.jwtVerify().catch((error: unknown) => {
      if (isOutage(error)) throw error;
      throw unauthenticated();
    });
    const session = sessionOf(payload, issuer, new Date());
    if (session === undefined) throw unauthenticated();
    return session;
  };
}

function unauthenticated(): AppError {
  return new AppError("UNAUTHENTICATED", "sign in first");
}
