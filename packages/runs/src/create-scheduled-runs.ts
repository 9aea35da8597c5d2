import type { Transaction } from "@control-plane/db";
import { newTraceparent } from "@control-plane/service-kit";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { attemptsOf, queueDeadline } from "./run-defaults.ts";

/** One slot of a schedule trigger whose time has come. */
export type ScheduledFire = {
  tenantId: string;
  triggerId: string;
  /** The slot. */
  scheduledFor: Date;
  timezone: string;
  /** Makes no run while one of this trigger's is not over. */
  skipOverlap: boolean;
};

/** `repeated`: this slot has had its run. `not-runnable`: the workflow is archived or has no latest version. */
export type FireOutcome = "fired" | "overlapping" | "not-runnable" | "repeated";

const outcomesSchema = z.array(
  z.object({ runnable: z.boolean(), overlapping: z.boolean().nullable(), inserted: z.boolean() }),
);

/**
 * Makes the runs of slots in one statement, the versions pinned in it; outcomes come in the order of the input. A slot
 * has one run, whoever asks and how often. The caller holds the triggers locked, and names an overlap-skipping one once.
 */
export async function createScheduledRuns(tx: Transaction, fires: readonly ScheduledFire[]): Promise<FireOutcome[]> {
  if (fires.length === 0) return [];
  const column = <T>(pick: (fire: ScheduledFire) => T) => sql.param(fires.map(pick));
  const result = await tx.execute(sql`
    with fire as materialized (
      select * from unnest(
        ${column((f) => f.tenantId)}::uuid[], ${column((f) => f.triggerId)}::uuid[], ${column((f) => f.scheduledFor.toISOString())}::timestamptz[],
        ${column(inputOf)}::text[], ${column((f) => f.skipOverlap)}::boolean[], ${column(() => newTraceparent())}::text[])
        with ordinality as f(tenant_id, trigger_id, scheduled_for, input, skip_overlap, traceparent, place)),
    target as materialized (
      select f.*, t.workflow_id, v.id as version_id, ${attemptsOf(sql`v.definition`)} as max_attempts,
             f.skip_overlap and exists (
               select from workflow_runs r
                where r.trigger_id = t.id and r.source = 'SCHEDULE' and r.status in ('PENDING','QUEUED','RUNNING','CANCELLING')) as overlapping
        from fire f
        join triggers t on t.tenant_id = f.tenant_id and t.id = f.trigger_id
        join workflows w on w.tenant_id = t.tenant_id and w.id = t.workflow_id and w.archived_at is null
        join workflow_versions v on v.tenant_id = w.tenant_id and v.workflow_id = w.id and v.is_latest),
    run as (
      insert into workflow_runs (tenant_id, workflow_id, workflow_version_id, source, trigger_id, scheduled_for, input, max_attempts,
                                 run_at, deadline_at, traceparent)
      select tenant_id, workflow_id, version_id, 'SCHEDULE', trigger_id, scheduled_for, input::jsonb, max_attempts,
             now(), ${queueDeadline()}, traceparent
        from target where not overlapping order by place
      on conflict (trigger_id, scheduled_for) where scheduled_for is not null do nothing
      returning trigger_id, scheduled_for)
    select target.place is not null as runnable, target.overlapping, run.trigger_id is not null as inserted
      from fire
      left join target on target.place = fire.place
      left join run on run.trigger_id = fire.trigger_id and run.scheduled_for = fire.scheduled_for
     order by fire.place`);
  return outcomesSchema.parse(result.rows).map(({ runnable, overlapping, inserted }) => {
    if (!runnable) return "not-runnable";
    if (overlapping === true) return "overlapping";
    return inserted ? "fired" : "repeated";
  });
}

/** What a workflow is told that a schedule starts. */
function inputOf({ scheduledFor, timezone }: ScheduledFire): string {
  return JSON.stringify({ scheduledFor: scheduledFor.toISOString(), timezone });
}
