import { hashToken } from "@control-plane/crypto";
import { credentialsRequestSchema } from "@control-plane/queue";
import { INTEGER_MAX } from "@control-plane/runs";
import { parseInput } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { readCredential, staleAttempt } from "../../domain/connections/read-credential.ts";

type RunParams = { Params: { runId: string } };

const BODY_BYTES_MAX = 4_096;
const runIdSchema = z.uuid();

/** Part of the runner API: credentials leave here, and only for a run that is held. */
export function registerCredentialsRoute(server: FastifyInstance, deps: Deps): void {
  const options = { bodyLimit: BODY_BYTES_MAX, onRequest: requireLeaseToken };
  server.post<RunParams>("/runner/v1/runs/:runId/credentials", options, async (request, reply) => {
    reply.header("cache-control", "no-store");
    const { attempt, connectionId } = parseInput(credentialsRequestSchema, request.body);
    const runId = runIdSchema.safeParse(request.params.runId);
    // No run has such an id or number; a runner is told the same as of any attempt it does not hold.
    if (!runId.success || attempt > INTEGER_MAX) throw staleAttempt();
    const lease = { runId: runId.data, attempt, tokenHash: hashToken(leaseToken(request)) };
    return readCredential(deps, lease, connectionId);
  });
}

/** Comes before the body is read. */
async function requireLeaseToken(request: FastifyRequest): Promise<void> {
  leaseToken(request);
}

/** Well-formed only; whether it holds a lease is the database's to say. */
function leaseToken(request: FastifyRequest): string {
  const token = /^Bearer (lt_[A-Za-z0-9_-]{43})$/i.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) throw new AppError("UNAUTHENTICATED", "a lease token is needed");
  return token;
}
