import { type Database, deadLetters, inTransaction, type Transaction, workflowRuns } from "@control-plane/db";
import { failpoint } from "@control-plane/service-kit/failpoint";
import { type SQL, sql } from "drizzle-orm";
import { isTerminal } from "./lifecycle.ts";
import { type LockedRun, lockedColumns } from "./lock-run.ts";
import { finishAttempt } from "./move-run.ts";
import { planByIndexOrder } from "./queue-table-plans.ts";

export type SweepSettings = {
  /** Seconds after a cancel request until the run is CANCELLED without its runner. */
  cancelGraceSeconds: number;
  /** Rows per transaction. */
  batch: number;
};

export type Swept = { timedOut: number; cancelled: number; lapsed: number; deadLettered: number };

/** Of one pass and kind; what is left then is the next pass's, so that no kind keeps the others waiting. */
const BATCHES_MAX = 50;

/**
 * Ends what has run out of time, by the database's clock, until nothing is left. Rows that another replica works on are
 * passed over. What waits has an index by its deadline; what is in flight is few, and all of it is looked at.
 */
export async function sweepRuns(db: Database, settings: SweepSettings): Promise<Swept> {
  const swept: Swept = { timedOut: 0, cancelled: 0, lapsed: 0, deadLettered: 0 };
  const pending = { where: sql`status = 'PENDING' and deadline_at <= now()`, order: sql`deadline_at` };
  const inFlight = {
    where: sql`status in ('QUEUED','RUNNING','CANCELLING') and (
      status <> 'CANCELLING' and deadline_at <= now() or lease_expires_at <= now()
      or cancel_requested_at <= now() - make_interval(secs => ${settings.cancelGraceSeconds}))`,
    order: sql`tenant_id, status`,
  };
  for (const due of [pending, inFlight]) {
    for (let batches = 1, full = true; full && batches <= BATCHES_MAX; batches++) {
      const ends = await sweepBatch(db, due, settings.batch);
      for (const end of ends) swept[end] += 1;
      full = ends.length === settings.batch;
    }
  }
  swept.lapsed += swept.deadLettered;
  return swept;
}

type Due = { where: SQL; order: SQL };

async function sweepBatch(db: Database, due: Due, rowsMax: number): Promise<(keyof Swept)[]> {
  return inTransaction(db, { source: "orchestrator" }, async (tx) => {
    await planByIndexOrder(tx);
    const runs = await tx
      .select({ ...lockedColumns, expired: sql<boolean>`${workflowRuns.deadlineAt} <= now()` })
      .from(workflowRuns)
      .where(due.where)
      .orderBy(due.order)
      .limit(rowsMax)
      .for("update", { skipLocked: true });
    const ends: (keyof Swept)[] = [];
    for (const run of runs) ends.push(await endRun(tx, run));
    return ends;
  });
}

/** A run with both a passed deadline and a lapsed lease is TIMED_OUT, never retried. */
async function endRun(tx: Transaction, run: LockedRun & { expired: boolean }): Promise<keyof Swept> {
  if (run.status === "CANCELLING") {
    await finishAttempt(tx, run, { kind: "cancelled" });
    return "cancelled";
  }
  if (run.expired) {
    await finishAttempt(tx, run, { kind: "timed-out" });
    return "timedOut";
  }
  await failpoint("sweep.after-lease-check");
  const error = { code: "LEASE_LOST", message: "the runner was lost", retryable: true };
  const status = await finishAttempt(tx, run, { kind: "failed", error, cause: "lease-lost" });
  if (!isTerminal(status)) return "lapsed";
  await insertRunLetter(tx, run);
  return "deadLettered";
}

async function insertRunLetter(tx: Transaction, run: LockedRun): Promise<void> {
  await tx
    .insert(deadLetters)
    .values({
      tenantId: run.tenantId,
      kind: "RUN",
      referenceId: run.id,
      reason: "LEASE_LOST",
      detail: "the runner was lost in the last attempt",
      attempts: run.attempt,
    })
    .onConflictDoNothing();
}
