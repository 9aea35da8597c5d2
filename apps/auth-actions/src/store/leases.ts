import { appVersions, connections, type Queryable, workflowRuns, workflowVersions } from "@control-plane/db";
import { and, eq, gt, isNotNull, type SQL, sql } from "drizzle-orm";
import { type Connection, connectionColumns, connectionOf, usesConnection } from "./connections.ts";

/** A runner's hold on one attempt of a run. */
export type Lease = { runId: string; attempt: number; tokenHash: Buffer };

/** The attempt is the present one, is running, and its lease has not lapsed. */
const holds = ({ runId, attempt, tokenHash }: Lease): SQL | undefined =>
  and(
    eq(workflowRuns.id, runId),
    eq(workflowRuns.attempt, attempt),
    eq(workflowRuns.status, "RUNNING"),
    eq(workflowRuns.leaseTokenHash, tokenHash),
    gt(workflowRuns.leaseExpiresAt, sql`now()`),
  );

/**
 * A connection that a step of the leased run names and that is its tenant's, in one statement with the lease.
 * @returns undefined when the lease holds nothing
 */
export async function findLeasedConnection(
  db: Queryable,
  lease: Lease,
  connectionId: string,
): Promise<{ connection: Connection | undefined } | undefined> {
  const [row] = await db
    .select({ found: connections.id, ...connectionColumns })
    .from(workflowRuns)
    .leftJoin(
      workflowVersions,
      and(
        eq(workflowVersions.tenantId, workflowRuns.tenantId),
        eq(workflowVersions.id, workflowRuns.workflowVersionId),
        usesConnection(connectionId),
      ),
    )
    .leftJoin(
      connections,
      and(
        eq(connections.tenantId, workflowRuns.tenantId),
        eq(connections.id, connectionId),
        isNotNull(workflowVersions.id),
      ),
    )
    .leftJoin(appVersions, eq(appVersions.id, connections.appVersionId))
    .where(holds(lease));
  if (row === undefined) return undefined;
  return { connection: row.found === null ? undefined : connectionOf(row) };
}

export async function holdsLease(tx: Queryable, lease: Lease): Promise<boolean> {
  const held = await tx.select({ id: workflowRuns.id }).from(workflowRuns).where(holds(lease));
  return held.length > 0;
}
