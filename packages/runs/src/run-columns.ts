import { type Queryable, workflowRuns } from "@control-plane/db";
import { and, eq } from "drizzle-orm";

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
  startedAt: Date | null;
  cancelRequestedAt: Date | null;
};

const columns = {
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
  startedAt: workflowRuns.startedAt,
  cancelRequestedAt: workflowRuns.cancelRequestedAt,
};

/** Locks the row until the transaction ends. Without a tenant only for callers that prove a lease on the run instead. */
export async function lockRun(tx: Queryable, runId: string, tenantId?: string): Promise<LockedRun | undefined> {
  const own =
    tenantId === undefined
      ? eq(workflowRuns.id, runId)
      : and(eq(workflowRuns.tenantId, tenantId), eq(workflowRuns.id, runId));
  const [run] = await tx.select(columns).from(workflowRuns).where(own).for("update");
  return run;
}
