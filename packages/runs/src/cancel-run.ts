import { type Database, inTransaction } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { sql } from "drizzle-orm";
import { endAttempt } from "./attempt-end.ts";
import type { RunStatus } from "./lifecycle.ts";
import { moveLocked } from "./move-run.ts";
import { lockRun } from "./run-columns.ts";

export type CancelOutcome = { outcome: "CANCELLED" | "CANCELLING" | "ALREADY_TERMINAL"; status: RunStatus };

/** Cancels at once what no runner holds; asks the runner otherwise. Repeating it changes nothing. Throws `NOT_FOUND`. */
export async function cancelRun(db: Database, caller: Caller, runId: string): Promise<CancelOutcome> {
  const actor = {
    source: "orchestrator",
    userId: caller.userId,
    tenantId: caller.tenantId,
    role: caller.role,
    requestId: caller.requestId,
  } as const;
  return inTransaction(db, actor, async (tx): Promise<CancelOutcome> => {
    const run = await lockRun(tx, runId, caller.tenantId);
    if (run === undefined) throw new AppError("NOT_FOUND", "there is no such run");
    const request = { cancelRequestedAt: sql`now()`, cancelRequestedBy: caller.userId };
    switch (run.status) {
      case "PENDING":
      case "QUEUED":
        await moveLocked(tx, run, "CANCELLED", request);
        await endAttempt(tx, run, "CANCELLED");
        return { outcome: "CANCELLED", status: "CANCELLED" };
      case "RUNNING":
        await moveLocked(tx, run, "CANCELLING", request);
        return { outcome: "CANCELLING", status: "CANCELLING" };
      case "CANCELLING":
        return { outcome: "CANCELLING", status: "CANCELLING" };
      case "SUCCEEDED":
      case "FAILED":
      case "CANCELLED":
      case "TIMED_OUT":
        return { outcome: "ALREADY_TERMINAL", status: run.status };
      default:
        return run.status satisfies never;
    }
  });
}
