import { parseInput } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { credentialsSchema, registrationSchema } from "../actions/account-input.ts";
import type { Deps } from "../deps.ts";
import { login, registerUserAndTenant } from "../domain/accounts.ts";
import type { Origin } from "../domain/sessions.ts";

const BODY_BYTES_MAX = 16 * 1024;

/** The same operations as the actions, for front ends that sign in before they speak to Hasura. */
export function registerAuthRoutes(server: FastifyInstance, deps: Deps): void {
  const options = { bodyLimit: BODY_BYTES_MAX, onRequest: onlyJson };
  server.post("/auth/register", options, async (request, reply) => {
    reply.header("cache-control", "no-store");
    return registerUserAndTenant(deps, parseInput(registrationSchema, request.body), originOf(request));
  });
  server.post("/auth/login", options, async (request, reply) => {
    reply.header("cache-control", "no-store");
    return login(deps, parseInput(credentialsSchema, request.body), originOf(request));
  });
}

async function onlyJson(request: FastifyRequest): Promise<void> {
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") throw new AppError("UNSUPPORTED_MEDIA_TYPE", "send application/json");
}

function originOf(request: FastifyRequest): Origin {
  return { ip: request.ip, userAgent: request.headers["user-agent"] };
}
