import { type Queryable, type Transaction, triggers, workflows } from "@control-plane/db";
import { and, eq, isNull, sql } from "drizzle-orm";
import { z } from "zod";

/** The clock that every replica goes by. */
export async function databaseNow(db: Queryable): Promise<Date> {
  const { rows } = await db.execute(sql`select now() as now`);
  return z.coerce.date().parse(rows[0]?.now);
}

export type DueTrigger = z.infer<typeof dueSchema>;

const dueSchema = z.object({
  id: z.uuid(),
  tenantId: z.uuid(),
  cron: z.string(),
  timezone: z.string(),
  overlapPolicy: z.enum(["ALLOW", "SKIP"]),
  catchUpPolicy: z.enum(["LAST", "NONE"]),
  /** Its slots before this are done with. */
  since: z.coerce.date(),
});

const COLUMNS = sql`id, tenant_id as "tenantId", cron, timezone, overlap_policy as "overlapPolicy", catch_up_policy as "catchUpPolicy"`;

/**
 * Locks enabled schedules whose next fire has come, and those that have none yet: a trigger of the database forgets it
 * when `enabled` is switched on, and what counts from then on is the time of that change. Rows that another replica has
 * are passed over, and a row that one was just done with is judged anew. At most `batch` of either kind.
 */
export async function lockDueTriggers(tx: Transaction, instant: Date, batch: number): Promise<DueTrigger[]> {
  const time = sql`${instant.toISOString()}::timestamptz`;
  const { rows } = await tx.execute(sql`
    with unset as (
      select ${COLUMNS}, least(updated_at, ${time}) as since from triggers
       where enabled and type = 'SCHEDULE' and next_fire_at is null
       order by next_fire_at limit ${batch} for no key update skip locked),
    due as (
      select ${COLUMNS}, next_fire_at as since from triggers
       where enabled and type = 'SCHEDULE' and next_fire_at <= ${time}
       order by next_fire_at limit ${batch} for no key update skip locked)
    select * from unset union all select * from due`);
  return z.array(dueSchema).parse(rows);
}

export type Advance = {
  triggerId: string;
  tenantId: string;
  nextFireAt: Date;
  fired: boolean;
  skipped: number;
};

/** Writes what a pass at `instant` did to the triggers it holds. */
export async function advanceTriggers(tx: Transaction, instant: Date, advances: readonly Advance[]): Promise<void> {
  const column = <T>(pick: (advance: Advance) => T) => sql.param(advances.map(pick));
  const time = sql`${instant.toISOString()}::timestamptz`;
  await tx.execute(sql`
    update triggers t
       set next_fire_at = a.next_fire_at,
           last_fired_at = case when a.fired then ${time} else t.last_fired_at end,
           skipped_count = least(t.skipped_count::bigint + a.skipped, 2147483647)::int,
           last_skipped_at = case when a.skipped > 0 then ${time} else t.last_skipped_at end
      from unnest(
        ${column((a) => a.triggerId)}::uuid[], ${column((a) => a.tenantId)}::uuid[], ${column((a) => a.nextFireAt.toISOString())}::timestamptz[],
        ${column((a) => a.fired)}::boolean[], ${column((a) => a.skipped)}::int[]) as a(id, tenant_id, next_fire_at, fired, skipped)
     where t.tenant_id = a.tenant_id and t.id = a.id`);
}

export type NewSchedule = {
  workflowId: string;
  name: string;
  cron: string;
  timezone: string;
  overlapPolicy: "ALLOW" | "SKIP";
  catchUpPolicy: "LAST" | "NONE";
  enabled: boolean;
};

/** Undefined when the workflow is not the tenant's or is archived; then nothing is written. */
export async function insertSchedule(
  db: Queryable,
  { tenantId, userId }: { tenantId: string; userId: string },
  schedule: NewSchedule,
): Promise<string | undefined> {
  const own = and(eq(workflows.tenantId, tenantId), eq(workflows.id, schedule.workflowId));
  const [workflow] = await db
    .select({ id: workflows.id })
    .from(workflows)
    .where(and(own, isNull(workflows.archivedAt)));
  if (workflow === undefined) return undefined;
  const [row] = await db
    .insert(triggers)
    .values({ ...schedule, tenantId, type: "SCHEDULE", createdBy: userId })
    .returning({ id: triggers.id });
  return row?.id;
}

const ownSchedule = (tenantId: string, triggerId: string) =>
  and(eq(triggers.tenantId, tenantId), eq(triggers.id, triggerId), eq(triggers.type, "SCHEDULE"));

export async function lockSchedule(
  tx: Transaction,
  tenantId: string,
  triggerId: string,
): Promise<{ cron: string; timezone: string } | undefined> {
  const [row] = await tx
    .select({ cron: triggers.cron, timezone: triggers.timezone })
    .from(triggers)
    .where(ownSchedule(tenantId, triggerId))
    .for("no key update");
  return row === undefined ? undefined : { cron: row.cron ?? "", timezone: row.timezone ?? "" };
}

/** What is undefined stays. With another expression or zone the database forgets the next fire. */
export async function updateSchedule(
  tx: Transaction,
  tenantId: string,
  triggerId: string,
  change: { [K in "cron" | "timezone" | "overlapPolicy" | "catchUpPolicy"]: NewSchedule[K] | undefined },
): Promise<void> {
  await tx.update(triggers).set(change).where(ownSchedule(tenantId, triggerId));
}

/** Sets the next fire of an enabled schedule that has none. */
export async function setNextFire(tx: Transaction, tenantId: string, triggerId: string, fire: Date): Promise<void> {
  await tx
    .update(triggers)
    .set({ nextFireAt: fire })
    .where(and(ownSchedule(tenantId, triggerId), triggers.enabled, isNull(triggers.nextFireAt)));
}
