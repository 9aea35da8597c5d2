import { hashToken } from "@control-plane/crypto";
import { EVENTS_BYTES_MAX, eventsRequestSchema } from "@control-plane/queue";
import { applyEvents } from "@control-plane/runs";
import { parseInput } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { failpoint } from "@control-plane/service-kit/failpoint";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { eventProblem } from "../../domain/event-problem.ts";
import { tellFreedSlot } from "../../domain/freed-slot.ts";
import { leaseToken, namedAttempt, type RunParams, requireLeaseToken, staleAttempt } from "./runner-request.ts";

type EventsDeps = Pick<Deps, "db" | "lease" | "eventWrites" | "dispatchSignal" | "dispatchWindow" | "runMetrics">;

/** A runner reports what happened in its attempt. */
export function registerEventsRoute(server: FastifyInstance, deps: EventsDeps): void {
  server.post<RunParams>(
    "/runner/v1/runs/:runId/events",
    { onRequest: requireLeaseToken, bodyLimit: EVENTS_BYTES_MAX },
    async (request) => {
      const { attempt, events } = parseInput(eventsRequestSchema, refuseBadEvents(request.body));
      const hash = hashToken(leaseToken(request));
      const batch = { ...namedAttempt(request, attempt), events, proof: hash };
      const result = await applyEvents(deps.db, batch, deps.lease, deps.eventWrites.submit);
      await failpoint("events.after-commit");
      deps.runMetrics.events.inc({ outcome: result.outcome });
      switch (result.outcome) {
        case "applied":
          tellFreedSlot(deps, result.status);
          return {
            appliedSeq: result.appliedSeq,
            status: result.status,
            cancelRequested: result.cancelRequested,
            leaseExpiresAt: result.leaseExpiresAt?.toISOString() ?? null,
          };
        case "stale":
        case "unproven":
          throw staleAttempt();
        case "invalid":
          throw invalidEvent(result.index, result.reason);
        default:
          return result satisfies never;
      }
    },
  );
}

const looseBatchSchema = z.looseObject({ events: z.array(z.unknown()) });

/** An event that is malformed by itself is EVENT_INVALID with its index; everything around it is BAD_INPUT. */
function refuseBadEvents(body: unknown): unknown {
  const batch = looseBatchSchema.safeParse(body);
  if (!batch.success) return body;
  for (const [index, event] of batch.data.events.entries()) {
    const reason = eventProblem(event);
    if (reason !== undefined) throw invalidEvent(index, reason);
  }
  return body;
}

function invalidEvent(index: number, reason: string): AppError {
  return new AppError("EVENT_INVALID", "an event of the batch is not acceptable; nothing was applied", {
    details: { index, reason },
  });
}
