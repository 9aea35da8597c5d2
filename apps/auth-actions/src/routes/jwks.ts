import type { FastifyInstance } from "fastify";
import type { Deps } from "../deps.ts";

/** Hasura refetches only after `max-age`, and never without one. */
export function registerJwksRoute(server: FastifyInstance, deps: Pick<Deps, "signingKeys">): void {
  server.get("/.well-known/jwks.json", async (_request, reply) => {
    reply.header("cache-control", "public, max-age=60");
    return { keys: deps.signingKeys.publicKeys() };
  });
}
