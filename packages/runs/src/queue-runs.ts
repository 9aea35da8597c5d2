import { type Database, inTransaction, type Transaction, workflowRuns } from "@control-plane/db";
import { isJsonValue, jsonValueSchema } from "@control-plane/queue";
import { and, eq, inArray, sql } from "drizzle-orm";
import { z } from "zod";
import { readSchema } from "./definition/json-schema.ts";
import { validateValue } from "./definition/validate-value.ts";

/** `waitedSeconds`: from the time it was due to be dispatched. */
export type QueuedRun = { runId: string; attempt: number; waitedSeconds: number };
export type DispatchPass =
  /** Another replica dispatches at this moment. */
  | { outcome: "busy" }
  /** `more`: something was taken, so another pass is worth while. */
  | { outcome: "done"; queued: readonly QueuedRun[]; refused: number; more: boolean };

/** Any number that nothing else uses. */
const DISPATCH_LOCK = 4_021_337;

const chosenSchema = z.array(
  z.object({
    id: z.uuid(),
    tenant_id: z.uuid(),
    attempt: z.int(),
    source: z.string(),
    waited_seconds: z.number(),
    input_schema: jsonValueSchema,
  }),
);

/**
 * One pass of the dispatcher: PENDING rows that are due become QUEUED, round robin over the tenants below their limits.
 * Slots in use are counted from the rows each time, so nothing can leak. The caller adds the jobs after the commit.
 * @param window most rows QUEUED at once, over all tenants; a small one keeps the queue's own order from undoing the fairness
 */
export async function queueRuns(db: Database, window: number): Promise<DispatchPass> {
  return inTransaction(db, { source: "orchestrator" }, async (tx): Promise<DispatchPass> => {
    const lock = await tx.execute(sql`select pg_try_advisory_xact_lock(${DISPATCH_LOCK}) as held`);
    if (lock.rows[0]?.held !== true) return { outcome: "busy" };
    const result = await tx.execute(sql`
      with recursive waiting as (
        (select tenant_id from workflow_runs where status = 'PENDING' order by tenant_id, run_at, id limit 1)
        union all
        select (select r.tenant_id from workflow_runs r where r.status = 'PENDING' and r.tenant_id > w.tenant_id
                 order by r.tenant_id, r.run_at, r.id limit 1)
          from waiting w where w.tenant_id is not null),
      room as materialized (
        select greatest(${window}::int - count(*)::int, 0) as free from workflow_runs where status = 'QUEUED'),
      tenant as materialized (
        select w.tenant_id, t.max_concurrent_runs,
               (select count(*)::int from workflow_runs r where r.tenant_id = w.tenant_id and r.status in ('QUEUED','RUNNING','CANCELLING')) as in_flight
          from waiting w join tenants t on t.id = w.tenant_id),
      chosen as (
        select r.id, t.in_flight + r.n as place, r.run_at
          from tenant t
          cross join lateral (
            select id, run_at, row_number() over (order by run_at, id) as n
              from (select id, run_at from workflow_runs
                     where tenant_id = t.tenant_id and status = 'PENDING' and run_at <= now()
                     order by run_at, id
                     limit least(greatest(t.max_concurrent_runs - t.in_flight, 0), (select free from room))) due) r
         order by place, r.run_at limit (select free from room))
      select r.id, r.tenant_id, r.attempt, r.source::text as source,
             extract(epoch from greatest(now() - r.run_at, interval '0'))::float8 as waited_seconds, v.definition -> 'inputSchema' as input_schema
        from chosen c
        join workflow_runs r on r.id = c.id
        join workflow_versions v on v.tenant_id = r.tenant_id and v.id = r.workflow_version_id
       where r.status = 'PENDING'
       order by c.place, c.run_at
         for update of r skip locked`);
    const chosen = chosenSchema.parse(result.rows);
    const refused = await refuseInvalid(tx, chosen);
    const taken = chosen.filter(({ id }) => !refused.has(id));
    if (taken.length > 0) {
      await tx
        .update(workflowRuns)
        .set({ status: "QUEUED", queuedAt: sql`now()` })
        .where(
          and(
            inArray(
              workflowRuns.id,
              taken.map(({ id }) => id),
            ),
            eq(workflowRuns.status, "PENDING"),
          ),
        );
    }
    return {
      outcome: "done",
      queued: taken.map(({ id, attempt, waited_seconds }) => ({ runId: id, attempt, waitedSeconds: waited_seconds })),
      refused: refused.size,
      more: chosen.length > 0,
    };
  });
}

type Chosen = z.infer<typeof chosenSchema>[number];

/** Input that came by webhook or schedule is held to the version's inputSchema here, where the owner can see the run fail. */
async function refuseInvalid(tx: Transaction, chosen: readonly Chosen[]): Promise<ReadonlySet<string>> {
  const refused = new Set<string>();
  for (const run of chosen) {
    if (run.input_schema === null || run.source === "MANUAL" || run.attempt > 1) continue;
    const own = and(eq(workflowRuns.tenantId, run.tenant_id), eq(workflowRuns.id, run.id));
    const [row] = await tx.select({ input: workflowRuns.input }).from(workflowRuns).where(own);
    const message = describeMisfit(run.input_schema, row?.input);
    if (message === undefined) continue;
    refused.add(run.id);
    await tx
      .update(workflowRuns)
      .set({
        status: "FAILED",
        error: { code: "INPUT_INVALID", message, retryable: false },
        finishedAt: sql`now()`,
      })
      .where(and(own, eq(workflowRuns.status, "PENDING")));
  }
  return refused;
}

/** Never throws: one run that cannot be judged must not keep those behind it from being dispatched. */
function describeMisfit(inputSchema: Chosen["input_schema"], input: unknown): string | undefined {
  const schema = inputSchema === null ? undefined : readSchema(inputSchema);
  if (schema === undefined) return "the version's inputSchema cannot be read";
  if (!isJsonValue(input)) return "the input holds a number that is too large or nests too deep";
  const [issue] = validateValue(schema, input);
  return issue === undefined ? undefined : `${issue.path || "the input"} ${issue.message}`;
}
