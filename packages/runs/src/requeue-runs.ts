import { type Database, workflowRuns } from "@control-plane/db";
import { and, eq, sql } from "drizzle-orm";

export type LostJobSettings = {
  /** Seconds after which a QUEUED row is checked for its job. */
  queuedCheckSeconds: number;
  /** Rows per look. */
  batch: number;
};

export type QueuedAttempt = { runId: string; attempt: number; tenantId: string };

/** QUEUED rows old enough that their job should have been taken, the oldest first, without those already seen. */
export async function findQueuedTooLong(
  db: Database,
  settings: LostJobSettings,
  seen: readonly string[],
): Promise<QueuedAttempt[]> {
  return db
    .select({ runId: workflowRuns.id, attempt: workflowRuns.attempt, tenantId: workflowRuns.tenantId })
    .from(workflowRuns)
    .where(
      and(
        sql`${workflowRuns.status} = 'QUEUED'`,
        sql`${workflowRuns.queuedAt} <= now() - make_interval(secs => ${settings.queuedCheckSeconds})`,
        sql`${workflowRuns.id} <> all(${sql.param(seen)}::uuid[])`,
      ),
    )
    .orderBy(workflowRuns.queuedAt)
    .limit(settings.batch);
}

/** The job was added again: the next look comes a whole interval later. */
export async function markRequeued(db: Database, run: QueuedAttempt): Promise<void> {
  await db
    .update(workflowRuns)
    .set({ queuedAt: sql`now()` })
    .where(
      and(
        eq(workflowRuns.tenantId, run.tenantId),
        eq(workflowRuns.id, run.runId),
        eq(workflowRuns.attempt, run.attempt),
        eq(workflowRuns.status, "QUEUED"),
      ),
    );
}
