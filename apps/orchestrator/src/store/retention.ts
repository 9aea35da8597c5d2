import { type Database, inBatches } from "@control-plane/db";
import { sql } from "drizzle-orm";

/** Uuid v7 holds its time in front, so rows older than some days are a range of ids and need no index by time. */
const idBefore = (days: number) =>
  sql`(lpad(to_hex((extract(epoch from now() - make_interval(days => ${days})) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid`;

/** Ends the dedupe window of deliveries older than 7 days. */
export function releaseDedupeKeys(db: Database): Promise<number> {
  return inBatches(async (rowsMax) => {
    const { rowCount } = await db.execute(sql`
      update webhook_deliveries set dedupe_key = null, replay_key = null
       where id in (select id from webhook_deliveries where id < ${idBefore(7)} and (dedupe_key is not null or replay_key is not null) order by id limit ${rowsMax})`);
    return rowCount ?? 0;
  });
}

/** Deletes deliveries older than 30 days; their runs stay. */
export function deleteOldDeliveries(db: Database): Promise<number> {
  return inBatches(async (rowsMax) => {
    const { rowCount } = await db.execute(sql`
      delete from webhook_deliveries where id in (select id from webhook_deliveries where id < ${idBefore(30)} order by id limit ${rowsMax})`);
    return rowCount ?? 0;
  });
}

/** Empties event buffers of attempts that are over. */
export function deleteEndedBuffers(db: Database): Promise<number> {
  return inBatches(async (rowsMax) => {
    const { rowCount } = await db.execute(sql`
      delete from internal.run_event_buffer b
       where (b.workflow_run_id, b.attempt, b.seq) in (
         select e.workflow_run_id, e.attempt, e.seq from internal.run_event_buffer e
           join workflow_runs r on r.id = e.workflow_run_id
          where r.attempt <> e.attempt or r.status not in ('RUNNING', 'CANCELLING') limit ${rowsMax})`);
    return rowCount ?? 0;
  });
}

/** Deletes events and crons that Hasura is done with for 7 days. */
export function deleteEventLogs(db: Database): Promise<number> {
  return inBatches(async (rowsMax) => {
    const { rows } = await db.execute<{ deleted: number }>(
      sql`select internal.prune_event_logs(${rowsMax}) as deleted`,
    );
    return rows[0]?.deleted ?? 0;
  });
}
