import { type Queryable, workflowRuns } from "@control-plane/db";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { RunStatus } from "./lifecycle.ts";

/** What deciding about a run needs. */
export type LockedRun = {
  id: string;
  tenantId: string;
  workflowId: string;
  workflowVersionId: string;
  status: (typeof workflowRuns.$inferSelect)["status"];
  attempt: number;
  maxAttempts: number;
  leaseTokenHash: Buffer | null;
  leaseExpiresAt: Date | null;
  lastEventSeq: number;
  eventBufferBytes: number;
  startedAt: Date | null;
  cancelRequestedAt: Date | null;
};

export const lockedColumns = {
  id: workflowRuns.id,
  tenantId: workflowRuns.tenantId,
  workflowId: workflowRuns.workflowId,
  workflowVersionId: workflowRuns.workflowVersionId,
  status: workflowRuns.status,
  attempt: workflowRuns.attempt,
  maxAttempts: workflowRuns.maxAttempts,
  leaseTokenHash: workflowRuns.leaseTokenHash,
  leaseExpiresAt: workflowRuns.leaseExpiresAt,
  lastEventSeq: workflowRuns.lastEventSeq,
  eventBufferBytes: workflowRuns.eventBufferBytes,
  startedAt: workflowRuns.startedAt,
  cancelRequestedAt: workflowRuns.cancelRequestedAt,
};

/** Locks the row until the transaction ends. Without a tenant only for callers that prove a lease on the run instead. */
export async function lockRun(tx: Queryable, runId: string, tenantId?: string): Promise<LockedRun | undefined> {
  const own =
    tenantId === undefined
      ? eq(workflowRuns.id, runId)
      : and(eq(workflowRuns.tenantId, tenantId), eq(workflowRuns.id, runId));
  const [run] = await tx.select(lockedColumns).from(workflowRuns).where(own).for("update");
  return run;
}

/** Locks those of the runs that are in one of the statuses, in no order; what somebody else holds is passed over. */
export async function lockRuns(
  tx: Queryable,
  tenantId: string,
  runIds: readonly string[],
  statuses: readonly RunStatus[],
): Promise<LockedRun[]> {
  if (runIds.length === 0) return [];
  return tx
    .select(lockedColumns)
    .from(workflowRuns)
    .where(
      and(
        eq(workflowRuns.tenantId, tenantId),
        sql`${workflowRuns.id} = any(${sql.param([...runIds])}::uuid[])`,
        inArray(workflowRuns.status, [...statuses]),
      ),
    )
    .for("update", { skipLocked: true });
}
