import { type Database, repeatOnConflict, workflowRuns } from "@control-plane/db";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { LeaseSettings } from "./lease-settings.ts";

export type Heartbeat = { leaseExpiresAt: Date; deadlineAt: Date; appliedSeq: number; cancelRequested: boolean };

/** Extends the lease of the attempt that presents its token; undefined when that attempt is over. */
export async function extendLease(
  db: Database,
  held: { runId: string; attempt: number; leaseTokenHash: Buffer },
  lease: LeaseSettings,
): Promise<Heartbeat | undefined> {
  const [run] = await repeatOnConflict(() =>
    db
      .update(workflowRuns)
      .set({ leaseExpiresAt: sql`now() + make_interval(secs => ${lease.leaseSeconds})` })
      .where(
        and(
          eq(workflowRuns.id, held.runId),
          eq(workflowRuns.attempt, held.attempt),
          eq(workflowRuns.leaseTokenHash, held.leaseTokenHash),
          inArray(workflowRuns.status, ["RUNNING", "CANCELLING"]),
        ),
      )
      .returning({
        leaseExpiresAt: workflowRuns.leaseExpiresAt,
        deadlineAt: workflowRuns.deadlineAt,
        appliedSeq: workflowRuns.lastEventSeq,
        status: workflowRuns.status,
      }),
  );
  if (run?.leaseExpiresAt == null) return undefined;
  return {
    leaseExpiresAt: run.leaseExpiresAt,
    deadlineAt: run.deadlineAt,
    appliedSeq: run.appliedSeq,
    cancelRequested: run.status === "CANCELLING",
  };
}
