import { type Database, deadLetters, inTransaction, type Queryable, workflowRuns } from "@control-plane/db";
import { and, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { isTerminal } from "./lifecycle.ts";
import type { SweepSettings } from "./limits.ts";
import { finishAttempt } from "./move-run.ts";
import { lockRun } from "./run-columns.ts";

export type Swept = { timedOut: number; cancelled: number; lapsed: number; deadLettered: number };

const idsSchema = z.array(z.object({ id: z.uuid(), tenant_id: z.uuid() }));

/**
 * Ends what has run out of time, by the database's clock: deadlines first (a run with both a passed deadline and a
 * lapsed lease is TIMED_OUT, never retried), cancel requests past their grace or without a living runner, lapsed leases.
 * Rows that another replica works on are passed over.
 */
export async function sweepRuns(db: Database, settings: SweepSettings): Promise<Swept> {
  const swept: Swept = { timedOut: 0, cancelled: 0, lapsed: 0, deadLettered: 0 };
  const due = (condition: ReturnType<typeof sql>) =>
    sql`select id, tenant_id from workflow_runs where ${condition} order by id limit ${settings.batch} for update skip locked`;
  const pass = async (
    query: ReturnType<typeof sql>,
    work: (tx: Queryable, run: { id: string; tenantId: string }) => Promise<void>,
  ): Promise<void> => {
    await inTransaction(db, { source: "orchestrator" }, async (tx) => {
      const { rows } = await tx.execute(query);
      for (const { id, tenant_id } of idsSchema.parse(rows)) await work(tx, { id, tenantId: tenant_id });
    });
  };
  await pass(
    due(sql`status in ('PENDING','QUEUED','RUNNING') and deadline_at <= now()`),
    async (tx, { id, tenantId }) => {
      const run = await lockRun(tx, id, tenantId);
      if (run === undefined) return;
      await finishAttempt(tx, run, { kind: "timed-out" });
      swept.timedOut += 1;
    },
  );
  const overdue = sql`status = 'CANCELLING' and (lease_expires_at <= now() or cancel_requested_at <= now() - make_interval(secs => ${settings.cancelGraceSeconds}))`;
  await pass(due(overdue), async (tx, { id, tenantId }) => {
    const run = await lockRun(tx, id, tenantId);
    if (run === undefined) return;
    await finishAttempt(tx, run, { kind: "cancelled" });
    swept.cancelled += 1;
  });
  await pass(due(sql`status = 'RUNNING' and lease_expires_at <= now()`), async (tx, { id, tenantId }) => {
    const run = await lockRun(tx, id, tenantId);
    if (run === undefined) return;
    const error = { code: "LEASE_LOST", message: "the runner was lost", retryable: true };
    const status = await finishAttempt(tx, run, { kind: "failed", error, cause: "lease-lost" });
    swept.lapsed += 1;
    if (!isTerminal(status)) return;
    await tx
      .insert(deadLetters)
      .values({
        tenantId,
        kind: "RUN",
        referenceId: id,
        reason: "LEASE_LOST",
        detail: "the runner was lost in the last attempt",
        attempts: run.attempt,
      })
      .onConflictDoNothing();
    swept.deadLettered += 1;
  });
  return swept;
}

/** QUEUED rows old enough that their job should have been taken. */
export async function findQueuedTooLong(
  db: Database,
  settings: SweepSettings,
): Promise<{ runId: string; attempt: number; tenantId: string }[]> {
  const rows = await db
    .select({ runId: workflowRuns.id, attempt: workflowRuns.attempt, tenantId: workflowRuns.tenantId })
    .from(workflowRuns)
    .where(
      and(
        eq(workflowRuns.status, "QUEUED"),
        sql`${workflowRuns.queuedAt} <= now() - make_interval(secs => ${settings.queuedCheckSeconds})`,
      ),
    )
    .limit(settings.batch);
  return rows;
}

/** The job was added again: the next look comes a whole interval later. */
export async function markRequeued(
  db: Database,
  run: { runId: string; attempt: number; tenantId: string },
): Promise<void> {
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
