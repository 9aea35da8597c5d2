import { findMembership, type Queryable, stepRuns, workflowRuns } from "@control-plane/db";
import { and, eq, inArray } from "drizzle-orm";
import type { LogsCaller } from "../caller.ts";

/** Whether the caller is an ACTIVE member of the tenant with exactly the role his token says. Read anew each time. */
export async function isLiveMember(db: Queryable, caller: Extract<LogsCaller, { kind: "member" }>): Promise<boolean> {
  return (await findMembership(db, caller.tenantId, caller.userId))?.role === caller.role;
}

/** Those of the ids that are runs of the tenant. */
export async function ownRuns(db: Queryable, tenantId: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .select({ id: workflowRuns.id })
    .from(workflowRuns)
    .where(and(eq(workflowRuns.tenantId, tenantId), inArray(workflowRuns.id, [...ids])));
  return new Set(rows.map(({ id }) => id));
}

/** Those of the ids that are step runs of the tenant. */
export async function ownSteps(db: Queryable, tenantId: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .select({ id: stepRuns.id })
    .from(stepRuns)
    .where(and(eq(stepRuns.tenantId, tenantId), inArray(stepRuns.id, [...ids])));
  return new Set(rows.map(({ id }) => id));
}
