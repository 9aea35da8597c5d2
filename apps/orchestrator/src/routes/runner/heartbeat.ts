import { hashToken } from "@control-plane/crypto";
import { heartbeatRequestSchema } from "@control-plane/queue";
import { extendLease } from "@control-plane/runs";
import { parseInput } from "@control-plane/service-kit";
import type { FastifyInstance } from "fastify";
import type { Deps } from "../../deps.ts";
import { leaseToken, namedAttempt, type RunParams, requireLeaseToken, staleAttempt } from "./runner-request.ts";

/** A runner says it is alive, and hears whether it should stop. */
export function registerHeartbeatRoute(server: FastifyInstance, deps: Pick<Deps, "db" | "lease">): void {
  server.post<RunParams>("/runner/v1/runs/:runId/heartbeat", { onRequest: requireLeaseToken }, async (request) => {
    const { attempt } = parseInput(heartbeatRequestSchema, request.body);
    const held = { ...namedAttempt(request, attempt), leaseTokenHash: hashToken(leaseToken(request)) };
    const beat = await extendLease(deps.db, held, deps.lease);
    if (beat === undefined) throw staleAttempt();
    return {
      leaseExpiresAt: beat.leaseExpiresAt.toISOString(),
      deadlineAt: beat.deadlineAt.toISOString(),
      appliedSeq: beat.appliedSeq,
      cancelRequested: beat.cancelRequested,
    };
  });
}
