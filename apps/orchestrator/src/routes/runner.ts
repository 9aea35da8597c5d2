import { hashToken } from "@control-plane/crypto";
import { type ClaimReply, claimRequestSchema, eventsRequestSchema, heartbeatRequestSchema } from "@control-plane/queue";
import { applyEvents, claimRun, extendLease, isHeld } from "@control-plane/runs";
import { parseInput, secretMatches } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import { eventProblem } from "../domain/event-problem.ts";
import { INTEGER_MAX, storageProblem } from "../domain/storable.ts";

const EVENTS_BYTES_MAX = 4 * 1024 * 1024;

const runIdSchema = z.uuid();
const claimBodySchema = claimRequestSchema.refine(({ runnerId }) => storageProblem(runnerId) === undefined, {
  path: ["runnerId"],
  error: "cannot be stored",
});
type RunParams = { Params: { runId: string } };

/** The API of runners, in any language (runs.md §5). Not routed by the public proxy; no JWT is accepted here. */
export function registerRunnerRoutes(server: FastifyInstance, deps: Deps): void {
  server.post<RunParams>(
    "/runner/v1/runs/:runId/claim",
    { onRequest: async (request) => requireRunner(request, deps.runnerTokens) },
    async (request): Promise<ClaimReply> => {
      const { attempt, runnerId } = parseInput(claimBodySchema, request.body);
      const claimed = await claimRun(deps.db, { ...namedAttempt(request, attempt), runnerId }, deps.lease);
      if (claimed === undefined) throw stale();
      deps.log.info({ runId: claimed.bundle.run.id, tenantId: claimed.bundle.run.tenantId, attempt }, "run claimed");
      return {
        leaseToken: claimed.leaseToken,
        leaseExpiresAt: claimed.leaseExpiresAt.toISOString(),
        heartbeatSeconds: deps.heartbeatSeconds,
        deadlineAt: claimed.deadlineAt.toISOString(),
        credentialsUrl: `${deps.authActionsUrl}/runner/v1/runs/${claimed.bundle.run.id}/credentials`,
        bundle: claimed.bundle,
      };
    },
  );

  server.post<RunParams>("/runner/v1/runs/:runId/heartbeat", { onRequest: requireLease }, async (request) => {
    const { attempt } = parseInput(heartbeatRequestSchema, request.body);
    const beat = await extendLease(
      deps.db,
      { ...namedAttempt(request, attempt), leaseTokenHash: hashToken(leaseToken(request)) },
      deps.lease,
    );
    if (beat === undefined) throw stale();
    return {
      leaseExpiresAt: beat.leaseExpiresAt.toISOString(),
      deadlineAt: beat.deadlineAt.toISOString(),
      appliedSeq: beat.appliedSeq,
      cancelRequested: beat.cancelRequested,
    };
  });

  server.post<RunParams>(
    "/runner/v1/runs/:runId/events",
    { onRequest: requireLease, bodyLimit: EVENTS_BYTES_MAX },
    async (request) => {
      const { attempt, events } = parseInput(eventsRequestSchema, describeBadEvent(request.body));
      const hash = hashToken(leaseToken(request));
      const result = await applyEvents(
        deps.db,
        { ...namedAttempt(request, attempt), events, proves: (stored) => stored.equals(hash) },
        deps.lease,
      );
      deps.runMetrics.events.inc({ outcome: result.outcome });
      switch (result.outcome) {
        case "applied":
          if (!isHeld(result.status)) deps.wakeDispatcher();
          return {
            appliedSeq: result.appliedSeq,
            status: result.status,
            cancelRequested: result.cancelRequested,
            leaseExpiresAt: result.leaseExpiresAt?.toISOString() ?? null,
          };
        case "stale":
        case "unproven":
          throw stale();
        case "invalid":
          throw invalid(result.index, result.reason);
        default:
          return result satisfies never;
      }
    },
  );
}

const looseBatchSchema = z.looseObject({ events: z.array(z.unknown()) });

/** An event that is malformed by itself is EVENT_INVALID with its index; everything around it is BAD_INPUT. */
function describeBadEvent(body: unknown): unknown {
  const batch = looseBatchSchema.safeParse(body);
  if (!batch.success) return body;
  for (const [index, event] of batch.data.events.entries()) {
    const reason = eventProblem(event);
    if (reason !== undefined) throw invalid(index, reason);
  }
  return body;
}

function invalid(index: number, reason: string): AppError {
  return new AppError("EVENT_INVALID", "an event of the batch is not acceptable; nothing was applied", {
    details: { index, reason },
  });
}

function stale(): AppError {
  return new AppError("STALE_ATTEMPT", "this attempt is over: stop at once and write nothing more");
}

function bearer(request: FastifyRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9_.~+/=-]{1,512})$/i.exec(request.headers.authorization ?? "")?.[1];
}

function requireRunner(request: FastifyRequest, tokens: readonly string[]): void {
  if (!secretMatches(bearer(request), tokens)) throw new AppError("UNAUTHENTICATED", "a runner token is needed");
}

async function requireLease(request: FastifyRequest): Promise<void> {
  leaseToken(request);
}

/** Well-formed only; whether it holds a lease is the database's to say. */
function leaseToken(request: FastifyRequest): string {
  const token = bearer(request);
  if (token === undefined || !/^lt_[A-Za-z0-9_-]{43}$/.test(token))
    throw new AppError("UNAUTHENTICATED", "a lease token is needed");
  return token;
}

/** An id or a number that no run can have is no run's; the runner is told the same as for any attempt it does not hold. */
function namedAttempt(request: FastifyRequest<RunParams>, attempt: number): { runId: string; attempt: number } {
  const runId = runIdSchema.safeParse(request.params.runId);
  if (!runId.success || attempt > INTEGER_MAX) throw stale();
  return { runId: runId.data, attempt };
}
