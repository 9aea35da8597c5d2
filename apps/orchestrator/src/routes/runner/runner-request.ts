import { INTEGER_MAX } from "@control-plane/runs";
import { secretMatches } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { FastifyRequest } from "fastify";
import { z } from "zod";

/** What every path of the runner API names. */
export type RunParams = { Params: { runId: string } };

const runIdSchema = z.uuid();

/** An id or a number that no run can have is no run's; the runner is told the same as for any attempt it does not hold. */
export function namedAttempt(request: FastifyRequest<RunParams>, attempt: number): { runId: string; attempt: number } {
  const runId = runIdSchema.safeParse(request.params.runId);
  if (!runId.success || attempt > INTEGER_MAX) throw staleAttempt();
  return { runId: runId.data, attempt };
}

export function staleAttempt(): AppError {
  return new AppError("STALE_ATTEMPT", "this attempt is over: stop at once and write nothing more");
}

export function requireRunnerToken(request: FastifyRequest, tokens: readonly string[]): void {
  if (!secretMatches(bearer(request), tokens)) throw new AppError("UNAUTHENTICATED", "a runner token is needed");
}

/** Comes before the body is read. */
export async function requireLeaseToken(request: FastifyRequest): Promise<void> {
  leaseToken(request);
}

/** Well-formed only; whether it holds a lease is the database's to say. */
export function leaseToken(request: FastifyRequest): string {
  const token = bearer(request);
  if (token === undefined || !/^lt_[A-Za-z0-9_-]{43}$/.test(token))
    throw new AppError("UNAUTHENTICATED", "a lease token is needed");
  return token;
}

function bearer(request: FastifyRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9_.~+/=-]{1,512})$/i.exec(request.headers.authorization ?? "")?.[1];
}
