import { type Database, inTransaction, memberActor } from "@control-plane/db";
import type { Caller } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { attemptsOf, queueDeadline } from "./run-defaults.ts";

export type ReplayRun = {
  deliveryId: string;
  /** The delivery's body as JSON text, never re-serialised. */
  input: string;
  traceparent: string | undefined;
};

const outcomeSchema = z.object({ run_id: z.uuid().nullable() });

/**
 * Makes a further run of a stored delivery. One statement picks the workflow's latest version and inserts the run pinned to
 * it. Throws `NOT_FOUND` (delivery), `WORKFLOW_NOT_PUBLISHED` (no latest version, or archived).
 */
export async function createReplayRun(db: Database, caller: Caller, replay: ReplayRun): Promise<{ runId: string }> {
  return inTransaction(db, memberActor("webhook-gateway", caller), async (tx) => {
    const { rows } = await tx.execute(sql`
      with target as (
        select d.id as delivery_id, d.trigger_id, t.workflow_id, v.id as version_id, v.definition
          from webhook_deliveries d
          join triggers t on t.tenant_id = d.tenant_id and t.id = d.trigger_id
          left join workflows w on w.tenant_id = t.tenant_id and w.id = t.workflow_id and w.archived_at is null
          left join workflow_versions v on v.tenant_id = w.tenant_id and v.workflow_id = w.id and v.is_latest
         where d.tenant_id = ${caller.tenantId}::uuid and d.id = ${replay.deliveryId}::uuid),
      inserted as (
        insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, trigger_id, webhook_delivery_id, input,
                                   max_attempts, run_at, deadline_at, traceparent, created_by)
        select ${caller.tenantId}::uuid, workflow_id, version_id, 'REPLAY', trigger_id, delivery_id, ${replay.input}::jsonb,
               ${attemptsOf(sql`definition`)}, now(), ${queueDeadline()},
               ${replay.traceparent ?? null}::text, ${caller.userId}::uuid
          from target where version_id is not null
        returning id)
      select inserted.id as run_id from target left join inserted on true`);
    const outcome = outcomeSchema.optional().parse(rows[0]);
    if (outcome === undefined) throw new AppError("NOT_FOUND", "there is no such delivery");
    if (outcome.run_id === null)
      throw new AppError("WORKFLOW_NOT_PUBLISHED", "the workflow has no version that can run");
    return { runId: outcome.run_id };
  });
}
