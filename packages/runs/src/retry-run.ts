import { type Database, inTransaction, memberActor, type Transaction } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { isTerminal } from "./lifecycle.ts";
import { lockRun } from "./lock-run.ts";
import { attemptsOf, queueDeadline } from "./run-defaults.ts";

/** FAILED_STEP keeps what has succeeded, so it goes with the ORIGINAL version only. */
export type RetryWay = {
  from: "START" | "FAILED_STEP";
  version: "ORIGINAL" | "LATEST";
  traceparent: string | undefined;
};

/** Makes a new run of the same input; the original is never touched. Throws what {@link retryWithin} does. */
export function retryRun(db: Database, caller: Caller, runId: string, way: RetryWay): Promise<string> {
  return inTransaction(db, memberActor("orchestrator", caller), (tx) => retryWithin(tx, caller, runId, way));
}

/**
 * The id of the new run. Throws `NOT_FOUND`, `CONFLICT` for a run that has not ended, `WORKFLOW_NOT_PUBLISHED` when the
 * workflow is archived or, for LATEST, has no latest version.
 */
export async function retryWithin(tx: Transaction, caller: Caller, runId: string, way: RetryWay): Promise<string> {
  const original = await lockRun(tx, runId, caller.tenantId);
  if (original === undefined) throw new AppError("NOT_FOUND", "there is no such run");
  if (!isTerminal(original.status)) throw new AppError("CONFLICT", "the run has not ended");
  const [made] = await insertRetries(tx, caller, [original.id], way);
  if (made === undefined) throw new AppError("WORKFLOW_NOT_PUBLISHED", "the workflow has no version that can run");
  return made;
}

const madeSchema = z.array(z.object({ id: z.uuid() }));

/**
 * Makes a run for each original whose workflow has the version to run, oldest first. The caller holds the originals, so
 * that what it knows of their retries stays true. Steps that succeeded are copied as steps of attempt 0: the claim gives
 * them to the runner as completed.
 */
export async function insertRetries(
  tx: Transaction,
  caller: Pick<Caller, "tenantId" | "userId">,
  originals: readonly string[],
  { from, version, traceparent }: RetryWay,
): Promise<string[]> {
  const { rows } = await tx.execute(sql`
    with made as (
      insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, retry_of_run_id, input, max_attempts,
                                 run_at, deadline_at, traceparent, created_by)
      select o.tenant_id, o.workflow_id, v.id, 'RETRY', o.id, o.input, ${attemptsOf(sql`v.definition`)},
             now(), ${queueDeadline()}, ${traceparent ?? null}::text, ${caller.userId}::uuid
        from workflow_runs o
        join workflows w on w.tenant_id = o.tenant_id and w.id = o.workflow_id and w.archived_at is null
        join workflow_versions v
          on v.tenant_id = o.tenant_id and v.workflow_id = o.workflow_id
         and case when ${version === "LATEST"}::boolean then v.is_latest else v.id = o.workflow_version_id end
       where o.tenant_id = ${caller.tenantId}::uuid and o.id = any(${sql.param([...originals])}::uuid[])
       order by o.created_at, o.id
      returning id, retry_of_run_id),
    copied as (
      insert into step_runs (tenant_id, workflow_run_id, step_key, action_id, position, attempt, status, input, output,
                             started_at, finished_at)
      select s.tenant_id, made.id, s.step_key, s.action_id, s.position, 0, s.status, s.input, s.output,
             s.started_at, s.finished_at
        from made join step_runs s
          on s.tenant_id = ${caller.tenantId}::uuid and s.workflow_run_id = made.retry_of_run_id and s.status = 'SUCCEEDED'
       where ${from === "FAILED_STEP"}::boolean)
    select id from made`);
  return madeSchema.parse(rows).map(({ id }) => id);
}
