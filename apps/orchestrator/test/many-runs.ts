import type { Database } from "@control-plane/db";
import type { TestWorkflow } from "@control-plane/testkit";
import { sql } from "drizzle-orm";

/** PENDING runs of the workflow, made at once, the first the oldest. */
export async function addPendingRuns(db: Database, workflow: TestWorkflow, count: number): Promise<void> {
  await db.execute(sql`
    insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, max_attempts, deadline_at, created_at)
    select ${workflow.tenantId}::uuid, ${workflow.id}::uuid, ${workflow.version.id}::uuid, 'WEBHOOK', 3, now() + interval '1 day',
           now() - interval '1 hour' + n * interval '1 millisecond'
      from generate_series(1, ${count}::int) n`);
}

/** The same, FAILED. */
export async function addFailedRuns(db: Database, workflow: TestWorkflow, count: number): Promise<void> {
  await addPendingRuns(db, workflow, count);
  const pending = sql`workflow_id = ${workflow.id} and status = 'PENDING'`;
  await db.execute(sql`update workflow_runs set status = 'FAILED', finished_at = now() where ${pending}`);
}

/** How many runs the tenant has in each status. */
export async function countStatuses(db: Database, tenantId: string): Promise<Record<string, number>> {
  const { rows } = await db.execute<{ status: string; count: number }>(
    sql`select status::text, count(*)::int from workflow_runs where tenant_id = ${tenantId} group by status`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

/** How many events of the action the trail has for each run that it tells about: `{"1": 5}` is one each for five runs. */
export async function countPerRun(db: Database, tenantId: string, action: string): Promise<Record<string, number>> {
  const { rows } = await db.execute<{ events: number; runs: number }>(sql`
    select events, count(*)::int as runs from (
      select count(*)::int as events from audit_events
       where tenant_id = ${tenantId} and action = ${action} group by target_id) told
     group by events`);
  return Object.fromEntries(rows.map(({ events, runs }) => [events, runs]));
}
