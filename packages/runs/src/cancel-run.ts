import { type Database, inTransaction, memberActor, type Transaction } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { sql } from "drizzle-orm";
import { isTerminal, type RunStatus } from "./lifecycle.ts";
import { type LockedRun, lockRun } from "./lock-run.ts";
import { moveLockedRuns } from "./move-run.ts";

export type CancelOutcome = { outcome: "CANCELLED" | "CANCELLING" | "ALREADY_TERMINAL"; status: RunStatus };

/** Cancels at once what no runner holds; asks the runner otherwise. Repeating it changes nothing. Throws `NOT_FOUND`. */
export async function cancelRun(db: Database, caller: Caller, runId: string): Promise<CancelOutcome> {
  return inTransaction(db, memberActor("orchestrator", caller), async (tx): Promise<CancelOutcome> => {
    const run = await lockRun(tx, runId, caller.tenantId);
    if (run === undefined) throw new AppError("NOT_FOUND", "there is no such run");
    if (isTerminal(run.status)) return { outcome: "ALREADY_TERMINAL", status: run.status };
    const { cancelled } = await cancelLocked(tx, caller, [run]);
    const status = cancelled === 1 ? "CANCELLED" : "CANCELLING";
    return { outcome: status, status };
  });
}

/**
 * Cancels runs of the caller's tenant that this transaction holds. What waits is over at once: it has no steps of its
 * attempt yet, those come with the claim. A run that is CANCELLING or over stays as it is.
 */
export async function cancelLocked(
  tx: Transaction,
  caller: Pick<Caller, "userId">,
  runs: readonly LockedRun[],
): Promise<{ cancelled: number; cancelling: number }> {
  const request = { cancelRequestedAt: sql`now()`, cancelRequestedBy: caller.userId };
  const inStatus = (status: RunStatus) => runs.filter((run) => run.status === status);
  const [pending, queued, running] = [inStatus("PENDING"), inStatus("QUEUED"), inStatus("RUNNING")];
  await moveLockedRuns(tx, pending, "PENDING", "CANCELLED", request);
  await moveLockedRuns(tx, queued, "QUEUED", "CANCELLED", request);
  await moveLockedRuns(tx, running, "RUNNING", "CANCELLING", request);
  return { cancelled: pending.length + queued.length, cancelling: running.length };
}
